from held import make

EXPECTED = "generator_frame.PENDING: generator -> local rows of generator_frame.pages(): list of 5 -> [index]: Held"
found = []


def pages():
    rows, addresses = make()
    found.extend(addresses)
    yield from range(10)
    return rows


PENDING = pages()


def hold():
    next(PENDING)
    return found
