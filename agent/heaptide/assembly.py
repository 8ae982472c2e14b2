"""Puts the agent's thread together, in that thread: the only place that knows all of its parts."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heaptide import identity, servers
from heaptide.census import Census
from heaptide.delivery import Delivery
from heaptide.excerpts import Excerpts
from heaptide.heap.diagnosis import Diagnosis
from heaptide.inbox import Inbox
from heaptide.loop import Loop
from heaptide.paths import Places
from heaptide.probes import Probes, all_probes
from heaptide.reporter import Reporter, Sources
from heaptide.ring import Ring
from heaptide.settings import Settings
from heaptide.transport import Transport
from heaptide.vitals import Vitals, process_started_at

if TYPE_CHECKING:
    from heaptide.lifecycle import Agent


def assemble(agent: Agent, inbox: Inbox, supervises: Callable[[], bool]) -> Loop:
    """Makes the loop of an agent that has its settings and its tracer.

    Raises:
        OSError: a file that the settings name can't be read.
    """
    if agent.settings is None or agent.tracer is None:
        raise ValueError(f"an agent that is {agent.state} has no settings or no tracer")
    settings, ring, place = agent.settings, Ring(), Places().place
    worker = _worker(settings, agent.module)
    # A worker that was forked runs what its master imported.
    excerpts = Excerpts(place, min(worker["started_at"], agent.imported_at)) if settings.source else None
    diagnosis = Diagnosis(excerpts=excerpts)
    reporter = Reporter(
        Sources(agent.tracer, Census(), Vitals(garbage=diagnosis.garbage.vitals), place),
        interval_s=settings.interval_s,
        started_at=worker["started_at"],
        gate=agent.gate,
        probes=Probes(all_probes(agent.gate, place, ask_database=settings.ask_database), agent.gate),
    )
    return Loop(
        inbox=inbox,
        reporter=reporter,
        ring=ring,
        delivery=Delivery(Transport(settings), ring, worker, reporter.resync),
        tracer=agent.tracer,
        gate=agent.gate,
        interval_s=settings.interval_s,
        supervises=supervises,
        diagnosis=diagnosis,
    )


def _worker(settings: Settings, module: str) -> dict[str, Any]:
    main = getattr(sys.modules.get("__main__"), "__spec__", None)
    return identity.worker(
        settings,
        service=identity.service_name(module, sys.argv, getattr(main, "name", None)),
        server=servers.server_name(servers.main_calls()),
        started_at=_started_at(),
        environ=os.environ,
        folder=Path.cwd(),
    )


def _started_at() -> float:
    try:
        return process_started_at()
    except (OSError, ValueError):  # no /proc here: now is near enough
        return time.time()
