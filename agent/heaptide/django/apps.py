"""Django's way in. Django sets up its apps in every command, so most processes that come here never serve."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.core.signals import request_started

from heaptide.django.counting import count
from heaptide.lifecycle import AGENT


class HeaptideConfig(AppConfig):  # type: ignore[misc] # Django has no types
    """Counts Django's requests; starts the agent in a process that is known to serve, else with the first request."""

    name = "heaptide.django"
    label = "heaptide"

    def ready(self) -> None:
        """Called by Django in each process, also in a reloader's parent."""
        request_started.connect(count, dispatch_uid="heaptide")
        AGENT.expect(str(settings.SETTINGS_MODULE))
