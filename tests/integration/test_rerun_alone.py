"""What scripts/test.sh does about a test that fails once: runs it again alone, and reports it."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

import harness

pytestmark = pytest.mark.not_sanitized(reason="the gateway takes no part")

TOOLS = harness.ROOT / "tests/tools"

SUITE = """
import os, pathlib, pytest
HERE = pathlib.Path(__file__).parent

def run_number(name):
    with open(HERE / name, "a+") as runs:
        runs.write("x")
        runs.seek(0)
        return len(runs.read())

def fails_at(name, *runs):
    assert run_number(name) not in runs, "it came too late"

def test_that_passes(): pass
@pytest.mark.skip(reason="of no interest")
def test_that_is_skipped(): pass
"""
ONCE = """
@pytest.mark.parametrize("name", [%s])
def test_that_fails_once(name): fails_at(name, 1)
"""


@pytest.fixture
def run(tmp_path):
    """run(tests, *arguments) -> (output of pytest, exit code, content of flaky.json)."""
    def run(tests, *arguments, stage="release", suite=SUITE, **variables):
        folder = tmp_path / "suite"
        folder.mkdir(exist_ok=True)
        (folder / "test_it.py").write_text(suite + textwrap.dedent(tests))
        (folder / "conftest.py").write_text(textwrap.dedent(f"""
            import sys
            sys.path.insert(0, {str(harness.ROOT / "tests/integration")!r})
            import rerun_alone, sanitizers
            def pytest_configure(config):
                rerun_alone.register(config)
                sanitizers.register(config)
        """))
        environment = {**os.environ, "PORTCULLIS_RERUN_ALONE": stage, "PORTCULLIS_FLAKY_FILE": str(tmp_path / "flaky.json")}
        for name in ("PYTEST_XDIST_WORKER", "PYTEST_CURRENT_TEST", "PORTCULLIS_SANITIZER"):
            environment.pop(name, None)
        environment.update(variables)
        out = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, str(folder)], cwd=tmp_path,
                             env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        listed = tmp_path / "flaky.json"
        return out.stdout, out.returncode, json.loads(listed.read_text()) if listed.exists() else []
    return run


@pytest.fixture(params=[(), ("-n", "2", "--dist", "loadfile")], ids=["alone", "beside others"])
def how(request):
    return request.param


def closing_line(out):
    return out.splitlines()[-1]


def test_one_that_passes_twice_afterwards_is_flaky(run, how):
    out, code, listed = run(ONCE % "'a', 'b'", *how)
    assert code == 0, out
    assert closing_line(out).startswith("3 passed, 1 skipped in "), out
    assert "flaky: suite/test_it.py::test_that_fails_once[a]\nflaky: suite/test_it.py::test_that_fails_once[b]\n" in out
    assert [(one["name"], one["stage"]) for one in listed] == [
        ("suite/test_it.py::test_that_fails_once[a]", "release"), ("suite/test_it.py::test_that_fails_once[b]", "release")]
    assert "it came too late" in listed[0]["failure"] and listed[0]["time"].startswith("20")


def test_one_that_fails_again_fails_the_run(run, how):
    out, code, listed = run("""
        def test_that_always_fails(): assert False
        def test_that_fails_twice(): fails_at("a", 1, 3)
        def test_that_fails_once(): fails_at("b", 1)
    """, *how)
    assert code == 1
    assert closing_line(out).startswith("2 failed, 2 passed, 1 skipped in "), out
    assert [one["name"] for one in listed] == ["suite/test_it.py::test_that_fails_once"]
    assert "FAILED suite/test_it.py::test_that_fails_twice" in out


def test_more_than_two_fail_the_run(run):
    out, code, listed = run(ONCE % "'a', 'b', 'c'")
    assert code == 1
    assert closing_line(out).startswith("3 failed, 1 passed, 1 skipped in "), out
    assert "3 tests passed only when run again alone" in out
    assert len(listed) == 3


@pytest.mark.parametrize("report", ["WARNING: ThreadSanitizer: data race", "exit code -11:", "portcullis: crashed: SIGSEGV"])
def test_a_crash_or_the_report_of_a_sanitizer_is_not_forgiven(run, report):
    out, code, listed = run(f"""
        def test_that_fails_once(): assert run_number("a") != 1, {report!r}
    """)
    assert code == 1 and "is no matter of its moment" in out
    assert closing_line(out).startswith("1 failed, 1 passed, 1 skipped in "), out
    assert listed == []


def test_one_that_is_skipped_the_next_time_has_not_passed(run):
    out, code, _ = run("""
        def test_that_fails_then_skips():
            if run_number("a") > 1: pytest.skip("not now")
            assert False
    """)
    assert code == 1 and closing_line(out).startswith("1 failed, 1 passed, 1 skipped in "), out


def test_all_stages_count_together(run):
    assert run(ONCE % "'a', 'b'")[1] == 0
    out, code, listed = run(ONCE % "'c'", stage="asan")
    assert code == 1 and closing_line(out).startswith("1 failed, 1 passed, 1 skipped in "), out
    assert [one["stage"] for one in listed] == ["release", "release", "asan"]


def test_errors_around_a_test_count_once(run):
    out, code, _ = run("""
        @pytest.fixture
        def bad_begin(): fails_at("a", 1)
        def test_with_a_bad_begin(bad_begin): pass
        @pytest.fixture
        def bad_end():
            yield
            fails_at("b", 1)
        def test_with_a_bad_end(bad_end): pass
    """)
    assert code == 0, out
    assert closing_line(out).startswith("3 passed, 1 skipped in "), out


def test_it_runs_when_all_others_are_over(run):
    out, code, _ = run("""
        def test_first(): assert run_number("a") > 1 and (HERE / "last").exists()
        def test_last(): run_number("last")
    """)
    assert code == 0, out


def test_many_failures_are_no_chance(run):
    out, code, listed = run("""
        @pytest.mark.parametrize("number", range(11))
        def test_that_fails_once(number): fails_at(str(number), 1)
    """)
    assert code == 1 and listed == []
    assert "11 tests failed, too many to run again alone" in out


def test_what_cannot_be_collected_fails_the_run(run):
    out, code, listed = run("import nothing_of_that_name")
    assert code == 2 and listed == []


def test_only_those_marked_are_left_out_under_a_sanitizer(run):
    tests = """
        @pytest.mark.not_sanitized(reason="a browser's work")
        def test_marked(): pass

        @pytest.mark.not_thread_sanitized(reason="one worker's")
        def test_of_one_worker(): pass
    """
    assert closing_line(run(tests)[0]).startswith("3 passed, 1 skipped in ")
    out, code, _ = run(tests, "-rs", PORTCULLIS_SANITIZER="tsan")
    assert code == 0 and closing_line(out).startswith("1 passed, 3 skipped in "), out
    assert "under tsan: a browser's work" in out and "under tsan: one worker's" in out
    out, code, _ = run(tests, "-rs", PORTCULLIS_SANITIZER="asan")
    assert code == 0 and closing_line(out).startswith("2 passed, 2 skipped in "), out


def test_a_mark_needs_a_reason(run):
    out, code, _ = run("@pytest.mark.not_sanitized\ndef test_marked(): pass")
    assert code != 0 and "needs a reason" in out


GTEST = """#!{python}
# Stands for a GoogleTest binary: it knows --gtest_output and --gtest_filter.
import json, pathlib, sys
options = dict(a.split("=", 1) for a in sys.argv[1:] if "=" in a)
here = pathlib.Path(__file__).parent
failing = {failing}
tests = []
for name in ["passes", *failing]:
    if options.get("--gtest_filter", "S." + name) != "S." + name: continue
    runs = here / name
    count = len(runs.read_text()) + 1 if runs.exists() else 1
    runs.write_text("x" * count)
    failures = [{{"failure": "it came too late"}}] if count in failing.get(name, []) else []
    tests.append({{"name": name, "result": "COMPLETED", "failures": failures}})
pathlib.Path(options["--gtest_output"].removeprefix("json:")).write_text(json.dumps({{"testsuites": [{{"name": "S", "testsuite": tests}}]}}))
sys.exit(any(one["failures"] for one in tests))
"""


@pytest.mark.parametrize("failing, code, last, flaky", [
    ({}, 0, "1 passed, 0 failed", []),
    ({"once": [1]}, 0, "2 passed, 0 failed", ["S.once"]),
    ({"twice": [1, 3]}, 1, "1 passed, 1 failed", []),
    ({"a": [1], "b": [1], "c": [1]}, 1, "1 passed, 3 failed", ["S.a", "S.b", "S.c"]),
])
def test_unit_tests_are_treated_alike(failing, code, last, flaky, tmp_path, monkeypatch):
    binary = tmp_path / "unit_tests"
    binary.write_text(GTEST.format(python=sys.executable, failing=failing))
    binary.chmod(0o755)
    monkeypatch.setenv("PORTCULLIS_FLAKY_FILE", str(tmp_path / "flaky.json"))
    out = subprocess.run([sys.executable, str(TOOLS / "run_unit.py"), "release", str(binary), "--gtest_brief=1"], capture_output=True, text=True)
    assert (out.returncode, out.stdout.splitlines()[-1]) == (code, last), out
    assert [one["name"] for one in json.loads((tmp_path / "flaky.json").read_text())] == flaky
    assert [line for line in out.stdout.splitlines() if line.startswith("flaky: ")] == [f"flaky: {name}" for name in flaky]
