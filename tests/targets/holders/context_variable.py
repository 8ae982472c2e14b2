import contextvars

from held import make

EXPECTED = "contextvar request_seen: list of 5 -> [index]: Held"
variable = contextvars.ContextVar("request_seen")


def hold():
    objects, addresses = make()
    variable.set(objects)
    return addresses
