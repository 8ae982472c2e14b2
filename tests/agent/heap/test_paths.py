"""How a path reads, and how paths that read the same become one."""

from __future__ import annotations

from heaptide.heap.answer import Found, Link, Root
from heaptide.heap.paths import merge

MODULE = Root(1, "shop.quotes", "", 0)


def link(
    edge: str, name: str, kind: str, *, position: int = -1, own: str = "", length: int = -1, bound: int = -1
) -> Link:
    return Link(edge, name, position, kind, own, length, bound)


def held(*links: Link, root: Root = MODULE, left_out: int = 0) -> Found:
    return Found(16, "h", False, links[-1].type, root, left_out, links)


def quotes(key: str, *, length: int = 48_211) -> Found:
    return held(
        link("r", "", "dict", length=90),
        link("k", "_QUOTES", "dict", length=length),
        link("k", key, "shop.quotes.Quote"),
        link(".", "lines", "list", length=3),
        link("i", "", "dict", position=0, length=2),
    )


def test_a_path_reads_as_code_would():
    (path,) = merge([quotes("a"), quotes("b")], {})
    assert (
        str(path)
        == "shop.quotes._QUOTES: dict of 48,211 -> [key]: Quote -> Quote.lines: list of 3 -> [index]: dict of 2"
    )
    assert path.count == 2
    assert path.hops[1].type == "shop.quotes.Quote"


def test_paths_through_siblings_are_one_with_a_count_and_the_most_frequent_comes_first():
    other = held(link("r", "", "dict"), link("k", "LAST", "shop.quotes.Quote"))
    paths = merge([other, *(quotes(f"key {number}") for number in range(200))], {})
    assert [path.count for path in paths] == [200, 1]
    assert paths[1].hops[0].name == "shop.quotes.LAST"


def test_an_instances_own_dict_reads_like_its_attribute():
    found = held(
        link("r", "", "dict"),
        link("k", "BOOK", "shop.quotes.Book"),
        link("d", "", "dict", length=4),
        link("k", "pages", "list", length=7),
    )
    assert str(merge([found], {})[0]) == "shop.quotes.BOOK: Book -> Book.pages: list of 7"


def test_the_keys_of_a_large_dict_are_data_and_stay_in_the_process():
    assert merge([quotes("alice")], {})[0].hops[1].name == "[key]"
    assert merge([quotes("alice", length=10)], {})[0].hops[1].name == "['alice']"
    assert merge([quotes("alice@example.org", length=10)], {})[0].hops[1].name == "[key]"
    assert merge([quotes("alice", length=10), quotes("bob", length=10)], {})[0].hops[1].name == "[key]"


def test_a_holder_with_a_bound_tells_it():
    found = held(link("r", "", "dict"), link("k", "RECENT", "collections.deque", length=5, bound=50))
    assert merge([found], {})[0].hops[0].bound == 50
    assert "(at most 50)" in str(merge([found], {})[0])


def test_a_bound_that_no_memory_can_hold_is_none():
    found = held(link("r", "", "dict"), link("k", "RECENT", "collections.deque", length=5, bound=1 << 62))
    assert merge([found], {})[0].hops[0].bound is None


def test_a_frame_tells_its_thread():
    root = Root(3, "rows", "shop.serve", 77)
    (path,) = merge([held(link("r", "", "list", length=2), root=root)], {77: "worker-1"})
    assert str(path) == "local rows of running shop.serve() in thread worker-1: list of 2"


def test_a_long_chain_of_the_same_hop_is_one():
    nodes = [link(".", "next", "shop.Node") for _ in range(40)]
    found = held(link("r", "", "dict"), link("k", "HEAD", "shop.Node"), *nodes, left_out=1_000)
    assert [hop.name for hop in merge([found], {})[0].hops] == ["shop.quotes.HEAD", "Node.next (1,040 times)"]


def test_garbage_and_what_nobody_knows_have_no_path():
    assert merge([Found(16, "g", False, "dict"), Found(32, "-", False, ""), Found(48, "o", False, "dict")], {}) == []
