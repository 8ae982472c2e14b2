"""Quotes given to customers, remembered in case they come back. Nobody thought of forgetting them."""

from __future__ import annotations

import json

_QUOTES: dict[int, str] = {}


def remember(number: int, products: list[int], page: str) -> None:
    """Keeps a quote under its number, for ever: a module's dict without eviction."""
    quote = {"number": number, "products": products, "page": page}
    _QUOTES[number] = json.dumps(quote)  # the leak
