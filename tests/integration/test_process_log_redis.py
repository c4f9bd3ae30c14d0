"""Faults of Redis are written to the process log, counted, and found by `portcullis doctor`."""

import re
import subprocess

import pytest

import harness
from harness import free_port, wait_for
from identity import ask, configuration, hashed
from process_log import admin_at, faults, told

LIMIT = "rate_limit: {limit: 1000/min, key: all, cluster: exact, on_error: deny}"


def redis_at(server, more="", admin=None):
    return f"redis: {{address: '127.0.0.1:{server.port}', timeout: 5s{more}}}" + (f"\n{admin_at(admin)}" if admin else "")


@pytest.mark.parametrize("options, settings, refuse, allow, words", [
    (["--requirepass", "secret"], ", password: wrong", None, None,
     "it refuses the user name or the password: WRONGPASS"),
    (["--requirepass", "secret"], "", None, None, "it requires a password: NOAUTH"),
    (["--user", "gate", "on", ">pass", "~*", "+@all", "-@scripting"], ", username: gate, password: pass", None, None,
     "its access control list does not allow this user the command: NOPERM"),
    ([], "", ["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"],
     "it is a read-only replica: `address` must be the primary's: READONLY"),
    ([], "", ["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"], "it has no memory left for new keys: OOM"),
], ids=["password", "no password", "rights", "replica", "memory"])
def test_what_redis_refuses_is_told_once_counted_and_found_by_the_doctor(start, echo, redis, options, settings, refuse, allow, words):
    server, admin = redis(*options), free_port()
    gateway = start(configuration(echo(), LIMIT, more=redis_at(server, settings, admin), workers=2))
    if refuse:
        assert ask(gateway).status == 200
        server.command(*refuse)
    for _ in range(20):
        assert ask(gateway).status == 503
    gateway.wait_for_line(f"Redis 127.0.0.1:{server.port}: {words}")
    # Before a login the server closes the connection at such a long command, and soon counts as down.
    assert faults(admin, "redis_refused") >= (20 if "requirepass" not in str(options) else 2)
    assert len(told(gateway, "Redis 127.0.0.1")) <= 2, gateway.lines  # at most one per worker
    doctor = subprocess.run([harness.BINARY, "doctor", "-c", str(gateway.path)], capture_output=True, text=True)
    assert doctor.returncode == 1
    assert re.search(rf"^fault +redis +127.0.0.1:{server.port}: {re.escape(words)}", doctor.stdout, re.M), doctor.stdout
    if allow:
        server.command(*allow)
        wait_for(lambda: ask(gateway).status == 200, what="the server to be used again")
        gateway.wait_for_line(": works again")


@pytest.mark.parametrize("quotas", ["", "quotas: {redis: true}\n"])
def test_the_doctor_writes_keys_that_expire_and_is_content(tmp_path, redis, quotas):
    server, path = redis(), tmp_path / "gateway.yaml"
    path.write_text(configuration(free_port(), "respond: {}", more=quotas + redis_at(server)).replace("{port}", str(free_port())))
    doctor = subprocess.run([harness.BINARY, "doctor", "-c", str(path)], capture_output=True, text=True)
    assert re.search(rf"^good +redis +127.0.0.1:{server.port} answers, and accepts writes", doctor.stdout, re.M), doctor.stdout
    # An array with a batch of keys: the cursor and each key are bulk strings.
    keys = re.findall(r"\$\d+\r\n([^\r]+)\r\n", server.command("SCAN", "0"))[1:]
    assert keys or not quotas  # keys of limits expire after two seconds
    for key in keys:
        left = int(server.command("PTTL", key)[1:])  # -2: the key has expired; -1: the key never expires
        assert left == -2 or 0 < left <= 60_000, key


def test_the_doctor_tells_of_a_redis_that_is_away_or_lacks_the_rights_of_quotas(tmp_path, redis):
    server = redis("--user", "gate", "on", ">pass", "~*", "+@all", "-incrby")
    path = tmp_path / "gateway.yaml"

    def doctor():
        path.write_text(configuration(free_port(), "respond: {}", more="quotas: {redis: true}\n" + redis_at(server, ", username: gate, password: pass"))
                        .replace("{port}", str(free_port())))
        return subprocess.run([harness.BINARY, "doctor", "-c", str(path)], capture_output=True, text=True).stdout
    assert re.search(r"^fault +redis .*NOPERM.*\(it was asked for INCRBY\)", doctor(), re.M)
    server.kill()
    assert re.search(r"^fault +redis .*: the connection failed: Connection refused", doctor(), re.M)


def test_a_quota_store_that_refuses_says_why(start, echo, redis):
    server, admin = redis(), free_port()
    gateway = start(configuration(echo(), "key_auth: {}, quota: {limit: 1000, per: day}", f"{{name: one, credentials: {{keys: '{hashed('key-0123456789')}'}}}}",
                                  more="quotas: {redis: true, interval: 50ms}\n" + redis_at(server, admin=admin)))

    def charge():
        assert ask(gateway, "X-API-Key: key-0123456789\r\n").status == 200
        return True
    charge()
    server.command("REPLICAOF", "127.0.0.1", "1")
    wait_for(lambda: charge() and told(gateway, "the store of the quotas: Redis ", "it is a read-only replica"), what="the refusal")
    assert faults(admin, "quota_store") >= 1
    server.command("REPLICAOF", "NO", "ONE")
    gateway.wait_for_line("the store of the quotas works again")


def test_a_redis_that_is_away_is_told_once_and_when_it_is_back(start, echo, redis):
    server, admin = redis(), free_port()
    gateway = start(configuration(echo(), LIMIT.replace("deny", "allow"), more=redis_at(server, admin=admin)))
    assert ask(gateway).status == 200
    server.kill()
    wait_for(lambda: ask(gateway) and faults(admin, "redis_unavailable") >= 3, what="some tries to connect")
    assert len(told(gateway, f"Redis 127.0.0.1:{server.port}: the connection failed")) == 1
    server.start()
    wait_for(lambda: ask(gateway) and told(gateway, f"Redis 127.0.0.1:{server.port}: works again"), what="the server to be back")
