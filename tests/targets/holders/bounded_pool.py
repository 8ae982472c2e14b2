from held import make

EXPECTED = "bounded_pool.POOL: Pool (at most 20) -> Pool._idle: list of 5 -> [index]: Held"


class Pool:
    """As asyncpg's, which has slots; psycopg_pool's has the same under another name."""

    __slots__ = ("_idle", "_maxsize")

    def __init__(self, most):
        self._idle = []
        self._maxsize = most


POOL = Pool(20)


def hold():
    objects, addresses = make()
    POOL._idle.extend(objects)
    return addresses
