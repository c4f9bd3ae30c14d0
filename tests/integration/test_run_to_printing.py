"""`portcullis run --to ... --print`: the printed configuration is good, and behaves like the command line."""

import re
import subprocess

import pytest

import harness
from harness import BINARY
from run_to import serve  # noqa: F401 - a fixture
from run_to import Served, cacheable, run


class FromFile(harness.Process):
    """`portcullis run -c` with an existing configuration."""

    ask = Served.ask

    def __init__(self, path, port, admin):
        self.port, self.admin = port, admin
        super().__init__("run", "-c", str(path))
        self.wait_for_line("listening on")


def everything(port, second):
    return ["--to", f"localhost:{port}", "--to", f"http://127.0.0.1:{second}", "--domain", "a.test", "--domain", "*.b.test",
            "--key", "k: #\"'" + "k" * 30, "--rate", "5/hour", "--cache", "32MiB"]


ALONE = [["--no-dashboard"], ["--domain", "*.b.test"], ["--key", "k" * 30], ["--rate", "2/hour"], ["--cache"], []]


@pytest.mark.parametrize("which", [*range(len(ALONE)), "all"])
def test_the_printed_configuration_is_good_and_behaves_alike(which, serve, backend, tmp_path):
    made = [backend(cacheable("public, max-age=60")) for _ in range(2)]
    options = everything(made[0].port, made[1].port) if which == "all" else ["--to", f":{made[0].port}", *ALONE[which]]
    key = options[options.index("--key") + 1] if "--key" in options else "none"

    def answers(gateway):
        asked = [gateway.ask(path, host=host, source=source, **fields)
                 for path, host, source in (("/1", "a.test", "127.0.0.1"), ("/1", "x.b.test", "127.0.0.1"),
                                            ("/2", "c.test", "127.0.0.2"), ("/1", "a.test", "127.0.0.1"))
                 for fields in ({"X_API_Key": key}, {}, {"X_API_Key": "wrong"})]
        # Values that differ between requests: the request id, and remaining seconds.
        return [(status, re.sub(r"(x-request-id: |;t=|age: |retry-after: |ttl=)\w+|(date: ).*", "", head), body if status == 200 else "")
                for status, head, body in asked]
    served = serve(*options)
    printed = tmp_path / "portcullis.yaml"
    printed.write_text(served.printed())
    checked = subprocess.run([BINARY, "check", str(printed)], capture_output=True, text=True)
    assert checked.returncode == 0 and ": good: 1 listener, 1 route, 1 upstream" in checked.stdout, checked
    first = answers(served)
    served.stop()
    written = FromFile(printed, served.port, served.admin)
    try:
        assert answers(written) == first
        assert {200} <= {status for status, *_ in first}
    finally:
        written.stop()


def test_printing_with_a_new_key_shows_it_beside_the_configuration(echo):
    ended = run("--to", ":3000", "--key", "--print")
    key = re.search(r"portcullis: the API key is (\S+) \(shown once", ended.stderr)[1]
    assert ended.returncode == 0 and key not in ended.stdout
    digest = subprocess.run([BINARY, "hash-key"], input=key, capture_output=True, text=True, check=True).stdout.strip()
    assert f"- hash: {digest}\n" in ended.stdout


def test_printing_needs_no_free_address(serve, echo):
    served = serve("--to", f":{echo()}")
    ended = run("--to", ":3000", "--listen", f"127.0.0.1:{served.port}", "--dashboard", f"127.0.0.1:{served.admin}", "--print")
    assert ended.returncode == 0 and ended.stderr == "" and f"address: 127.0.0.1:{served.port}\n" in ended.stdout


@pytest.mark.parametrize("target", ["127.0.0.2:8080", "[::1]:8080"])
def test_a_target_at_another_address_of_this_machine_may_have_the_port_of_the_listener(target):
    ended = run("--to", target, "--print")
    assert ended.returncode == 0 and f"address: {target}" in ended.stdout.replace('"', "").replace("'", ""), ended


def test_a_short_key_is_warned_of(echo):
    ended = run("--to", ":3000", "--key", "short", "--print")
    assert ended.returncode == 0 and "--key: this key is short enough to be guessed" in ended.stderr


def test_explain_and_the_other_commands_know_the_printed_configuration(tmp_path):
    printed = tmp_path / "portcullis.yaml"
    printed.write_text(run("--to", ":3000", "--key", "k" * 30, "--rate", "1/s", "--print").stdout)
    told = subprocess.run([BINARY, "explain", "-c", str(printed), "GET", "/x", "-H", "X-API-Key: " + "k" * 30],
                          capture_output=True, text=True, check=True).stdout
    assert "caller" in told and "rate_limit" in told and "app" in told
