"""Distinguishes tests that fail only on a busy machine from tests that always fail.

With PORTCULLIS_RERUN_ALONE=STAGE in the environment, failed tests are run twice more when all others have ended, one at a time,
each in a process of its own. Tests that then pass both times are flaky: they count as passed, are listed as `flaky: NAME`
before the closing line and recorded in build/flaky.json. The run fails when a test fails again, or when more than
flaky.MAX_FLAKY tests are flaky in all stages together."""

import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
import flaky  # noqa: E402

STAGE = "PORTCULLIS_RERUN_ALONE"


class RerunAlone:
    """Used in the process that reports; the worker processes of pytest-xdist, which run the tests, do not use it."""

    def __init__(self, config, stage):
        self.config, self.stage = config, stage
        self.flaky, self.verdict = [], None

    @property
    def stats(self):
        return self.config.pluginmanager.getplugin("terminalreporter").stats

    def passes_alone(self, nodeid):
        environment = {name: value for name, value in os.environ.items() if name not in (STAGE, "PYTEST_CURRENT_TEST")}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={self.config.rootpath}", nodeid]
        if self.config.pluginmanager.hasplugin("xdist"):
            command.append("-n0")
        run = subprocess.run(command, cwd=self.config.rootpath, env=environment, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True)
        return run.returncode == 0 and " passed" in run.stdout  # a test that is skipped now has not passed

    # Runs last: the workers of pytest-xdist have ended, and the closing lines have not been printed yet.
    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session):
        if session.exitstatus != pytest.ExitCode.TESTS_FAILED:
            return
        reports = {}
        for report in self.stats.get("failed", []) + self.stats.get("error", []):
            reports.setdefault(report.nodeid, []).append(report)
        if len(reports) > flaky.MAX_RERUN:
            self.verdict = f"{len(reports)} tests failed, too many to run again alone"
            return
        for nodeid, failures in reports.items():
            if any(flaky.is_fault_of_memory(report.longreprtext) for report in failures):
                self.verdict = f"{nodeid}: a crash, or what a sanitizer reports, is no matter of its moment"
                continue
            if flaky.passes_twice(lambda nodeid=nodeid: self.passes_alone(nodeid)):
                self.flaky.append(flaky.entry(self.stage, nodeid, failures[0].longreprtext))
        too_many = flaky.record(self.stage, self.flaky)
        if too_many:
            self.verdict = too_many
            return
        for one in self.flaky:
            self.count_as_passed(reports[one["name"]])
        if not self.stats.get("failed") and not self.stats.get("error"):
            session.exitstatus = pytest.ExitCode.OK

    def count_as_passed(self, failures):
        nodeid, stats = failures[0].nodeid, self.stats
        for kind in ("failed", "error"):
            stats[kind] = [report for report in stats.get(kind, []) if report.nodeid != nodeid]
        # An error in a test's teardown is reported in addition to its success.
        if not any(report.nodeid == nodeid for report in stats.get("passed", [])):
            stats.setdefault("passed", []).append(failures[0])
        for kind in ("failed", "error"):
            if not stats[kind]:
                del stats[kind]

    def pytest_terminal_summary(self, terminalreporter):
        for one in self.flaky:
            terminalreporter.section(f"failed, then passed twice alone: {one['name']}")
            terminalreporter.line(one["failure"])
        for one in self.flaky:
            terminalreporter.line(f"flaky: {one['name']}")
        if self.verdict:
            terminalreporter.line(self.verdict)


def register(config):
    stage = os.environ.get(STAGE)
    if stage and not hasattr(config, "workerinput"):
        config.pluginmanager.register(RerunAlone(config, stage))
