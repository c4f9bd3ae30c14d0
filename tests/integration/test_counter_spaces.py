"""Counters of rate limits and nonces: a flood of keys from unauthenticated clients evicts no other counters."""

import harness
from harness import metric
from hmac_signatures import CONSUMERS as SIGNERS
from hmac_signatures import send as send_signed
from hmac_signatures import signed
from identity import hashed, read_response

KEY = "shop-key-0123456789abcdef"
CONSUMERS = f'{SIGNERS}, {{name: buyer, credentials: {{keys: ["{hashed(KEY)}"]}}}}'
FLOOD = 20_000  # keys, while the tables hold some thousands

CONFIGURATION = """version: 1
workers: 1
limits: {{memory: 64KiB}}
admin: {{address: "127.0.0.1:{admin}"}}
listeners: [{{name: public, address: "127.0.0.1:{{port}}"}}]
consumers: [{consumers}]
routes:
  - {{name: limited, match: {{path: /limited}}, policies: [rate_limit: {{limit: 3/min, key: client.address, algorithm: {algorithm}}}, respond: {{body: x}}]}}
  - {{name: flood, match: {{path: /flood}}, policies: [rate_limit: {{limit: 1000/h, cost: 900, key: "{{request.header.x-id}}"}}, respond: {{body: x}}]}}
  - {{name: windows, match: {{path: /windows}}, policies: [rate_limit: {{limit: 1000/h, cost: 900, algorithm: sliding_window, key: "{{request.header.x-id}}"}}, respond: {{body: x}}]}}
  - {{name: known, match: {{path: /known}}, policies: [key_auth: {{}}, rate_limit: {{limit: 3/min}}, respond: {{body: x}}]}}
  - {{name: signed, match: {{path: /orders}}, policies: [hmac_auth: {{nonce: required}}, respond: {{body: x}}]}}
"""


def configuration(algorithm="token_bucket"):
    admin = harness.free_port()
    return CONFIGURATION.format(admin=admin, consumers=CONSUMERS, algorithm=algorithm), admin


def statuses(gateway, path, count, fields=""):
    with gateway.connect() as connection:
        out = []
        for _ in range(count):
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode())
            out.append(int(read_response(connection)[0].split()[1]))
        return out


def flood(gateway, path="/flood"):
    """One request with each of FLOOD different keys."""
    at_once = 50
    with gateway.connect() as connection:
        for first in range(0, FLOOD, at_once):
            connection.sendall("".join(f"GET {path} HTTP/1.1\r\nHost: a\r\nX-Id: {i}\r\n\r\n"
                                       for i in range(first, first + at_once)).encode())
            for _ in range(at_once):
                assert " 200 " in read_response(connection)[0]


def test_a_flood_of_one_limit_leaves_those_of_another_alone(start):
    for algorithm, path in (("token_bucket", "/flood"), ("sliding_window", "/windows")):
        text, _ = configuration(algorithm)
        gateway = start(text)
        assert statuses(gateway, "/limited", 4) == [200, 200, 200, 429]
        flood(gateway, path)
        assert statuses(gateway, "/limited", 1) == [429]
        gateway.stop()


def test_a_flood_leaves_counters_of_consumers_alone(start):
    text, _ = configuration()
    gateway = start(text)
    key = f"X-API-Key: {KEY}\r\n"
    assert statuses(gateway, "/known", 4, key) == [200, 200, 200, 429]
    flood(gateway)
    assert statuses(gateway, "/known", 1, key) == [429]


def test_a_flood_does_not_make_a_used_nonce_good_again(start):
    text, _ = configuration()
    gateway = start(text)
    once = signed(gateway.port, target="/orders", nonce="once")
    assert send_signed(gateway, once, target="/orders").status == 200
    assert send_signed(gateway, once, target="/orders").status == 401
    flood(gateway)
    assert send_signed(gateway, once, target="/orders").status == 401


def test_evictions_are_a_metric_by_whose_counters_they_are(start):
    text, admin = configuration()
    gateway = start(text)
    evicted = 'portcullis_rate_limit_evictions_total{counters="%s"}'
    assert metric(admin, evicted % "strangers") == 0
    flood(gateway)
    assert metric(admin, evicted % "strangers") > FLOOD / 2
    assert metric(admin, evicted % "callers") == metric(admin, evicted % "nonces") == 0
