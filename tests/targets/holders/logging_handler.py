import logging.handlers

from held import make

EXPECTED = "MemoryHandler.buffer: list of 5 -> [index]: LogRecord -> LogRecord.order: Held"


def hold():
    objects, addresses = make()
    log = logging.getLogger("orders")
    log.propagate = False
    log.addHandler(logging.handlers.MemoryHandler(10_000))
    for one in objects:
        log.warning("order", extra={"order": one})
    return addresses
