"""`/api/v1/checks`: what fails in production, with evidence and a fix."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from heaptide_server.checks.checkup import Checked, check_all
from heaptide_server.leaks.ledger import Ledger
from heaptide_server.store.protocol import Store


def router(store: Store, ledger: Ledger) -> APIRouter:
    """Routes about checks."""
    routes = APIRouter(prefix="/api/v1/checks")

    @routes.get("")
    def get_checks(service: str | None = None, environment: str | None = None) -> dict[str, Any]:
        """Findings of a service, or of all; the worst of each service first.

        `services` says what was looked at: a service without workers that tell facts has no findings for want of facts.
        """
        checked = list(check_all(store, ledger, time.time(), service, environment))
        return {
            "services": [_service_json(one) for one in checked],
            "findings": [row for one in checked for row in findings_json(one)],
        }

    return routes


def findings_json(checked: Checked) -> list[dict[str, Any]]:
    """The findings of one service as the API tells them."""
    about = {"service": checked.service, "environment": checked.environment}
    return [{"id": checked.id_of(finding)} | about | asdict(finding) for finding in checked.findings]


def _service_json(checked: Checked) -> dict[str, Any]:
    return {
        "service": checked.service,
        "environment": checked.environment,
        "workers": checked.workers,
        "telling": checked.telling,
        "findings": len(checked.findings),
    }
