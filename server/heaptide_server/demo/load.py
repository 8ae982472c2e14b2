"""Customers: a steady load on the shop from a few threads, paced so that two small machines' cores stay half idle."""

from __future__ import annotations

import random
import threading
import time

import httpx2


class Load:
    """Asks for quotes at a steady rate until stopped.

    Args:
        url: the shop's address.
        per_second: requests per second in all.
        customers: threads that share the rate; each request is a connection of its own, so that workers share them.
    """

    def __init__(self, url: str, per_second: float, customers: int = 4) -> None:
        self._url = url
        self._pause_s = customers / per_second
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._buy, args=(number,), name=f"customer-{number}", daemon=True)
            for number in range(customers)
        ]
        self.served = 0
        self.failed = 0

    def start(self) -> None:
        """Lets the customers in."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Sends them home and waits until they have left."""
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=5)

    def _buy(self, number: int) -> None:
        draw = random.Random(number)  # noqa: S311 - customers' taste, no secret
        with httpx2.Client(base_url=self._url, timeout=10, headers={"Connection": "close"}) as client:
            due = time.monotonic()
            while not self._over.wait(max(0.0, due - time.monotonic())):
                due = max(due + self._pause_s, time.monotonic() - 1)
                path = f"/products/{draw.randrange(4000)}/quote?pieces={draw.randint(1, 5)}"
                self._ask(client, path)

    def _ask(self, client: httpx2.Client, path: str) -> None:
        # A worker that is being recycled may drop a connection; a shop's customer would just try again.
        try:
            answer = client.get(path)
        except httpx2.TransportError:
            self.failed += 1
            return
        if answer.is_success:
            self.served += 1
        else:
            self.failed += 1
