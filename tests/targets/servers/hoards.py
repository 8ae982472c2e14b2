"""A worker without a server that leaks quotes into a dict, until it is killed."""

import gc
import time

import heaptide

gc.disable()  # what a walk says of garbage is told until the collector has run


class Quote:
    def __init__(self, number):
        self.lines = [number]


QUOTES = {}


def remember(number):
    QUOTES[number] = Quote(number)


heaptide.start(service="shop", interval_s=0.5, sample_bytes=1024)
made = 0
while True:
    for number in range(made, made + 200):
        remember(number)
    made += 200
    time.sleep(0.02)
