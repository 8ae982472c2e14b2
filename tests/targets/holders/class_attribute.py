from held import make

EXPECTED = "class_attribute.Registry.seen: list of 5 -> [index]: Held"


class Registry:
    seen = []  # noqa: RUF012 - the mistake is the point


def hold():
    objects, addresses = make()
    Registry.seen.extend(objects)
    return addresses
