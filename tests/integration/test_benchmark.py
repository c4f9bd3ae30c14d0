"""The programs of the benchmark, without measuring: which processes are left when it fails, and what its table says."""

import io
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

import harness

pytestmark = pytest.mark.not_sanitized(reason="the benchmark takes no part in it")
sys.path.insert(0, str(harness.ROOT / "bench"))

# Starts a gateway, and then what the test gives.
PROGRAM = """
import sys
sys.path.insert(0, {bench!r})
from subjects import STARTED, Subject, all_ended
with all_ended():
    Subject("portcullis", {folder!r}, 1, binary={binary!r})
    print(*(process.pid for process in STARTED), flush=True)
    {then}
"""


def begin(tmp_path, then):
    """The running program, and the process of its gateway."""
    text = PROGRAM.format(bench=str(harness.ROOT / "bench"), folder=str(tmp_path), binary=os.path.abspath(harness.BINARY), then=then)
    program = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               preexec_fn=harness.take_signals)
    return program, int(program.stdout.readline())


def is_running(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_subject_that_does_not_start_leaves_no_process(tmp_path):
    program, gateway = begin(tmp_path, "Subject('portcullis', sys.path[0] and {!r}, 1, 'broken', {{'TOP': 'nonsense: ['}}, {!r})".format(
        str(tmp_path), os.path.abspath(harness.BINARY)))
    told = program.communicate(timeout=60)[1]
    assert program.returncode != 0 and "exited with" in told
    assert not is_running(gateway)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_a_benchmark_that_is_ended_leaves_no_process(tmp_path, number):
    program, gateway = begin(tmp_path, "import time; time.sleep(60)")
    assert is_running(gateway)
    program.send_signal(number)
    program.communicate(timeout=60)
    harness.wait_for(lambda: not is_running(gateway), what="the gateway to end")


def rounds(*costs):
    return [{"cpu_us_per_req": cost, "rps": 1} for cost in costs]


def test_a_line_of_the_table_says_whether_the_target_is_met():
    import table
    runs = {"portcullis": rounds(*[20.0] * 20), "floor_epoll": rounds(*[20.0] * 20), "floor_io_uring": rounds(*[16.0] * 20)}
    assert table.by_ratio("plain", runs, ("floor_epoll", "floor_io_uring"), 1.05) == (
        "| plain | 20.0 us | relay by io_uring 16.0 us | 1.25 (1.25 to 1.25) | 1.05 | **no** |")
    assert table.by_ratio("plain", runs, ("floor_epoll",), 1.05).endswith("| 1.00 (1.00 to 1.00) | 1.05 | yes |")


def test_a_line_of_the_table_says_what_the_kernel_takes():
    import table
    runs = {"portcullis": [run | {"kernel_share": 0.75} for run in rounds(*[20.0] * 20)],
            "floor_epoll": [run | {"kernel_share": 0.95} for run in rounds(*[10.0] * 20)]}
    assert table.by_ratio("plain", runs, ("floor_epoll",), 1.05, with_kernel=True).startswith(
        "| plain | 20.0 us, 15.0 of them in the kernel | relay by epoll 10.0 us, 9.5 of them in the kernel | 2.00 ")


def test_a_line_of_the_table_says_when_the_ratio_did_not_settle():
    import table
    runs = {"portcullis": rounds(*range(10, 30)), "nginx": rounds(*[20.0] * 20)}
    assert "yes, not settled: the spread stayed at " in table.by_ratio("plain", runs, ("nginx",), 1.05)


def test_the_page_has_the_table_of_the_command():
    import table
    page = (harness.ROOT / "docs/performance.md").read_text()
    assert page.count(table.HEAD + "\n") == 1
    # The command prints no more columns, and no fewer, than the head has.
    assert table.line(*"123456").count("|") == table.HEAD.splitlines()[0].count("|")


def test_every_scenario_that_the_page_names_can_be_run():
    page = (harness.ROOT / "docs/performance.md").read_text()
    told = subprocess.run([sys.executable, harness.ROOT / "bench/run.py", "--help"], capture_output=True, text=True, check=True).stdout
    named = set(re.findall(r"--scenario ([a-z_]+)", page)) | set(re.findall(r"^\| `([a-z_0-9]+)` \| ", page, re.MULTILINE))
    options = re.search(r"--scenario \{([^}]*)\}", told)[1].split(",")
    assert len(named) > 8 and named <= {one.strip() for one in options}
    assert all(option in told for option in set(re.findall(r"--(?:table|quick|against)\b", page)))
