"""rate_limit in a cluster: several gateways and a real redis-server, which is killed, paused, flushed and restarted."""

import subprocess
import threading
import time

import pytest

import harness
import sanitizers
from harness import log_lines, wait_for
from identity import ask, complaints, configuration, flood, send

BOTH = pytest.mark.parametrize("algorithm", ["token_bucket", "sliding_window"])


def limited(port, redis, settings, workers=1, more="", address=None, timeout="10s"):
    address = address or f"127.0.0.1:{redis.port}"
    return configuration(port, f"rate_limit: {{{settings}}}", workers=workers, more=f"redis: {{address: '{address}', timeout: {timeout}}}\n{more}")


@BOTH
def test_exact_mode_counts_all_nodes_as_one(start, echo, redis, algorithm):
    port, server = echo(), redis()
    gateways = [start(limited(port, server, f"limit: 100/day, key: all, cluster: exact, algorithm: {algorithm}", 2)) for _ in range(2)]
    statuses = flood(gateways, 30)
    assert statuses.count(200) == 100 and statuses.count(429) == 140
    answer = ask(gateways[0])
    assert answer.fields["ratelimit"].startswith('"default";r=0;t=') and int(answer.fields["retry-after"]) > 100


def test_exact_mode_charges_all_limits_or_none(start, echo, redis):
    port, server = echo(), redis()
    gateway = start(limited(port, server, """cluster: exact, limits: [
        {name: wide, limit: 3/h, key: all}, {name: narrow, limit: 1/h, key: "{request.header.x-tenant}"}]"""))
    assert [ask(gateway, f"X-Tenant: {who}\r\n").status for who in "aaabcd"] == [200, 429, 429, 200, 200, 429]


@BOTH
@pytest.mark.parametrize("batch", [1, 10])
def test_batched_mode_admits_the_limit_and_at_most_the_leases_more(start, echo, redis, algorithm, batch):
    port, server = echo(), redis()
    gateways = [start(limited(port, server, f"limit: 200/day, key: all, cluster: batched, batch: {batch}, algorithm: {algorithm}", 2))
                for _ in range(2)]
    admitted = flood(gateways, 60).count(200)
    # Leases are taken from the server's count, so the total never exceeds the limit; parts of leases may stay unused.
    assert 200 - 4 * batch <= admitted <= 200, admitted


def test_batched_mode_asks_the_server_seldom(start, echo, redis):
    port, server = echo(), redis()
    gateway = start(limited(port, server, "limit: 1000000/day, key: all, cluster: batched, batch: 200"))

    def asked():
        stats = server.command("INFO", "commandstats")
        return sum(int(line.split("calls=")[1].split(",")[0]) for line in stats.splitlines() if line.startswith(("cmdstat_eval:", "cmdstat_evalsha:")))
    flood([gateway], 500)
    assert 1 <= asked() < 60  # 2,000 requests


@pytest.mark.parametrize("mode", ["exact", "batched"])
def test_a_response_may_tell_what_it_has_cost(start, backend, redis, mode):
    made = backend(harness.answer(b"HTTP/1.1 200 OK\r\nX-Tokens: 7\r\nContent-Length: 2\r\n\r\nok"))
    gateway = start(limited(made.port, redis(), f"limit: 10/day, key: all, cost_field: x-tokens, cluster: {mode}, batch: 1"))
    assert ask(gateway).status == 200
    statuses = []
    wait_for(lambda: statuses.append(ask(gateway).status) or statuses[-1] == 429, what="the debt to be seen")
    assert statuses.count(200) <= 3


@pytest.mark.parametrize("mode", ["exact", "batched"])
@pytest.mark.parametrize("on_error, expected", [("local", [200, 200, 429]), ("allow", [200, 200, 200]), ("deny", [503, 503, 503])])
def test_without_the_server_each_policy_does_what_it_says(start, echo, redis, tmp_path, mode, on_error, expected):
    server, log = redis(), tmp_path / "log"
    text = limited(echo(), server, f"limit: 2/day, key: all, cluster: {mode}, on_error: {on_error}", timeout="1s", more=f"access_log: {{path: {log}}}")
    server.kill()
    gateway = start(text)
    began = time.monotonic()
    assert [ask(gateway).status for _ in range(3)] == expected
    assert time.monotonic() - began < 5
    note = {"local": "rate_limit_local", "allow": "rate_limit_unavailable"}.get(on_error)
    wait_for(lambda: len(log_lines(log)) == 3, what="the log")
    assert log_lines(log)[0].get("note") == note
    server.start()  # the gateway connects again
    wait_for(lambda: ask(gateway).status == 200 and server.command("DBSIZE") != ":0\r\n", what="the server to be used again")


@pytest.mark.parametrize("mode", ["exact", "batched"])
def test_a_server_that_hangs_delays_few_requests_and_stalls_no_worker(start, echo, redis, mode):
    server = redis()
    text = limited(echo(), server, f"limit: 1000000/day, key: '{{request.header.x-k}}', cluster: {mode}, on_error: allow", timeout="300ms")
    gateway = start(text + "  - {name: open, match: {path: /open}, upstream: backend}\n")
    assert ask(gateway).status == 200
    server.pause()
    began = time.monotonic()
    with gateway.connect() as connection:
        for i in range(100):
            assert send(connection, f"X-K: {i}\r\n").status == 200
    # Three requests wait 300 ms. Then the server counts as down, and reconnecting delays no request.
    assert time.monotonic() - began < 5
    with gateway.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-K: x\r\n\r\n")
        assert ask(gateway, target="/open").status == 200
    server.resume()
    wait_for(lambda: "ratelimit" in ask(gateway).fields, what="the server to be used again")


def test_a_server_that_is_flushed_or_restarted_under_load_loses_counts_and_no_request(start, echo, redis):
    server = redis()
    gateway = start(limited(echo(), server, "limit: 1000000/day, key: all, cluster: exact, on_error: allow", 2, timeout="1s"))
    statuses, stop = [], threading.Event()

    def client():
        with gateway.connect() as connection:
            while not stop.is_set():
                statuses.append(send(connection).status)
    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()

    def more():
        seen = len(statuses)
        wait_for(lambda: len(statuses) > seen + 200, what="more requests")
    more()
    server.command("FLUSHALL")
    more()
    server.command("SCRIPT", "FLUSH")
    more()
    server.kill()
    more()
    server.start()
    more()
    wait_for(lambda: server.command("DBSIZE") != ":0\r\n", what="the server to be used again")
    stop.set()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200}


def test_passwords_users_databases_and_sockets(start, echo, redis):
    server = redis("--requirepass", "secret", "--user", "gate", "on", ">pass", "~*", "+@all")
    port = echo()
    for credentials, ok in (("password: secret", True), ("username: gate, password: pass, database: 3", True), ("password: wrong", False), ("database: 0", False)):
        text = configuration(port, "rate_limit: {limit: 5/day, key: all, cluster: exact, on_error: deny}",
                             more=f"redis: {{address: 'unix:{server.path}', {credentials}, timeout: 500ms}}")
        gateway = start(text)
        assert ask(gateway).status == (200 if ok else 503), credentials


def test_the_server_may_be_named(start, echo, redis):
    server = redis()
    gateway = start(limited(echo(), server, "limit: 5/day, key: all, cluster: exact, on_error: deny", address=f"localhost:{server.port}"))
    wait_for(lambda: ask(gateway).status == 200, what="the name to be found")


@pytest.mark.skipif(subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0, reason="it needs a mount namespace, for a hosts file of its own")
def test_a_name_with_an_address_where_no_server_listens(tmp_path, echo, redis):
    server = redis()
    hosts = tmp_path / "hosts"
    hosts.write_text("::1 twofold\n127.0.0.1 twofold\n127.0.0.1 localhost\n")
    configuration = limited(echo(), server, "limit: 5/day, key: all, cluster: exact, on_error: deny", address=f"twofold:{server.port}")
    gateway = harness.Gateway(tmp_path, configuration, prefix=("unshare", "--mount", "sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$0" "$@"'))
    try:
        wait_for(lambda: ask(gateway).status == 200, what="the server to be found")
    finally:
        gateway.stop()


@sanitizers.only_configuration
def test_mistakes_are_named(tmp_path):
    said = complaints(tmp_path, "rate_limit: {limit: 5/s, cluster: exact}")
    assert "`cluster` needs the settings `redis` at the top level" in said


def test_a_client_that_leaves_while_the_server_is_asked_does_not_keep_others_waiting(start, echo, redis):
    port, server = echo(), redis()
    gateway = start(limited(port, server, "limit: 1000/day, key: all, cluster: batched, batch: 10, on_error: deny", timeout="20s"))
    assert ask(gateway).status == 200
    server.command("FLUSHALL")
    for _ in range(3):
        assert ask(gateway).status == 200  # uses the lease
    server.pause()
    with gateway.connect() as gone:
        for _ in range(12):  # afterwards the server has to be asked
            gone.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: b"HTTP/1.1 200" in gone.recv(1 << 16), what="an answer")
    server.resume()
    began = time.monotonic()
    assert [ask(gateway).status for _ in range(20)] == [200] * 20
    assert time.monotonic() - began < 10
