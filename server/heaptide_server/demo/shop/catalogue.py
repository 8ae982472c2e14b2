"""Product pages, rendered once and kept: a cache with a bound. It fills up after a start, and then it stays."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=500)
def page(product: int) -> str:
    """Renders a product's page, about 4 kB of text."""
    return f"<h1>Product {product}</h1>" + "".join(f"<p>{product}.{line}: made with care.</p>" for line in range(120))
