"""Ten loops of plain Python, some 50 ms each, of the kinds that interpreters are measured with."""

import json
import re

DOCUMENT = json.dumps([{"id": n, "name": f"n{n}", "values": list(range(n % 20)), "ok": True} for n in range(200)])
WORDS = [f"word{n % 97}" for n in range(2000)]
PATTERN = re.compile(r"(\w+)=(\d+);")
PAIRS = "".join(f"key{n}={n};" for n in range(500))


class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def plus(self, other):
        return Point(self.x + other.x, self.y + other.y)


class Constraint:
    __slots__ = ("inputs", "output", "strength")

    def __init__(self, inputs, output, strength):
        self.inputs, self.output, self.strength = inputs, output, strength

    def satisfied(self, values):
        return values[self.output] == sum(values[i] for i in self.inputs)

    def satisfy(self, values):
        values[self.output] = sum(values[i] for i in self.inputs)


def json_loop():
    for _ in range(60):
        json.dumps(json.loads(DOCUMENT))


def objects_loop():
    at, step = Point(0, 0), Point(1, 2)
    for _ in range(120_000):
        at = at.plus(step)


def strings_loop():
    for n in range(300):
        ",".join(word.upper() + str(n) for word in WORDS[:300]).split(",")


def dicts_loop():
    for _ in range(60):
        counts = {}
        for word in WORDS:
            counts[word] = counts.get(word, 0) + 1
        {value: key for key, value in counts.items()}


def lists_loop():
    for _ in range(40):
        grown = []
        while len(grown) < 10_000:
            grown.append(len(grown))
        sorted(grown, reverse=True)


def constraints_loop():
    """As deltablue: chains of constraints over a plan that is made anew each time."""
    for turn in range(60):
        values = dict.fromkeys(range(150), turn)
        plan = [Constraint([n, n + 1], n + 2, n % 3) for n in range(148)]
        for constraint in sorted(plan, key=lambda c: c.strength):
            if not constraint.satisfied(values):
                constraint.satisfy(values)


def numbers_loop():
    total = 0.0
    for n in range(400_000):
        total += n * 0.5 % 7


def generators_loop():
    def pairs(count):
        for n in range(count):
            yield n, n + 1

    for _ in range(10):
        sum(a * b for a, b in pairs(30_000))


def exceptions_loop():
    for n in range(60_000):
        try:
            raise ValueError(n)
        except ValueError as error:
            str(error)


def regex_loop():
    for _ in range(50):
        [(match[1], int(match[2])) for match in PATTERN.finditer(PAIRS)]


LOOPS = {
    "json": json_loop,
    "objects": objects_loop,
    "strings": strings_loop,
    "dicts": dicts_loop,
    "lists": lists_loop,
    "constraints": constraints_loop,
    "numbers": numbers_loop,
    "generators": generators_loop,
    "exceptions": exceptions_loop,
    "regex": regex_loop,
}
