"""The shop's HTTP interface; the two lines that connect it to Heaptide stand at its top and at its end."""

from __future__ import annotations

from itertools import count
from typing import Any

from fastapi import FastAPI

import heaptide

from . import baskets, catalogue, quotes, reports

app = FastAPI(title="The leaking shop", openapi_url=None)
_numbers = count(1)


@app.get("/products/{product}/quote")
async def quote(product: int, pieces: int = 1) -> dict[str, Any]:
    """Quotes a price; every quote gets a new number."""
    page = catalogue.page(product)
    basket = baskets.fill(product, pieces)
    number = next(_numbers)
    quotes.remember(number, basket.products(), page)
    return {"quote": number, "price": basket.price(), "checksum": reports.checksum(page)}


heaptide.start(app)
