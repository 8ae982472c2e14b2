"""The bodies that Slack and PagerDuty take, within their limits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from heaptide_server.alerts.sheet import Sheet, timestamp

SLACK_BLOCKS = 50
SLACK_LEAKS = SLACK_BLOCKS - 1  # a header, and a section for each
SLACK_HEADER_CHARACTERS = 150
SLACK_SECTION_CHARACTERS = 3000
SLACK_STACK_FRAMES = 10
PAGERDUTY_KEY_CHARACTERS = 255
PAGERDUTY_SUMMARY_CHARACTERS = 1024


def slack(sheets: Sequence[Sheet]) -> dict[str, Any]:
    """A message of blocks, with the plain `text` that notifications show: one leak in full, several in a section each.

    Args:
        sheets: at most `SLACK_LEAKS`.
    """
    title = _title(sheets)
    text = sheets[0].summary if len(sheets) == 1 else f"{title}: {'; '.join(sheet.place for sheet in sheets)}"
    sections = _in_full(sheets[0]) if len(sheets) == 1 else [_in_short(sheet) for sheet in sheets]
    heading = {"type": "plain_text", "text": shorten(title, SLACK_HEADER_CHARACTERS)}
    return {
        "text": shorten(_escape(text), SLACK_SECTION_CHARACTERS),
        "blocks": [{"type": "header", "text": heading}, *[_section(part) for part in sections if part]],
    }


def _title(sheets: Sequence[Sheet]) -> str:
    first = sheets[0]
    if first.kind == "check":
        what = "Check passes again" if first.resolved else "Check failed"
        return f"{what} in {first.service}" if len(sheets) == 1 else f"{len(sheets)} checks of {first.service}"
    if len(sheets) == 1:
        return f"{'Leak resolved' if first.resolved else 'Memory leak'} in {first.service}"
    what = "leaks resolved" if first.resolved else "memory leaks"
    return f"{len(sheets)} {what} in {first.service} ({first.environment})"


def _in_full(sheet: Sheet) -> list[str]:
    return [_escape(sheet.summary), _escape(sheet.evidence), *_stack(sheet), _link(sheet)]


def _in_short(sheet: Sheet) -> str:
    link = _link(sheet)
    text = "\n".join(filter(None, (_escape(sheet.summary), _escape(sheet.evidence))))
    return f"{shorten(text, SLACK_SECTION_CHARACTERS - len(link) - 1)}\n{link}"


def _link(sheet: Sheet) -> str:
    return f"<{sheet.url}|Open in Heaptide>"


def _stack(sheet: Sheet) -> list[str]:
    if not sheet.frames or sheet.resolved:
        return []
    lines = [_escape(frame) for frame in sheet.frames[:SLACK_STACK_FRAMES]]
    return ["```" + shorten("\n".join(lines), SLACK_SECTION_CHARACTERS - 6) + "```"]


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": shorten(text, SLACK_SECTION_CHARACTERS)}}


def _escape(text: str) -> str:
    # The three characters that Slack gives a meaning; so <lambda> is read and <!channel> wakes nobody.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def pagerduty(sheet: Sheet) -> dict[str, Any]:
    """An event of PagerDuty's Events API v2. Its `dedup_key` is the leak's id, so that resolve closes what it opened.

    The routing key is a secret: `with_routing_key` adds it when the event is sent, so that no table keeps it.
    """
    return {
        "event_action": "resolve" if sheet.resolved else "trigger",
        "dedup_key": sheet.leak_id[:PAGERDUTY_KEY_CHARACTERS],
        "client": "Heaptide",
        "client_url": sheet.url,
        "links": [{"href": sheet.url, "text": "Open in Heaptide"}],
        "payload": {
            "summary": shorten(sheet.summary, PAGERDUTY_SUMMARY_CHARACTERS),
            "source": sheet.service,
            "severity": "critical" if sheet.kind == "check" else "warning",
            "timestamp": timestamp(sheet.at),
            "component": sheet.label,
            "group": sheet.environment,
            "class": "check" if sheet.kind == "check" else f"leak {sheet.kind}",
            "custom_details": {"evidence": sheet.evidence, "growth": sheet.rate, "release": sheet.release},
        },
    }


def with_routing_key(body: str, routing_key: str) -> str:
    """A PagerDuty event, ready to be sent."""
    return json.dumps({"routing_key": routing_key, **json.loads(body)}, separators=(",", ":"))


def shorten(text: str, characters: int) -> str:
    """The text, cut with an ellipsis where it is longer."""
    return text if len(text) <= characters else text[: characters - 1] + "…"
