"""A script that keeps 1 MiB in blocks of 10 kB more each 50 ms, until its standard input ends."""

import select
import sys

import heaptide

KEPT = []

heaptide.start()
while not select.select([sys.stdin], [], [], 0.05)[0]:
    KEPT.append([bytes(10_000) for _ in range(105)])
