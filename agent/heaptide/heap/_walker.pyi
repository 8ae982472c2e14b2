"""The C walker. `heaptide.census` and `heaptide.heap.retention` are its users."""

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
