from held import make

EXPECTED = "closure variable seen of closure.counting.<locals>.handle(): list of 5 -> [index]: Held"


def counting():
    seen, addresses = make()

    def handle():
        return seen

    return handle, addresses


handle, _addresses = counting()


def hold():
    return _addresses
