"""The bodies that Slack and PagerDuty take, within their limits."""

from __future__ import annotations

import json
from typing import Any

from heaptide_server.alerts.sentences import Notice, is_resolved, label, rate, summary

SLACK_HEADER_CHARACTERS = 150
SLACK_SECTION_CHARACTERS = 3000
SLACK_STACK_FRAMES = 10
PAGERDUTY_KEY_CHARACTERS = 255
PAGERDUTY_SUMMARY_CHARACTERS = 1024


def slack(notice: Notice, url: str) -> dict[str, Any]:
    """A message of blocks, with the plain `text` that notifications show. Far from Slack's bound of 50 blocks."""
    leak, text = notice.leak, summary(notice)
    state = "Leak resolved" if is_resolved(notice) else "Memory leak"
    paragraphs = [_escape(text), _escape(leak.evidence), *_stack(notice), f"<{url}|Open in Heaptide>"]
    heading = {"type": "plain_text", "text": shorten(f"{state} in {leak.service}", SLACK_HEADER_CHARACTERS)}
    return {
        "text": shorten(_escape(text), SLACK_SECTION_CHARACTERS),
        "blocks": [{"type": "header", "text": heading}, *[_section(part) for part in paragraphs if part]],
    }


def _stack(notice: Notice) -> list[str]:
    frames = notice.leak.site.frames if notice.leak.site else ()
    if not frames or is_resolved(notice):
        return []
    lines = [_escape(f"{frame.file}:{frame.line} {frame.function}") for frame in frames[:SLACK_STACK_FRAMES]]
    return ["```" + shorten("\n".join(lines), SLACK_SECTION_CHARACTERS - 6) + "```"]


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": shorten(text, SLACK_SECTION_CHARACTERS)}}


def _escape(text: str) -> str:
    # The three characters that Slack gives a meaning; so <lambda> is read and <!channel> wakes nobody.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def pagerduty(notice: Notice, timestamp: str, url: str) -> dict[str, Any]:
    """An event of PagerDuty's Events API v2. Its `dedup_key` is the leak's id, so that resolve closes what it opened.

    The routing key is a secret: `with_routing_key` adds it when the event is sent, so that no table keeps it.
    """
    leak = notice.leak
    return {
        "event_action": "resolve" if is_resolved(notice) else "trigger",
        "dedup_key": leak.id[:PAGERDUTY_KEY_CHARACTERS],
        "client": "Heaptide",
        "client_url": url,
        "links": [{"href": url, "text": "Open in Heaptide"}],
        "payload": {
            "summary": shorten(summary(notice), PAGERDUTY_SUMMARY_CHARACTERS),
            "source": leak.service,
            "severity": "warning",
            "timestamp": timestamp,
            "component": label(leak),
            "group": leak.environment,
            "class": f"leak {leak.kind}",
            "custom_details": {"evidence": leak.evidence, "growth": rate(leak), "release": leak.release},
        },
    }


def with_routing_key(body: str, routing_key: str) -> str:
    """A PagerDuty event, ready to be sent."""
    return json.dumps({"routing_key": routing_key, **json.loads(body)}, separators=(",", ":"))


def shorten(text: str, characters: int) -> str:
    """The text, cut with an ellipsis where it is longer."""
    return text if len(text) <= characters else text[: characters - 1] + "…"
