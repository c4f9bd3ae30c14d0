"""basic_auth, through the built binary; hashes by htpasswd's and other tools' algorithms."""

import base64
import ctypes
import subprocess
import threading

import pytest

import harness
import sanitizers
from harness import log_lines, wait_for
from identity import ask, complaints, configuration, send


def hash_of(password):
    return subprocess.run([harness.BINARY, "hash-password"], input=password + "\n", capture_output=True, text=True, check=True).stdout.strip()


LIBCRYPT = ctypes.CDLL("libcrypt.so.1")
LIBCRYPT.crypt.restype = ctypes.c_char_p


def crypt(password, setting):
    return LIBCRYPT.crypt(password.encode(), setting.encode()).decode()


# Made by other programs: bcrypt and SHA-crypt of "secret" by Debian's libcrypt, argon2 by libsodium.
BCRYPT = crypt("secret", "$2b$05$abcdefghijklmnopqrstuu")
SHA512 = crypt("secret", "$6$rounds=1000$saltsalt")


def basic(user, password):
    return "Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()).decode() + "\r\n"


def consumers(**hashes):
    return ", ".join(f"{{name: {name}, credentials: {{basic: {{username: {name}, password_hash: '{text}'}}}}}}"
                     for name, text in hashes.items())


def test_a_right_password_tells_the_consumer(start, echo):
    gateway = start(configuration(echo(), "basic_auth: {}", consumers(y=hash_of("secret"), b=BCRYPT, s=SHA512)))
    for user in "ybs":
        for _ in range(2):  # the first is verified, the second is remembered
            answer = ask(gateway, basic(user, "secret"))
            assert answer.status == 200 and answer.seen["x-consumer-name"] == user
            assert "authorization" not in answer.seen


def test_argon2_is_verified(start, echo):
    # The example of the reference implementation's README: "password", "somesalt", argon2id.
    code = "import ctypes, ctypes.util; s = ctypes.CDLL('libsodium.so.23'); s.sodium_init(); b = ctypes.create_string_buffer(128); " \
           "s.crypto_pwhash_str(b, b'secret', ctypes.c_ulonglong(6), ctypes.c_ulonglong(1), ctypes.c_size_t(8 << 20)); print(b.value.decode())"
    made = subprocess.run(["/usr/bin/python3", "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert made.startswith("$argon2id$")
    gateway = start(configuration(echo(), "basic_auth: {}", consumers(a=made)))
    assert [ask(gateway, basic("a", password)).status for password in ("secret", "secreT", "")] == [200, 401, 401]


def test_wrong_ones_are_refused_and_only_the_log_says_why(start, echo, tmp_path):
    log = tmp_path / "log"
    gateway = start(configuration(echo(), "basic_auth: {realm: shop}", consumers(a=BCRYPT), more=f"access_log: {{path: {log}}}"))
    cases = [(basic("a", "wrong"), "basic_wrong_password"), (basic("a", "secret2"), "basic_wrong_password"), (basic("b", "secret"), "basic_unknown_user"),
             ("Authorization: Basic !!!\r\n", "basic_malformed"), ("Authorization: Basic YQ==\r\n", "basic_malformed"),
             ("Authorization: Basic " + "A" * 2000 + "\r\n", "basic_malformed"), (basic("a", "secret\0x"), "basic_wrong_password"),
             ("", "basic_missing"), ("Authorization: Bearer x\r\n", "basic_missing")]
    for fields, _ in cases:
        answer = ask(gateway, fields)
        assert answer.status == 401 and answer.detail == "unauthorized"
        assert answer.fields["www-authenticate"] == 'Basic realm="shop", charset="UTF-8"'
    wait_for(lambda: len(log_lines(log)) == len(cases), what="the log")
    assert [line["ended"] for line in log_lines(log)] == [reason for _, reason in cases]


def test_a_reload_with_another_hash_ends_the_old_password(start, echo):
    port = echo()
    gateway = start(configuration(port, "basic_auth: {}", consumers(a=BCRYPT)))
    assert ask(gateway, basic("a", "secret")).status == 200
    gateway.write(configuration(port, "basic_auth: {}", consumers(a=hash_of("changed"))))
    gateway.reload()
    assert [ask(gateway, basic("a", password)).status for password in ("secret", "changed")] == [401, 200]


def test_hashing_does_not_hold_up_other_requests(start, echo):
    slow = crypt("secret", "$2b$12$abcdefghijklmnopqrstuu")  # takes a quarter of a second
    text = configuration(echo(), "basic_auth: {}", consumers(a=slow))
    gateway = start(text + "  - {name: open, match: {path: /open}, upstream: backend}\n")
    statuses = []
    threads = [threading.Thread(target=lambda i=i: statuses.append(ask(gateway, basic("a", f"wrong-{i}")).status)) for i in range(8)]
    for thread in threads:
        thread.start()
    with gateway.connect() as connection:
        answered = 0
        while any(thread.is_alive() for thread in threads):
            assert send(connection, target="/open").status == 200
            answered += 1
    for thread in threads:
        thread.join()
    assert statuses == [401] * 8 and answered > 20


def test_many_that_wait_for_the_same_password_hash_it_once(start, echo):
    slow = crypt("secret", "$2b$12$abcdefghijklmnopqrstuu")
    gateway = start(configuration(echo(), "basic_auth: {}", consumers(a=slow)))
    statuses = []

    def spent():
        return sum(int(x) for x in open(f"/proc/{gateway.process.pid}/stat").read().rsplit(")", 1)[1].split()[11:13])
    before = spent()
    threads = [threading.Thread(target=lambda: statuses.append(ask(gateway, basic("a", "secret")).status)) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 40
    # CPU time in ticks: two side threads may have begun to hash, while forty hashes would take ten seconds or more.
    assert (spent() - before) / __import__("os").sysconf("SC_CLK_TCK") < 5


def test_a_client_that_leaves_while_its_password_is_hashed_does_no_harm(start, echo):
    slow = crypt("secret", "$2b$12$abcdefghijklmnopqrstuu")
    gateway = start(configuration(echo(), "basic_auth: {}", consumers(a=slow)))
    for i in range(5):
        with gateway.connect() as connection:
            connection.sendall(f"GET / HTTP/1.1\r\nHost: a\r\n{basic('a', f'wrong{i}')}\r\n".encode())
    assert ask(gateway, basic("a", "secret")).status == 200


def spent(gateway):
    """CPU time in seconds."""
    fields = open(f"/proc/{gateway.process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / __import__("os").sysconf("SC_CLK_TCK")


def test_wrong_passwords_are_limited_by_address_and_hashed_no_more(start, echo, tmp_path):
    log = tmp_path / "log"
    slow = crypt("secret", "$2b$12$abcdefghijklmnopqrstuu")  # takes a quarter of a second
    gateway = start(configuration(echo(), "basic_auth: {failures_by_address: 3/h}", consumers(a=slow), more=f"access_log: {{path: {log}}}"))
    assert [ask(gateway, basic(f"user-{i}", "wrong")).status for i in range(3)] == [401] * 3
    before = spent(gateway)
    answers = [ask(gateway, basic(f"other-{i}", "wrong")) for i in range(40)]
    assert {answer.status for answer in answers} == {429}
    assert all(int(answer.fields["retry-after"]) > 0 and answer.detail == "rate_limited" for answer in answers)
    assert spent(gateway) - before < 2  # instead of ten
    wait_for(lambda: len(log_lines(log)) == 43, what="the log")
    assert log_lines(log)[-1]["ended"] == "basic_too_many_failures"


def test_wrong_passwords_are_limited_by_name_wherever_they_come_from(start, echo):
    trusting = configuration(echo(), "basic_auth: {failures_by_name: 3/h}", consumers(a=BCRYPT, b=BCRYPT)).replace(
        'address: "127.0.0.1:{port}"', 'address: "127.0.0.1:{port}", trusted_proxies: [127.0.0.1]', 1)
    gateway = start(trusting)

    def wrong(user, i):
        return ask(gateway, basic(user, f"wrong-{i}") + f"X-Forwarded-For: 192.0.2.{i}\r\n").status
    assert [wrong("a", i) for i in range(5)] == [401] * 3 + [429] * 2
    assert wrong("b", 9) == 401 and ask(gateway, basic("b", "secret")).status == 200


def test_who_was_right_before_is_not_locked_out_by_others_who_guess(start, echo):
    gateway = start(configuration(echo(), "basic_auth: {failures_by_name: 3/h, cache: 1ms}", consumers(a=BCRYPT)))
    assert ask(gateway, basic("a", "secret")).status == 200
    assert [ask(gateway, basic("a", f"wrong-{i}")).status for i in range(5)] == [401] * 3 + [429] * 2
    assert ask(gateway, basic("a", "secret")).status == 200


def test_right_passwords_count_for_nothing(start, echo):
    gateway = start(configuration(echo(), "basic_auth: {failures_by_address: 2/h, cache: 1ms}", consumers(a=BCRYPT, s=SHA512)))
    assert [ask(gateway, basic(user, "secret")).status for user in "as" * 5] == [200] * 10


@sanitizers.only_configuration
@pytest.mark.parametrize("text, message", [
    ("plain", "expected a hash by bcrypt"), ("", "expected a hash by bcrypt")])
def test_mistakes_are_named(tmp_path, text, message):
    said = complaints(tmp_path, "basic_auth: {}", consumers(a=text))
    assert message in said and "`plain`" not in said
