"""The C walker. `heaptide.census`, `heaptide.heap.retention` and `heaptide.vitals.pymalloc` are its users."""

PYMALLOC_IN_STEPS: bool

def count_types() -> list[tuple[type, int]]: ...
def fork_walk(
    targets: bytes,
    modules: list[tuple[str, object]],
    named: list[tuple[str, object]],
    own: list[object],
    deque: type,
    limit_s: float,
    most_bytes: int,
    /,
) -> tuple[int, int, float]: ...
def read_some(fd: int, timeout_s: float, /) -> bytes | None: ...
def end_walk(pid: int, fd: int, /) -> int: ...
def pymalloc(at: int, most: int, /) -> tuple[int, int, int] | None: ...
