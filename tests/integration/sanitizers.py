"""Skips tests when PORTCULLIS_SANITIZER names the sanitizer that the gateway is built with: tests marked
@pytest.mark.not_sanitized(reason="..."), whose results mean nothing under any sanitizer, and tests marked
@pytest.mark.not_thread_sanitized(reason="..."), for the thread sanitizer.

The marks are for tests whose own work is elsewhere (a browser, Prometheus, generated text), or that repeat a path through the
gateway with other texts. A test that gives hostile or concurrent input to the data path must not be marked."""

import os

import pytest

SANITIZER = os.environ.get("PORTCULLIS_SANITIZER")

only_configuration = pytest.mark.not_sanitized(reason="reads a configuration and exits: config_fuzz and the unit tests do that under the sanitizers")
only_command_line = pytest.mark.not_sanitized(reason="one process prints its answer and exits: no request passes")
others_software = pytest.mark.not_sanitized(reason="its time goes to a browser, Prometheus or testssl")
documents = pytest.mark.not_sanitized(reason="holds the documentation to what the other tests have tried")
same_path = pytest.mark.not_sanitized(reason="the same path through the gateway as the case beside it, with another size or algorithm")
damaged_file = pytest.mark.not_sanitized(reason="what SQLite makes of a damaged file does not depend on a sanitizer, and to make a store that is larger than its cache takes minutes")
killed_process = pytest.mark.not_sanitized(reason="what a killed process leaves in its files does not depend on a sanitizer, and each start of one takes a second")
control_thread = pytest.mark.not_thread_sanitized(reason="the control thread alone serves the admin listener's connections, and what it shares with the workers is in the tests that stay")
etcd_by_control_thread = pytest.mark.not_thread_sanitized(reason="the control thread alone speaks to etcd, and what it shares with the workers and the store's thread is in test_cluster_gateways, test_cluster_canary and test_cluster_operations")
one_worker = pytest.mark.not_thread_sanitized(reason="each request is one worker's from its first byte to its last, and the threads that serve it are those of the tests that stay")

MARKERS = {"not_sanitized": ("asan", "tsan"), "not_thread_sanitized": ("tsan",)}


class NotSanitized:
    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items):
        for item in items:
            for name, sanitizers in MARKERS.items():
                for mark in item.iter_markers(name):
                    if not mark.kwargs.get("reason") or mark.args:
                        raise pytest.UsageError(f'{item.nodeid}: {name} needs a reason: @pytest.mark.{name}(reason="...")')
                    if SANITIZER in sanitizers:
                        item.add_marker(pytest.mark.skip(reason=f"under {SANITIZER}: {mark.kwargs['reason']}"))


def register(config):
    config.addinivalue_line("markers", "not_sanitized(reason): tells nothing under a sanitizer; skipped where "
                            "PORTCULLIS_SANITIZER is set")
    config.addinivalue_line("markers", "not_thread_sanitized(reason): tells nothing under the thread sanitizer; skipped where "
                            "PORTCULLIS_SANITIZER is tsan")
    config.pluginmanager.register(NotSanitized())
