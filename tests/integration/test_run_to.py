"""`portcullis run --to ...`: an application is served without a configuration file."""

import os
import re
import signal
import socket
import subprocess
import threading

import pytest

import harness
from harness import BINARY
from run_to import serve  # noqa: F401 - a fixture
from run_to import GET, cacheable, run


def test_an_application_is_served_and_the_dashboard_too(serve, echo):
    served = serve("--to", f"localhost:{echo()}")
    status, head, body = served.ask("/hello?name=you")
    assert status == 200 and '"target": "/hello?name=you"' in body and '"host": "a.test"' in body
    assert served.line(f"at http://127.0.0.1:{served.port}/") and served.line("dashboard", f"http://127.0.0.1:{served.admin}/")
    assert "<title>Portcullis</title>" in harness.get(served.admin, "/")[1]
    assert '"place":"command line:' in harness.get(served.admin, "/v1/overview")[1]


@pytest.mark.parametrize("form", ["localhost:{}", ":{}", "{}", "127.0.0.1:{}", "http://localhost:{}", "HTTP://localhost:{}/"])
def test_a_target_may_be_given_as_people_write_it(form, serve, echo):
    assert serve("--to", form.format(echo())).ask()[0] == 200


def test_a_target_may_be_a_unix_socket_with_an_odd_name(serve, tmp_path):
    path = f"{tmp_path}/app's: #1 {{x}}.sock"
    with harness.running("demo-backend", "--listen", f"unix:{path}", "--name", "odd") as backend:
        backend.wait_for_line("listening on")
        served = serve("--to", f"unix:{path}")
        assert '"backend": "odd"' in served.ask()[2]
        assert f'"unix:{path}"' in served.printed()


def test_a_target_behind_tls_is_verified_and_asked_for_by_its_own_name(serve, server, authority):
    issued = authority.issue("localhost", "localhost")
    made = server(lambda request: (200, {}, request.headers["host"].encode()), (issued.cert_file, issued.key_file))
    trusting = ("env", f"SSL_CERT_FILE={authority.file}")
    served = serve("--to", f"https://localhost:{made.port}", prefix=trusting)
    status, _, body = served.ask(host="a.test")
    assert (status, body) == (200, f"localhost:{made.port}")
    assert serve("--to", f"https://localhost:{made.port}").ask()[0] == 502


def test_several_targets_share_and_one_that_is_down_is_left_out(serve, echo):
    served = serve("--to", f":{echo('one')}", "--to", f":{echo('two')}", "--to", f":{harness.free_port()}")
    seen = set()

    def is_left_out():
        status, _, body = served.ask()
        assert status == 200
        seen.add(re.search('"backend": "(.*?)"', body)[1])
        return '"ejected": true' in harness.get(served.admin, "/v1/health/upstreams")[1] and len(seen) == 2
    harness.wait_for(is_left_out, what="the ejection")
    assert seen == {"one", "two"}


def test_a_port_alone_serves_all_addresses(serve, echo):
    port = harness.free_port()
    served = serve("--to", f":{echo()}", listen=f":{port}", port=port)
    status, _, body = served.ask()
    assert status == 200 and '"x-forwarded-for": "127.0.0.1"' in body
    assert served.line("reached by", "others")
    if socket.has_ipv6:
        with socket.create_connection(("::1", port), timeout=20) as connection:
            connection.sendall(GET.format(path="/", host="a", fields="").encode())
            assert " 200 " in harness.read_response(connection)[0]


def test_an_address_that_is_taken_is_refused_with_its_owner_and_a_free_one(echo, serve):
    backend = echo()
    other = serve("--to", f":{backend}")
    ended = run("--to", f":{backend}", "--listen", f"127.0.0.1:{other.port}", "--no-dashboard")
    assert ended.returncode == 3 and ended.stdout == ""
    told = re.search(rf"--listen: 127.0.0.1:{other.port} is taken.* - try `--listen 127.0.0.1:(\d+)`", ended.stderr)
    assert told and str(other.process.pid) in ended.stderr
    assert serve("--to", f":{backend}", "--no-dashboard", port=int(told[1])).ask()[0] == 200
    ended = run("--to", f":{backend}", "--listen", f":{harness.free_port()}", "--dashboard", f"127.0.0.1:{other.admin}")
    assert ended.returncode == 3 and re.search(r"--dashboard: .* is taken.* - try `--dashboard 127.0.0.1:\d+`", ended.stderr)
    ended = run("--to", f":{backend}", "--listen", "192.0.2.1:80", "--no-dashboard")
    assert ended.returncode == 3 and "--listen: 192.0.2.1:80 is not an address of this machine" in ended.stderr


def test_a_port_that_takes_privileges_is_refused_with_one_that_does_not():
    if os.geteuid() != 0:
        pytest.skip("it takes root to become a user without privileges")
    as_user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]
    ended = subprocess.run([*as_user, BINARY, "run", "--to", ":3000", "--listen", ":80"], capture_output=True, text=True, timeout=30)
    assert ended.returncode == 3
    assert re.search(r"--listen: .*:80 has a port below 1024, which needs root or CAP_NET_BIND_SERVICE - try `--listen :8\d+`", ended.stderr)


# In a network namespace of its own, where the default ports are free: two gateways and their answers, then a third gateway.
DEFAULTS = r"""
ip link set lo up
await() { until curl -so /dev/null "$1"; do sleep 0.05; done; curl -s "$1"; }
"$0" run --to :3000 2>first & first=$!
await http://127.0.0.1:9080/ >dashboard-1; await http://127.0.0.1:8080/ >answer-1
"$0" run --to :3000 --listen 127.0.0.1:8081 2>second & second=$!
await http://127.0.0.1:9081/ >dashboard-2; await http://127.0.0.1:8081/ >answer-2
"$0" run --to :3000 2>third; echo $? >code
kill $first $second; wait $first && wait $second
"""


def test_by_default_this_machine_alone_is_served_and_the_dashboard_goes_to_the_next_free_port(tmp_path):
    namespace = ["unshare", "--map-root-user", "--net"]
    if subprocess.run([*namespace, "true"], capture_output=True).returncode != 0:
        pytest.skip("the kernel gives no network of its own here")
    ended = subprocess.run([*namespace, "bash", "-c", DEFAULTS, BINARY], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended
    said = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert "at http://127.0.0.1:8080/\n" in said["first"] and "this machine alone; `--listen :8080`" in said["first"]
    assert "http://127.0.0.1:9080/\n" in said["first"]
    assert "http://127.0.0.1:9081/  (127.0.0.1:9080 is taken)" in said["second"]
    assert "--dashboard 127.0.0.1:9081 --print > portcullis.yaml" in said["second"]
    for number in "12":
        assert "<title>Portcullis</title>" in said[f"dashboard-{number}"] and '"status":502' in said[f"answer-{number}"]
    assert said["code"] == "3\n" and "--listen: 127.0.0.1:8080 is taken: process" in said["third"]
    assert "- try `--listen 127.0.0.1:8082`" in said["third"]


def test_without_a_dashboard_nothing_listens_there(serve, echo):
    served = serve("--to", f":{echo()}", "--no-dashboard")
    assert served.ask()[0] == 200 and not any("dashboard  " in line for line in served.lines)
    assert "admin:" not in served.printed()


def test_only_the_domains_are_served(serve, echo):
    served = serve("--to", f":{echo()}", "--domain", "A.test", "--domain", "*.b.test")
    asked = {host: served.ask(host=host)[0] for host in ("a.test", "a.test:80", "A.TEST", "x.b.test", "b.test", "c.test")}
    assert asked == {"a.test": 200, "a.test:80": 200, "A.TEST": 200, "x.b.test": 200, "b.test": 404, "c.test": 404}
    assert served.line("hosts", "a.test, *.b.test", "404")


def test_a_key_is_made_shown_once_and_can_be_kept(serve, echo):
    backend = echo()
    served = serve("--to", f":{backend}", "--key")
    shown = [re.search(r"API key +(\S+)  \(shown once", line) for line in served.lines]
    key, = (one[1] for one in shown if one)
    assert len(key) == 43 and sum(line.count(key) for line in served.lines) == 1
    assert served.ask()[0] == 401 and served.ask(X_API_Key="x" * 43)[0] == 401
    assert served.ask(X_API_Key=key)[0] == 200 and key not in served.ask(X_API_Key=key)[2]
    kept = re.search(r"keep it with (--key sha256:[0-9a-f]{64})$", served.line("keep it"))[1]
    assert kept in served.command()
    later = serve("--to", f":{backend}", *kept.split())
    assert later.ask(X_API_Key=key)[0] == 200 and later.ask()[0] == 401
    assert not any(key in line for line in later.lines)
    assert serve("--to", f":{backend}", "--key").ask(X_API_Key=key)[0] == 401


def test_a_key_may_be_given(serve, echo):
    key = "shop: {3kXq9} #vTn0bWm5"
    served = serve("--to", f":{echo()}", "--key", key)
    assert served.ask(X_API_Key=key)[0] == 200 and served.ask()[0] == 401
    assert not any(key in line for line in served.lines) and key not in served.printed()


def test_requests_are_limited_for_each_client_address(serve, echo):
    served = serve("--to", f":{echo()}", "--rate", "2/hour")
    assert [served.ask()[0] for _ in range(3)] == [200, 200, 429]
    assert served.ask(source="127.0.0.2")[0] == 200


def test_with_a_key_requests_are_limited_for_its_owner(serve, echo):
    served = serve("--to", f":{echo()}", "--rate", "2/hour", "--key", "k" * 30)
    ask = [served.ask(source=source, X_API_Key="k" * 30)[0] for source in ("127.0.0.1", "127.0.0.2", "127.0.0.3")]
    assert ask == [200, 200, 429]
    assert served.ask()[0] == 401


def test_responses_are_kept(serve, backend):
    script = cacheable()
    served = serve("--to", f":{backend(script).port}", "--cache")
    assert "fwd=uri-miss" in served.ask()[1] and "; hit;" in served.ask()[1]
    assert script.requests == 1 and served.line("cache", "64MiB")


def test_behind_a_key_only_public_responses_are_kept(serve, backend):
    for what, requests in (("max-age=60", 2), ("public, max-age=60", 1)):
        script = cacheable(what)
        served = serve("--to", f":{backend(script).port}", "--cache", "1MiB", "--key", "k" * 30)
        for _ in range(2):
            assert served.ask(X_API_Key="k" * 30)[0] == 200
        assert script.requests == requests and served.ask()[0] == 401


def test_a_reload_keeps_what_the_command_line_says(serve, echo):
    served = serve("--to", f":{echo()}")
    served.process.send_signal(signal.SIGHUP)
    served.wait_for_line("the configuration comes from the command line and stays as it is")
    ended = subprocess.run([BINARY, "reload", "--admin", f"127.0.0.1:{served.admin}"], capture_output=True, text=True)
    assert ended.returncode == 0 and "stays as it is: serving revision 1" in ended.stdout, ended
    assert served.ask()[0] == 200


def test_a_successor_takes_over_without_a_dropped_request(serve, echo, tmp_path):
    port, admin = harness.free_port(), harness.free_port()
    options = ["--to", f":{echo()}", "--key", "k" * 30, "--upgrade-socket", f"{tmp_path}/upgrade.sock"]
    old = serve(*options, port=port, admin=admin)
    stop, failures, served = threading.Event(), [], [0]

    def load():
        while not stop.is_set():
            try:
                assert old.ask(X_API_Key="k" * 30)[0] == 200
                served[0] += 1
            except Exception as problem:  # noqa: BLE001 - every kind of failure is a dropped request
                failures.append(repr(problem))
                return
    thread = threading.Thread(target=load)
    thread.start()
    try:
        new = serve(*options, port=port, admin=admin)
        new.wait_for_line("took over")
        assert old.process.wait(40) == 0
        before = served[0]
        harness.wait_for(lambda: served[0] > before + 5 or failures, what="requests to the successor")
    finally:
        stop.set()
        thread.join(20)
    assert not failures
    assert "<title>Portcullis</title>" in harness.get(admin, "/")[1]


def test_a_successor_that_the_process_starts_itself_keeps_its_new_key_and_its_user(serve, echo):
    if os.geteuid() != 0:
        pytest.skip("it takes root to become another user")
    old = serve("--to", f":{echo()}", "--key", "--user", "nobody")
    key = re.search(r"API key +(\S+)  \(shown once", old.line("shown once"))[1]
    assert old.ask(X_API_Key=key)[0] == 200
    seen = len(old.lines)
    old.process.send_signal(signal.SIGUSR2)
    # The successor writes to the same standard error, and outlives the process that this test has started.
    harness.wait_for(lambda: any("as a file" in line for line in old.lines[seen:]), what="the successor")
    ended = old.process.wait(40)  # time in which the process may have other processes, as the leak sanitizer does
    served = [int(pid) for pid in subprocess.run(["pgrep", "-f", f"[-]-listen 127.0.0.1:{old.port}"], capture_output=True, text=True).stdout.split()]
    try:
        assert ended == 0 and len(served) == 1
        assert old.ask(X_API_Key=key)[0] == 200 and old.ask()[0] == 401
        assert not any("shown once" in line for line in old.lines[seen:])
    finally:
        for process in served:
            os.kill(process, signal.SIGTERM)
