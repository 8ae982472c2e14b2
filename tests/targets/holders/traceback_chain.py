"""A kept exception keeps the frames that it passed, and all their locals."""

from held import make

EXPECTED = "OrderError.__context__: ValueError -> ValueError.__traceback__: traceback -> "
ALSO = "traceback.tb_frame: frame -> local rows of traceback_chain.parse(): list of 5 -> [index]: Held"
LAST = None
found = []


class OrderError(Exception):
    pass


def parse():
    rows, addresses = make()
    found.extend(addresses)
    raise ValueError(len(rows))


def handle():
    try:
        parse()
    except ValueError as error:
        raise OrderError from error


def hold():
    global LAST
    try:
        handle()
    except OrderError as error:
        LAST = error
    return found
