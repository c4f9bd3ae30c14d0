"""Measures the memory of a process, for tests that limit what peers which do not read can make it use."""

import re
import socket

from harness import wait_for

EACH = 256  # KiB of memory per peer


def resident(process):
    """The resident memory of the process in KiB."""
    return _status(process, "VmRSS")


class Peak:
    """The growth of a process's peak memory, in KiB, since this object was created."""

    def __init__(self, process):
        self.process = process
        with open(f"/proc/{process.pid}/clear_refs", "w") as clear:
            clear.write("5")  # resets the peak to the present memory
        self.before = resident(process)

    def grown(self):
        return _status(self.process, "VmHWM") - self.before


def small_socket(gateway):
    """A connection with a minimal receive buffer."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", gateway.port))
    return connection


def wait_until_level(measure, what):
    """Waits until a hundred measurements in a row are equal."""
    last = [None, 0]

    def level():
        now = measure()
        last[1] = last[1] + 1 if now == last[0] else 0
        last[0] = now
        return last[1] > 100
    wait_for(level, timeout=60, what=what)


def _status(process, name):
    with open(f"/proc/{process.pid}/status") as status:
        return int(re.search(rf"{name}:\s+(\d+) kB", status.read())[1])
