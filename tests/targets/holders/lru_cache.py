import functools

from held import make

EXPECTED = "lru_cache.quote_of: _lru_cache_wrapper (at most 10,000) -> [cached]: Held"
_objects, _addresses = make()


@functools.lru_cache(maxsize=10_000)
def quote_of(number):
    return _objects.pop()


def hold():
    for number in range(5):
        quote_of(number)
    return _addresses
