"""What the log says of sending: one line when an outage begins, one when it ends, one for what needs a person."""

from __future__ import annotations

import logging

from heaptide_server.alerts.outbox import Delivery
from heaptide_server.alerts.sending import GONE, Answer
from heaptide_server.alerts.targets import Target

log = logging.getLogger(__name__)


class Outages:
    """Remembers which targets don't take alerts at present."""

    def __init__(self) -> None:
        self._failing: set[str] = set()

    def note(self, delivery: Delivery, target: Target, answer: Answer, delay_s: float | None) -> None:
        """Logs an attempt where it changes something.

        Args:
            delay_s: seconds until the next attempt; None where there is none.
        """
        if answer.delivered:
            if target.name in self._failing:
                log.info("%s takes alerts again", target)
            self._failing.discard(target.name)
            return
        if answer.status == GONE:
            log.warning("%s is disabled: it answered 410 Gone; replay a delivery or test it to enable it", target)
        elif delay_s is None:
            log.warning("%s: gave up on delivery %d, %s: %s", target, delivery.id, delivery.type, answer.error)
        elif target.name not in self._failing:
            log.warning("%s doesn't take alerts: %s; trying again in %.0f s", target, answer.error, delay_s)
        self._failing.add(target.name)
