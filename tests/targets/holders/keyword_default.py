from held import make

EXPECTED = "default of argument seen of keyword_default.handle(): list of 5 -> [index]: Held"


def handle(request=None, *, seen=[]):  # noqa: B006 - the mistake is the point
    seen.append(request)


def hold():
    objects, addresses = make()
    for one in objects:
        handle(one)
    return addresses
