"""Limits and quotas in Redis as it is run in production: with TLS and users, behind sentinels, as a cluster."""

import re
import subprocess
import threading
import time

import pytest

import harness
import pki
import redis_servers
from conftest import kept
from harness import free_port, metric, wait_for
from identity import ask, configuration, hashed, send
from process_log import admin_at, faults, told

# What a user of the gateway needs, and no more (docs/how-to/limit-across-nodes.md).
RIGHTS = ["~portcullis:*", "+eval", "+evalsha", "+time", "+get", "+set", "+hmget", "+hset", "+pexpire"]
LIMIT = "rate_limit: {limit: 3/day, key: '{request.header.x-k}', cluster: exact, on_error: deny}"


@pytest.fixture
def node(tmp_path):
    yield from kept(lambda *options, **settings: redis_servers.Node(tmp_path, *options, **settings), redis_servers.Node.close)


@pytest.fixture
def watched(tmp_path):
    yield from kept(lambda **settings: redis_servers.Watched(tmp_path, **settings), redis_servers.Watched.close)


@pytest.fixture
def cluster(tmp_path):
    yield from kept(lambda: redis_servers.Cluster(tmp_path), redis_servers.Cluster.close)


def limited(port, settings, limit=LIMIT, admin=None, timeout="5s", more="", workers=1, consumers=""):
    admin = f"{admin_at(admin)}\n" if admin else ""
    return configuration(port, limit, consumers, more=f"redis: {{{settings}, timeout: {timeout}}}\n{admin}{more}", workers=workers)


def doctor(gateway):
    return subprocess.run([harness.BINARY, "doctor", "-c", str(gateway.path)], capture_output=True, text=True).stdout


def counts(gateway, expected, key="one"):
    assert [ask(gateway, f"X-K: {key}\r\n").status for _ in expected] == expected


def test_tls_with_certificates_on_both_sides_and_a_user_with_few_rights(start, echo, node, tmp_path):
    authority = pki.Authority(tmp_path)
    server = node("--user", "gate", "on", ">pass", *RIGHTS, tls=(authority.file, authority.issue("redis", "127.0.0.1")))
    certificate, key = authority.issue("gateway").pair
    gateway = start(limited(echo(), f"address: '{server.address}', username: gate, password: pass, tls: {{ca: {authority.file}, cert: {certificate}, key: {key}}}"))
    counts(gateway, [200, 200, 200, 429])
    assert not told(gateway, "Redis")
    assert re.search(rf"^good +redis +{server.address} answers, and accepts writes", doctor(gateway), re.M)


@pytest.mark.parametrize("names, days, trusted, settings, words", [
    (["127.0.0.1"], 9, False, "", "its certificate is not accepted: self-signed certificate in certificate chain|"
                                  "its certificate is not accepted: unable to get local issuer certificate"),
    (["redis.internal"], 9, True, "", "its certificate is not accepted: IP address mismatch"),
    (["redis.internal"], 9, True, ", server_name: other.internal", "its certificate is not accepted: hostname mismatch"),
    (["127.0.0.1"], -0.5, True, "", "its certificate is not accepted: certificate has expired"),
], ids=["authority", "address", "name", "expired"])
def test_a_server_whose_certificate_is_not_right_is_not_used(start, echo, node, tmp_path, names, days, trusted, settings, words):
    authority, other = pki.Authority(tmp_path), pki.Authority(tmp_path, "other")
    server = node("--tls-auth-clients", "no", tls=(authority.file, authority.issue("redis", *names, days=days)))
    ca = (authority if trusted else other).file
    gateway = start(limited(echo(), f"address: '{server.address}', tls: {{ca: {ca}{settings}}}"))
    counts(gateway, [503])
    wait_for(lambda: any(re.search(rf"Redis {server.address}: ({words})", line) for line in gateway.lines), what="the reason")


def test_a_client_certificate_and_tls_that_are_missing_are_named(start, echo, node, tmp_path):
    authority = pki.Authority(tmp_path)
    server = node(tls=(authority.file, authority.issue("redis", "127.0.0.1")))
    plain = start(limited(echo(), f"address: '{server.address}'"))
    counts(plain, [503])
    plain.wait_for_line(f"Redis {server.address}: it closes new connections (does it expect `tls`?)")
    without = start(limited(echo(), f"address: '{server.address}', tls: {{ca: {authority.file}}}"))
    counts(without, [503])
    without.wait_for_line(f"Redis {server.address}: it closes new connections (does it expect a certificate, `tls.cert`?)")


def test_renewed_files_are_used_for_new_connections(start, echo, node, tmp_path):
    authority, old = pki.Authority(tmp_path), pki.Authority(tmp_path, "old")
    server = node("--tls-auth-clients", "no", tls=(authority.file, authority.issue("redis", "127.0.0.1")))
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(old.file.read_bytes())
    gateway = start(limited(echo(), f"address: '{server.address}', tls: {{ca: {trusted}}}"))
    counts(gateway, [503])
    trusted.write_bytes(authority.file.read_bytes() + b"\n")
    wait_for(lambda: ask(gateway, "X-K: one\r\n").status == 200, what="the new authority to be trusted")


def test_a_right_that_is_missing_is_named(start, echo, node):
    server = node("--user", "gate", "on", ">pass", *RIGHTS, "-hset")
    gateway = start(limited(echo(), f"address: '{server.address}', username: gate, password: pass", limit=LIMIT.replace("key:", "algorithm: sliding_window, key:")))
    counts(gateway, [503])
    gateway.wait_for_line("its access control list does not allow this user the command: ")


class Load:
    """Clients that ask all the time, each on its connection."""

    def __init__(self, gateway, clients=3):
        self.gateway, self.answers, self.ends = gateway, [], threading.Event()
        self.threads = [threading.Thread(target=self.ask) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def ask(self):
        with self.gateway.connect() as connection:
            while not self.ends.is_set():
                answer = send(connection, "X-K: load\r\n")
                self.answers.append((time.monotonic(), answer.status, answer.fields.get("ratelimit")))
                self.ends.wait(0.002)

    def counted_since(self, moment):
        """The first answer since `moment` for which Redis has counted."""
        return next((at for at, _, told_by in list(self.answers) if at > moment and told_by), None)

    def stop(self):
        self.ends.set()
        for thread in self.threads:
            thread.join()
        return [status for _, status, _ in self.answers]


def test_limits_go_on_after_a_failover_under_load(start, echo, watched):
    servers, admin = watched(), free_port()
    places = ", ".join(f"'{one.address}'" for one in servers.sentinels)
    gateway = start(limited(echo(), f"sentinels: [{places}], master_name: limits", admin=admin, timeout="500ms", workers=2,
                            limit="rate_limit: {limit: 1000000/day, key: all, cluster: exact, on_error: allow}"))
    servers.settle()
    load, begun = Load(gateway), time.monotonic()
    wait_for(lambda: load.counted_since(begun), what="the first counts")
    servers.primary().kill()
    killed = time.monotonic()
    wait_for(lambda: any(at > killed and not told_by for at, _, told_by in load.answers), what="the loss of the primary")
    lost = time.monotonic()
    wait_for(lambda: load.counted_since(lost), timeout=20, what="the new primary to count")
    statuses = load.stop()
    assert set(statuses) == {200}
    assert load.counted_since(lost) - killed < 10
    assert metric(admin, "portcullis_redis_failovers_total") >= 1
    asked = []
    wait_for(lambda: asked.append(ask(gateway)) or "ratelimit" in asked[-1].fields, what="each worker to count")
    left = int(re.search(r"r=(\d+)", asked[-1].fields["ratelimit"])[1])
    assert 1_000_000 - left <= len(statuses) + len(asked), "a request was charged twice"
    gateway.wait_for_line("Redis primary `limits`: works again")


def test_sentinels_with_passwords_and_tls_and_one_that_is_away(start, echo, watched, tmp_path):
    authority = pki.Authority(tmp_path)
    servers = watched(login="user gate on >watch +@all", tls=(authority.file, authority.issue("sentinel", "127.0.0.1")))
    certificate, key = authority.issue("gateway").pair
    places = ", ".join(f"'{one}'" for one in [f"127.0.0.1:{free_port()}", servers.sentinels[0].address])
    settings = (f"sentinels: [{places}], master_name: NAME, sentinel_username: gate, sentinel_password: watch, "
                f"sentinel_tls: {{ca: {authority.file}, cert: {certificate}, key: {key}}}")
    gateway = start(limited(echo(), settings.replace("NAME", "limits")))
    counts(gateway, [200, 200, 200, 429])
    assert re.search(r"^good +redis +primary `limits` answers", doctor(gateway), re.M)
    unknown = start(limited(echo(), settings.replace("NAME", "nothing")))
    counts(unknown, [503])
    unknown.wait_for_line("Redis primary `nothing`: no sentinel names it: ")
    assert told(unknown, "it knows no primary `nothing`")


def test_a_cluster_counts_each_key_on_its_node(start, echo, cluster):
    nodes, admin = cluster(), free_port()
    seeds = f"cluster: ['127.0.0.1:{free_port()}', '{nodes.nodes[4].address}']"
    quotas = "quotas: {redis: true, interval: 50ms}\n"
    consumers = f"{{name: shop, credentials: {{keys: '{hashed('key-0123456789')}'}}}}"
    several = ("key_auth: {}, quota: {limit: 100, per: day}, rate_limit: {cluster: exact, on_error: deny, limits: [{name: wide, limit: 200/day, key: all}, "
               "{name: narrow, limit: 2/day, key: '{request.header.x-k}'}]}")

    def begin():
        return start(limited(echo(), seeds, limit=several, more=quotas, consumers=consumers, admin=admin))
    gateway = begin()
    for i in range(20):
        assert [ask(gateway, f"X-API-Key: key-0123456789\r\nX-K: {i}\r\n").status for _ in range(3)] == [200, 200, 429]
    assert faults(admin, "redis_refused") == 0 and not told(gateway, "Redis")
    assert re.search(r"^good +redis +cluster 127.0.0.1:\d+ answers", doctor(gateway), re.M)
    gateway.stop()
    assert any(nodes.nodes[i].command("GET", key) == "60" for i in range(3) for key in nodes.nodes[i].command("KEYS", "portcullis:quota:*").split())
    single = start(limited(echo(), seeds, admin=admin))
    for i in range(30):
        counts(single, [200, 200, 200, 429], key=str(i))
    assert all(len(nodes.nodes[i].command("KEYS", "portcullis:limit:*").split()) > 5 for i in range(3))


def test_a_slot_that_moves_and_a_primary_that_dies(start, echo, cluster):
    nodes, admin = cluster(), free_port()
    gateway = start(limited(echo(), f"cluster: ['{nodes.nodes[0].address}']", limit=LIMIT.replace("3/day", "5/day"), admin=admin))
    counts(gateway, [200])
    (key, source), = nodes.keys().items()
    slot = source.command("CLUSTER", "KEYSLOT", key)
    target = next(one for one in nodes.nodes[:3] if one is not source)
    assert target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", nodes.id_of(source)) == "OK"
    assert source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", nodes.id_of(target)) == "OK"
    counts(gateway, [200])  # the key is still at its source
    assert source.command("MIGRATE", "127.0.0.1", str(target.port), key, "0", "5000") == "OK"
    counts(gateway, [200])  # ASK
    assert target.command("GET", key)
    for node in (target, source):
        assert node.command("CLUSTER", "SETSLOT", slot, "NODE", nodes.id_of(target)) == "OK"
    counts(gateway, [200, 200, 429])  # MOVED
    assert metric(admin, "portcullis_redis_redirections_total") >= 2
    # The replica of the target takes over, with the counts.
    target.kill()
    statuses = []
    wait_for(lambda: statuses.append(ask(gateway, "X-K: one\r\n").status) or statuses[-1] == 429, timeout=20, what="the replica to count")
    assert set(statuses) <= {503, 429}


@pytest.mark.parametrize("settings, words", [
    ("{}", "`redis` needs one of `address`, `sentinels` and `cluster`"),
    ("{address: 'a:1', cluster: ['b:1']}", "`redis` needs one of `address`, `sentinels` and `cluster`"),
    ("{sentinels: ['a:1']}", "`sentinels` needs `master_name`"),
    ("{address: 'a:1', master_name: limits}", "have no effect without `sentinels`"),
    ("{cluster: ['a:1'], database: 2}", "a Redis Cluster has the `database` 0 only"),
    ("{address: 'a:1', tls: {cert: x.pem}}", "`tls` has only one of `cert` and `key`"),
    ("{address: 'a:1', tls: {ca: /nowhere.pem}}", "no certificates in `/nowhere.pem`"),
    ("{address: 'unix:/a', tls: {}}", "a Unix socket has no name to verify"),
    ("{address: '10.0.0.1:1', password: x}", "[redis_password_without_tls]"),
    ("{sentinels: ['10.0.0.1:1'], master_name: a, tls: {}, sentinel_password: x}", "[redis_password_without_tls]"),
    ("{address: 'a:1', tls: {verify: false}}", "the Redis servers are not verified"),
])
def test_mistakes_are_named(tmp_path, settings, words):
    path = tmp_path / "gateway.yaml"
    path.write_text(configuration(free_port(), "respond: {}", more=f"redis: {settings}").replace("{port}", str(free_port())))
    done = subprocess.run([harness.BINARY, "check", "-c", str(path)], capture_output=True, text=True)
    assert words in done.stdout + done.stderr
