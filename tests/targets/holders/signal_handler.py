import functools
import signal

from held import make

EXPECTED = "signal handler of signal 12: partial -> partial.args: tuple of 1 -> [0]: list of 5 -> [index]: Held"


def hold():
    objects, addresses = make()
    signal.signal(signal.SIGUSR2, functools.partial(print, objects))
    return addresses
