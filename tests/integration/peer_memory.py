"""Measures the memory of a process, for tests that limit what peers can make it use."""

import re


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


def _status(process, name):
    with open(f"/proc/{process.pid}/status") as status:
        return int(re.search(rf"{name}:\s+(\d+) kB", status.read())[1])
