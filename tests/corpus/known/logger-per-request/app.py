"""A logger of its own for each request, so that its lines tell which: the logging module keeps every logger for good.

VARIANT=fixed tells the request in an adapter of the one logger.
"""

import itertools
import logging
import os

LEAKY = os.environ.get("VARIANT", "leaky") == "leaky"
NUMBERS = itertools.count(1)
LOGGER = logging.getLogger("shop.requests")


def logger_of(request_id: str) -> "logging.Logger | logging.LoggerAdapter[logging.Logger]":
    if LEAKY:
        return logging.getLogger(f"shop.requests.{request_id}")
    return logging.LoggerAdapter(LOGGER, {"request_id": request_id})


def price(basket: dict[str, int], request_id: str) -> int:
    logger = logger_of(request_id)
    logger.debug("pricing %d lines", len(basket))
    total = sum(basket.values())
    logger.info("priced at %d", total)
    return total


def step() -> None:
    number = next(NUMBERS)
    price({"tea": number % 90, "mug": 12}, f"r{number:08x}")
