# SPDX-License-Identifier: MIT
"""Clients that ask without a pause while something else happens."""

import threading

from lib.tap import equal


class Client(threading.Thread):
    """Asks again and again, on a new connection or by a datagram each, and notes what fails."""

    def __init__(self, ask):
        super().__init__()
        self.ask = ask
        self.stopped = threading.Event()
        self.asked = 0
        self.failures = []

    def run(self):
        while not self.stopped.is_set():
            try:
                self.ask()
                self.asked += 1
            except (OSError, AssertionError) as error:
                self.failures.append(repr(error))

    def finish(self):
        self.stopped.set()
        self.join()


def with_clients(asks, action):
    """Runs action() while each of asks is asked without a pause; none of them may fail."""
    clients = [Client(ask) for ask in asks]
    for client in clients:
        client.start()
    try:
        action()
    finally:
        for client in clients:
            client.finish()
    for client in clients:
        equal(client.failures[:3], [], f"failures, of {client.asked} times")
        assert client.asked > 20, f"asked {client.asked} times only"
