"""Leaves out, where PORTCULLIS_SANITIZER names the sanitizer that the gateway is built with, the tests that tell nothing
under one: @pytest.mark.not_sanitized(reason="...").

That is for tests whose own work is elsewhere (a browser, Prometheus, generated text) or repeats the same path through
the gateway with other words. A test that gives the data path hostile or concurrent input stays."""

import os

import pytest

SANITIZER = os.environ.get("PORTCULLIS_SANITIZER")


class NotSanitized:
    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items):
        for item in items:
            for mark in item.iter_markers("not_sanitized"):
                if not mark.kwargs.get("reason") or mark.args:
                    raise pytest.UsageError(f'{item.nodeid}: not_sanitized needs a reason: @pytest.mark.not_sanitized(reason="...")')
                if SANITIZER:
                    item.add_marker(pytest.mark.skip(reason=f"under {SANITIZER}: {mark.kwargs['reason']}"))


def register(config):
    config.addinivalue_line("markers", "not_sanitized(reason): tells nothing under a sanitizer; skipped where "
                            "PORTCULLIS_SANITIZER is set")
    config.pluginmanager.register(NotSanitized())
