"""heaptide.tracemalloc_ng is used as tracemalloc is."""

import subprocess
import sys
import tracemalloc

import pytest

from heaptide import tracemalloc_ng as t
from heaptide.tracemalloc_ng import _sampler


@pytest.fixture
def tracing():
    t.start(4, 1, samples_per_s=1e12, table_bytes=1 << 28)
    yield
    t.stop()


def allocate():
    kept = [None] * 100
    for index in range(100):
        kept[index] = bytes(10_000)
    return kept


def line_of_allocate():
    return allocate.__code__.co_firstlineno + 3


def group(snapshot, key_type="lineno"):
    return {(stat.traceback[-1].filename, stat.traceback[-1].lineno): stat for stat in snapshot.statistics(key_type)}


def test_it_has_every_public_name_of_tracemalloc():
    public = {name for name in dir(tracemalloc) if not name.startswith("_")}
    modules = {"Iterable", "Sequence", "fnmatch", "linecache", "os", "pickle", "total_ordering"}
    assert [name for name in public - modules if not hasattr(t, name)] == []


def test_importing_it_does_not_import_tracemalloc():
    script = "import heaptide.tracemalloc_ng, sys; sys.exit('tracemalloc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_it_is_tracing_between_start_and_stop():
    assert not t.is_tracing()
    t.start(7)
    assert t.is_tracing()
    assert t.get_traceback_limit() == 7
    assert t.sample_bytes() == t.SAMPLE_BYTES
    t.start(9)
    assert t.get_traceback_limit() == 7
    t.stop()
    t.stop()
    assert not t.is_tracing()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"nframe": 0}, "frames is 0"),
        ({"nframe": 100_000}, "frames is 100000"),
        ({"sample_bytes": 0}, "between 1 and 1 GiB"),
        ({"sample_bytes": float("nan")}, "between 1 and 1 GiB"),
        ({"sample_bytes": 1e12}, "between 1 and 1 GiB"),
        ({"samples_per_s": 0}, "at least 1"),
        ({"table_bytes": 10}, "table_bytes is 10"),
    ],
)
def test_start_says_which_argument_is_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        t.start(**arguments)
    assert not t.is_tracing()


def test_without_tracing_a_snapshot_is_refused():
    with pytest.raises(RuntimeError, match="isn't tracing"):
        t.take_snapshot()
    with pytest.raises(RuntimeError, match="isn't tracing"):
        t.estimates()


def test_statistics_by_line_file_and_traceback_count_bytes_and_blocks(tracing):
    kept = allocate()
    snapshot = t.take_snapshot()
    by_line = group(snapshot)[__file__, line_of_allocate()]
    assert by_line.size == pytest.approx(sum(map(sys.getsizeof, kept)), rel=0.01)
    assert by_line.count == 100
    by_file = group(snapshot, "filename")[__file__, 0]
    assert by_file.size >= by_line.size
    (stack,) = [stat for stat in snapshot.statistics("traceback") if stat.traceback[-1].lineno == line_of_allocate()]
    assert stack.traceback.format()
    assert len(stack.traceback) == 4
    cumulative = {stat.traceback[0].lineno: stat for stat in snapshot.statistics("lineno", cumulative=True)}
    assert cumulative[line_of_allocate()].count == by_line.count


def test_filters_keep_and_drop_traces_with_their_blocks(tracing):
    kept = allocate()
    snapshot = t.take_snapshot()
    only = snapshot.filter_traces([t.Filter(True, __file__, line_of_allocate())])
    assert isinstance(only, t.Snapshot)
    (stat,) = only.statistics("lineno")
    assert stat == group(snapshot)[__file__, line_of_allocate()]
    without = snapshot.filter_traces((t.Filter(False, __file__), t.DomainFilter(True, 0)))
    assert (__file__, line_of_allocate()) not in group(without)
    assert len(snapshot.filter_traces([]).traces) == len(snapshot.traces)
    assert kept


def test_compare_to_tells_growth_in_bytes_and_blocks(tracing):
    kept = allocate()
    before = t.take_snapshot()
    kept += allocate()
    after = t.take_snapshot()
    differences = {diff.traceback[0].lineno: diff for diff in after.compare_to(before, "lineno")}
    grown = differences[line_of_allocate()]
    assert grown.size_diff == pytest.approx(100 * sys.getsizeof(bytes(10_000)), rel=0.01)
    assert 99 <= grown.count_diff <= 101
    assert grown.count >= 200


def test_a_snapshot_survives_dump_and_load(tracing, tmp_path):
    kept = allocate()
    snapshot = t.take_snapshot()
    snapshot.dump(str(tmp_path / "snapshot"))
    loaded = t.Snapshot.load(str(tmp_path / "snapshot"))
    assert loaded.statistics("lineno") == snapshot.statistics("lineno")
    assert kept


def test_traced_memory_its_peak_and_reset(tracing):
    kept = allocate()
    current, peak = t.get_traced_memory()
    assert peak >= current > 1_000_000
    del kept
    current, peak = t.get_traced_memory()
    assert peak > 1_000_000 > current
    t.reset_peak()
    assert t.get_traced_memory()[1] < 1_000_000


class Plain:
    pass


class Slotted:
    __slots__ = ("a",)


class Referable:
    __slots__ = ("__weakref__", "a")


@pytest.mark.parametrize(
    "make",
    [
        lambda: bytes(1000),
        lambda: list(range(1000, 1010)),
        lambda: {"a": object()},
        Plain,
        Slotted,
        Referable,
        lambda: type("Made", (), {}),
        lambda: (n for n in ()),
        lambda: "x" * len(__file__),
    ],
)
def test_an_object_has_the_traceback_of_its_allocation(tracing, make):
    line = sys._getframe().f_lineno + 1
    made = [make() for _ in range(200)]  # past the interpreter's lists of freed objects, whose blocks are older
    found = [t.get_object_traceback(obj) for obj in made]
    lines = {frame.lineno for traceback in found if traceback for frame in traceback if frame.filename == __file__}
    assert sum(traceback is not None for traceback in found) > 100
    assert line in lines


def test_an_object_that_was_not_sampled_has_no_traceback():
    older = bytes(1000)
    t.start(4, 1)
    try:
        assert t.get_object_traceback(older) is None
    finally:
        t.stop()


def test_clear_traces_forgets_and_goes_on(tracing):
    kept = allocate()
    t.clear_traces()
    assert t.get_traced_memory()[0] < 1_000_000
    assert t.is_tracing()
    kept += allocate()
    assert t.get_traced_memory()[0] > 1_000_000


def test_its_own_memory_is_told_and_given_back():
    t.start()
    assert 50_000 < t.get_tracemalloc_memory() < t.TABLE_BYTES
    t.stop()
    assert t.get_tracemalloc_memory() == 0


def test_an_estimate_tells_how_far_it_may_be_off():
    t.start(1, 100_000)
    try:
        _sampler.seed(3)
        kept = [bytes(10_000) for _ in range(3000)]
        largest = t.estimates()[0]
        true = sum(map(sys.getsizeof, kept))
        assert 0 < largest.standard_error_bytes < true / 5
        assert abs(largest.bytes - true) < 4 * largest.standard_error_bytes
        assert largest.allocated_bytes == pytest.approx(largest.bytes)
    finally:
        t.stop()


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = t.nonsense
