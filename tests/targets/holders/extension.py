"""An extension that took a reference and forgot it."""

import ctypes

from held import make

EXPECTED = "held from C: list of 5 -> [index]: Held"


def hold():
    objects, addresses = make()
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(objects))
    return addresses
