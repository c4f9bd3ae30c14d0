"""Tells the preloaded library that delays system calls (tests/support/stress/stress.cpp) which test begins, so that a seed
gives a test the same delays whichever tests ran before it."""

import ctypes
import os

SEED = os.environ.get("PORTCULLIS_STRESS_SEED")


class Stressed:
    def __init__(self):
        self.begin = getattr(ctypes.CDLL(None), "portcullis_stress_begin", None)

    def pytest_report_header(self):
        return f"PORTCULLIS_STRESS_SEED={SEED}" + ("" if self.begin else ", but the library is not preloaded: nothing is delayed")

    def pytest_runtest_logstart(self, nodeid):
        if self.begin:
            self.begin(nodeid.encode())


def register(config):
    if SEED is not None:
        config.pluginmanager.register(Stressed())
