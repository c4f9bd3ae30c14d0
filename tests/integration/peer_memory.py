"""How much memory a process takes, for tests of what its peers may make it take."""

import re


def resident(process):
    """KiB of memory that the process has now."""
    return _status(process, "VmRSS")


class Peak:
    """The most memory, in KiB, that a process has had since this was made, beyond what it had then."""

    def __init__(self, process):
        self.process = process
        with open(f"/proc/{process.pid}/clear_refs", "w") as clear:
            clear.write("5")  # the peak is what there is now
        self.before = resident(process)

    def grown(self):
        return _status(self.process, "VmHWM") - self.before


def _status(process, name):
    with open(f"/proc/{process.pid}/status") as status:
        return int(re.search(rf"{name}:\s+(\d+) kB", status.read())[1])
