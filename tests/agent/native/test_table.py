"""The table of samples alone, without Python around it, against a dict."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

SOURCE = Path(__file__).parents[3] / "agent/heaptide/tracemalloc_ng/_native/table.c"


class Filter(ctypes.Structure):
    _fields_ = [("counts", ctypes.c_void_p), ("mask", ctypes.c_size_t)]


class Sample(ctypes.Structure):
    _fields_ = [
        ("address", ctypes.c_size_t),
        ("size", ctypes.c_size_t),
        ("interval", ctypes.c_double),
        ("ordinal", ctypes.c_uint64),
        ("stack", ctypes.c_uint32),
        ("birth", ctypes.c_uint32),
    ]

    def fields(self):
        return self.address, self.size, self.interval, self.ordinal, self.stack, self.birth


class Table(ctypes.Structure):
    _fields_ = [
        ("filter", ctypes.POINTER(Filter)),
        ("slots", ctypes.c_void_p),
        ("mask", ctypes.c_size_t),
        ("live", ctypes.c_size_t),
        ("most_slots", ctypes.c_size_t),
    ]


class Random(ctypes.Structure):
    _fields_ = [("words", ctypes.c_uint64 * 4)]


Dropped = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(Sample))


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to build the table alone")
    built = tmp_path_factory.mktemp("table") / "table.so"
    flags = ["-std=gnu11", "-O1", "-g", "-shared", "-fPIC", "-DHEAPTIDE_NATIVE_ASSERT", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([compiler, *flags, str(SOURCE), "-o", str(built), "-lm"], check=True)
    loaded = ctypes.CDLL(str(built))
    loaded.ht_table_find.restype = ctypes.POINTER(Sample)
    for name in ("ht_table_open", "ht_table_insert", "ht_table_remove"):
        getattr(loaded, name).restype = ctypes.c_bool
    loaded.ht_table_shortest.restype = ctypes.c_double
    return loaded


# Few distinct addresses in one page, so that runs, wraps and holes come up; and some far away.
ADDRESSES = st.one_of(
    st.integers(1, 200).map(lambda n: n * 16), st.integers(1, 2**40).map(lambda n: n * 16), st.just(2**47 - 16)
)
INTERVALS = st.sampled_from([1.0, 2.0, 512.0, 4096.0, 2.0**19])


class AgainstDict(RuleBasedStateMachine):
    library = None
    max_bytes = 0

    def __init__(self):
        super().__init__()
        self.filter, self.table, self.random = Filter(), Table(), Random((1, 2, 3, 4))
        assert self.library.ht_table_open(
            ctypes.byref(self.table), ctypes.byref(self.filter), ctypes.c_size_t(self.max_bytes)
        )
        self.model = {}

    def teardown(self):
        self.library.ht_table_close(ctypes.byref(self.table))

    @rule(address=ADDRESSES, size=st.integers(1, 2**24), interval=INTERVALS, number=st.integers(0, 2**32 - 1))
    def insert(self, address, size, interval, number):
        if address in self.model:
            return
        sample = Sample(address, size, interval, number * 7, number, number)
        full = (len(self.model) + 1) * 4 > self.table.most_slots * 3
        assert self.library.ht_table_insert(ctypes.byref(self.table), ctypes.byref(sample)) is not full
        if not full:
            self.model[address] = sample.fields()

    @rule(address=ADDRESSES)
    def remove_any(self, address):
        self.remove(address)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove_known(self, data):
        self.remove(data.draw(st.sampled_from(sorted(self.model))))

    def remove(self, address):
        removed = Sample()
        found = self.library.ht_table_remove(ctypes.byref(self.table), ctypes.c_size_t(address), ctypes.byref(removed))
        expected = self.model.pop(address, None)
        assert (removed.fields() if found else None) == expected

    @rule(interval=INTERVALS)
    def thin(self, interval):
        dropped = {}
        callback = Dropped(lambda _, sample: dropped.update({sample[0].address: sample[0].fields()}))
        self.library.ht_table_thin(
            ctypes.byref(self.table), ctypes.c_double(interval), ctypes.byref(self.random), callback, None
        )
        for address, fields in dropped.items():
            assert self.model.pop(address) == fields
            assert fields[2] < interval
        for address, fields in self.model.items():
            self.model[address] = (*fields[:2], max(fields[2], interval), *fields[3:])

    @invariant()
    def holds_what_the_dict_holds(self):
        self.library.ht_table_check(ctypes.byref(self.table))
        assert self.table.live == len(self.model)
        for address, fields in self.model.items():
            found = self.library.ht_table_find(ctypes.byref(self.table), ctypes.c_size_t(address))
            assert found[0].fields() == fields
        shortest = self.library.ht_table_shortest(ctypes.byref(self.table))
        assert shortest == min((fields[2] for fields in self.model.values()), default=0)


@pytest.mark.parametrize("max_bytes", [64 * 40, 1 << 20], ids=["64 slots", "many slots"])
def test_the_table_holds_what_a_dict_holds(library, max_bytes):
    case = type("Case", (AgainstDict,), {"library": library, "max_bytes": max_bytes}).TestCase
    case.settings = settings(
        max_examples=60, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
    )
    case().runTest()


def test_the_table_grows_with_thousands_of_samples_and_its_filter_with_it(library):
    table, filter_, removed = Table(), Filter(), Sample()
    assert library.ht_table_open(ctypes.byref(table), ctypes.byref(filter_), ctypes.c_size_t(8 << 20))
    addresses = [0x7F0000000000 + 48 * step for step in range(20_000)]
    for address in addresses:
        sample = Sample(address, 48, 1.0, 0, 0, 0)
        assert library.ht_table_insert(ctypes.byref(table), ctypes.byref(sample))
    library.ht_table_check(ctypes.byref(table))
    assert filter_.mask + 1 >= 8 * table.live
    for address in addresses:
        assert library.ht_table_remove(ctypes.byref(table), ctypes.c_size_t(address), ctypes.byref(removed))
    library.ht_table_check(ctypes.byref(table))
    assert table.live == 0
    library.ht_table_close(ctypes.byref(table))
