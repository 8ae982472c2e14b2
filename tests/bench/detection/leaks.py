"""The leaks of the corpus. Each function gives the parts of one site over one life of a worker."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from tests.bench.detection.parts import Draw, Held, Life, Part, Tables, flowing, following, leaking

from heaptide_server.model import Floats

Shape = Callable[[np.random.Generator, Draw, Life], list[Part]]


def _per_request(draw: Draw, life: Life) -> Floats:
    return draw.size * life.requests / draw.day_requests


def linear(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    return [leaking(_per_request(draw, life))]


def rare_path(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    often = draw.between(60, 600)
    hits = rng.poisson(often * life.requests / draw.day_requests)
    return [leaking(draw.size / often * hits)]


def error_bursts(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    common, count = draw.common(), int(draw.between(12, 48))
    bursting = np.zeros(draw.day + 1)
    for begin in common.uniform(0, draw.day, count):
        bursting[int(begin) : int(begin + draw.between(3, 15, "y"))] = 1
    share = bursting[life.begin : life.begin + life.n]
    return [leaking(_per_request(draw, life) * share / max(bursting.mean(), 0.02))]


def per_time(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    return [leaking(np.full(life.n, draw.size / draw.day))]


def accelerating(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    level = 1.5 * draw.size * (life.served / draw.day_requests) ** (1.3 + 0.7 * draw.x)
    return [leaking(np.diff(level, prepend=0.0))]


def sublinear(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    level = 1.5 * draw.size * (life.served / draw.day_requests) ** (0.6 + 0.25 * draw.x)
    return [leaking(np.diff(level, prepend=0.0))]


def late_onset(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    return [leaking(1.5 * _per_request(draw, life) * (life.now > onset_share(draw) * draw.day))]


def onset_share(draw: Draw) -> float:
    """Where in the day a late one begins."""
    return 0.2 + 0.3 * draw.y


def under_sawtooth(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    period = draw.between(3, 30)
    tooth = (0.2 + 0.6 * draw.y) * draw.size * ((life.age + rng.uniform(0, period)) % period) / period
    return [leaking(_per_request(draw, life)), following(tooth)]


def one_of_four(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    return [leaking(_per_request(draw, life) * (life.slot == 1 + int(draw.x * 4)))]


def hourly_step(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    hour = draw.day / 24
    steps = np.floor((life.now + draw.x * hour) / hour) - np.floor((life.now - 1 + draw.x * hour) / hour)
    return [leaking(draw.size / 24 * steps)]


def masked(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    keep = int(draw.between(10, 120, "y"))
    put = (0.5 + draw.x) * draw.size * life.requests / draw.day_requests * draw.day / keep
    return [leaking(_per_request(draw, life)), flowing(put, keep)]


def partly_released(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    put = 1.3 * _per_request(draw, life)
    every, share = draw.day / draw.between(4, 16), 0.2 + 0.3 * draw.y
    freed, since = np.zeros(life.n), 0.0
    for index in range(life.n):
        since += put[index]
        if life.now[index] % every < 1:
            freed[index], since = share * since, 0.0
    return [Held(put, freed, "any")]


def rare_and_big(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    often = draw.between(10, 40)
    return [Tables(draw.size / often * np.cumsum(rng.poisson(often / draw.day, life.n)))]


def dict_doubling(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    entries = 0.6 * _per_request(draw, life)
    size = np.cumsum(entries) / 100
    table = 100 * 0.7 * 2.0 ** np.ceil(np.log2(np.maximum(size, 8)))
    return [leaking(entries), Tables(table)]


def reconnect_storms(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    common, count = draw.common(), int(draw.between(8, 24))
    storms = np.zeros(draw.day + 1)
    np.add.at(storms, common.uniform(0, draw.day, count).astype(int), common.uniform(0.5, 1.5, count))
    return [leaking(draw.size / count * storms[life.begin : life.begin + life.n])]


def new_in_release(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    return [leaking(1.5 * _per_request(draw, life) * (life.release != draw.releases[0]))]


# The shape's name and the service that it needs; "size" is drawn in MiB a day and worker.
LEAKS: dict[str, tuple[Shape, str]] = {
    "linear": (linear, "steady"),
    "tiny": (linear, "steady"),
    "rare path": (rare_path, "steady"),
    "error bursts": (error_bursts, "steady"),
    "per time": (per_time, "daily"),
    "with daily load": (linear, "daily"),
    "accelerating": (accelerating, "steady"),
    "sublinear": (sublinear, "steady"),
    "late onset": (late_onset, "steady"),
    "under a sawtooth": (under_sawtooth, "steady"),
    "one worker of four": (one_of_four, "steady"),
    "recycled few times": (linear, "few"),
    "recycled many times": (linear, "many"),
    "hourly step": (hourly_step, "steady"),
    "masked by an expiring cache": (masked, "steady"),
    "partly released": (partly_released, "steady"),
    "rare and big": (rare_and_big, "steady"),
    "dict doubling": (dict_doubling, "steady"),
    "reconnect storms": (reconnect_storms, "steady"),
    "low traffic": (linear, "low"),
    "silent nights": (linear, "nights"),
    "ramping load": (linear, "ramp"),
    "deploy in mid-leak, moved line": (linear, "deploy"),
    "new in a release": (new_in_release, "deploy"),
    "autoscaling": (linear, "autoscale"),
}
