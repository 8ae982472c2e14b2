"""A dict at the top of a module, the plainest leak."""

from held import make

QUOTES = {}
EXPECTED = "module_attribute.QUOTES: dict of 5 -> [key]: Held"


def hold():
    objects, addresses = make()
    QUOTES.update({f"quote {index}": one for index, one in enumerate(objects)})
    return addresses
