from held import make

EXPECTED = "bounded_in_bytes.PAGES: Cache of 4,096 (at most 1,048,576) -> Cache._Cache__data: dict of 5 -> [key]: Held"


class Cache:
    """As cachetools': its bound counts in what getsizeof tells, and so does its size."""

    def __init__(self, maxsize):
        self.__data = {}
        self.__currsize = 0
        self.__maxsize = maxsize

    def keep(self, objects, size):
        self.__data.update(enumerate(objects))
        self.__currsize += size


PAGES = Cache(1 << 20)


def hold():
    objects, addresses = make()
    PAGES.keep(objects, 4096)
    return addresses
