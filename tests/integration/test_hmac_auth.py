"""hmac_auth (RFC 9421), through the built binary, against a signer written from the RFC."""

import base64
import hashlib
import time

import pytest

import harness
import sanitizers
from harness import log_lines, read_response, wait_for
from hmac_signatures import CONSUMERS, indent, send, signed
from identity import Answer, ask, complaints, configuration
from tokens import pem

pytestmark = sanitizers.one_worker


def digest(body, kind="sha-256"):
    return f"{kind}=:{base64.b64encode(hashlib.new(kind.replace('-', ''), body).digest()).decode()}:"


@pytest.mark.parametrize("kind, keyid, consumer", [("hmac", "shop-1", "shop"), ("ed", "ed", "bank"), ("es", "es", "bank"), ("ps", "ps", "bank"), ("rs", "rs", "bank")])
def test_signatures_of_every_algorithm_tell_the_consumer(shared, echo, kind, keyid, consumer):
    gateway = shared(configuration(echo(), "hmac_auth: {}", CONSUMERS))
    answer = send(gateway, signed(gateway.port, kind=kind, keyid=keyid))
    assert answer.status == 200 and answer.seen["x-consumer-name"] == consumer and answer.seen["x-consumer-credential"] == keyid
    assert send(gateway, signed(gateway.port, kind=kind, keyid=keyid), target="/orders?a=2").status == 401
    assert send(gateway, signed(gateway.port, kind=kind, keyid=keyid), method="DELETE").status == 401


def test_the_address_may_be_covered_in_parts(shared, echo):
    gateway = shared(configuration(echo(), "hmac_auth: {}", CONSUMERS))
    for components in (("@method", "@authority", "@path", "@query"), ("@method", "@authority", "@request-target")):
        assert send(gateway, signed(gateway.port, components=components)).status == 200


@pytest.mark.parametrize("sent, signed_as", [
    (';created=1;keyid="shop-1";created={now}', ';created={now};keyid="shop-1"'),
    (';keyid="nobody";created={now};keyid="shop-1"', ';keyid="shop-1";created={now}'),
    (';created={now};keyid="shop-1";x=1.5', ';created={now};keyid="shop-1";x=1.5'),
    (';created={now};keyid="shop-1";x=-0.250', ';created={now};keyid="shop-1";x=-0.25')])
def test_parameters_are_read_as_the_standard_for_structured_fields_says(shared, echo, sent, signed_as):
    gateway = shared(configuration(echo(), "hmac_auth: {}", CONSUMERS))
    texts = [text.replace("{now}", str(int(time.time()))) for text in (sent, signed_as)]
    assert send(gateway, signed(gateway.port, parameters_text=texts)).status == 200


@pytest.mark.parametrize("count", [64, 1000])
def test_a_signature_may_stand_behind_many_members(shared, echo, count):
    gateway = shared(configuration(echo(), "hmac_auth: {}", CONSUMERS))
    assert send(gateway, signed(gateway.port, before="".join(f"a{i}=1, " for i in range(count)))).status == 200


def test_each_fault_is_named_in_the_log_and_not_to_the_client(start, echo, tmp_path):
    log = tmp_path / "log"
    gateway = start(configuration(echo(), "hmac_auth: {window: 60s, nonce: required}", CONSUMERS, more=f"access_log: {{path: {log}}}"))
    port, nonces = gateway.port, iter(range(1000))

    def of(**changes):
        return signed(port, **{"nonce": f"n{next(nonces)}", **changes})
    host = f"Host: 127.0.0.1:{port}\r\n"
    now = int(time.time())
    cases = [(of(), "complete"), (host, "signature_missing"), (host + "Signature: x\r\n", "signature_malformed"),
             (host + "Signature: sig1=:aGk=:\r\nSignature-Input: sig2=(\"@method\")\r\n", "signature_malformed"),
             (of(keyid="nobody"), "signature_unknown_key"), (of(created=-61), "signature_outside_window"), (of(created=100), "signature_outside_window"),
             (of(expires=now - 1), "signature_expired"), (of(alg="ed25519"), "signature_algorithm"), (of(alg="hmac-sha256"), "complete"),
             (of(components=("@method",)), "signature_does_not_cover"), (of(components=("@target-uri", "host")), "signature_does_not_cover"),
             (signed(port), "signature_no_nonce"), (of(kind="ed"), "signature_wrong"),
             (of(nonce="twice"), "complete"), (of(nonce="twice"), "signature_replayed"),
             (of().replace('"@target-uri"', '"@target-uri" "x-absent"'), "signature_component")]
    for lines, expected in cases:
        seen = len(log_lines(log))
        answer = send(gateway, lines)
        wait_for(lambda: len(log_lines(log)) > seen, what="the log")
        assert log_lines(log)[-1]["ended"] == expected
        if expected != "complete":
            assert answer.status == 401 and answer.fields["www-authenticate"] == "Signature" and answer.detail == "unauthorized"


def test_a_body_must_be_the_one_that_was_signed(start, backend):
    made = backend()
    gateway = start(configuration(made.port, "hmac_auth: {body_limit: 100KiB}", CONSUMERS))
    body = b"x" * 50_000

    def post(text=body, told=digest(body), **changes):
        components = ("@method", "@target-uri", "content-digest")
        lines = signed(gateway.port, "POST", components=components, fields={"content-digest": told}, **changes)
        return send(gateway, lines, "POST", body=text)
    assert post(told=digest(body) + ", " + digest(body, "sha-512")).status == 200
    seen = made.accepted
    assert post(text=b"y" + body[1:]).status == 401
    assert post(told=digest(body) + ", " + digest(b"other", "sha-512")).status == 401
    assert post(told="md5=:aGk=:").status == 401
    assert post(text=b"z" * 200_000).status == 413
    lines = signed(gateway.port, "POST")
    assert send(gateway, lines, "POST", body=body).status == 401  # without a digest
    assert made.accepted == seen  # nothing has reached the backend


def test_a_chunked_body_is_held_compared_and_passed_on(shared, echo):
    gateway = shared(configuration(echo(), "hmac_auth: {}", CONSUMERS))
    body = b"hello, world"
    lines = signed(gateway.port, "POST", components=("@method", "@target-uri", "content-digest"), fields={"content-digest": digest(body)})
    with gateway.connect() as connection:
        for _ in range(2):  # the connection continues
            connection.sendall(f"POST /orders?a=1 HTTP/1.1\r\n{lines}Transfer-Encoding: chunked\r\n\r\n".encode())
            connection.sendall(b"5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n")
            answer = Answer(*read_response(connection))
            assert answer.status == 200 and answer.seen["content-length"] == "12"


def test_a_client_that_waits_to_be_told_to_go_on_is(shared, echo):
    gateway = shared(configuration(echo(), "hmac_auth: {}", CONSUMERS))
    body = b"hello"
    lines = signed(gateway.port, "POST", components=("@method", "@target-uri", "content-digest"), fields={"content-digest": digest(body)})
    with gateway.connect() as connection:
        connection.sendall(f"POST /orders?a=1 HTTP/1.1\r\n{lines}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n".encode())
        assert harness.read_head(connection).startswith("HTTP/1.1 100 ")
        connection.sendall(body + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = Answer(*read_response(connection))
        assert answer.status == 200 and "expect" not in answer.seen
        assert Answer(*read_response(connection)).status == 401  # the pipelined request, without a signature


def test_a_body_that_breaks_off_reaches_nobody(start, backend):
    made = backend()
    gateway = start(configuration(made.port, "hmac_auth: {}", CONSUMERS))
    lines = signed(gateway.port, "POST", components=("@method", "@target-uri", "content-digest"), fields={"content-digest": digest(b"hello")})
    with gateway.connect() as connection:
        connection.sendall(f"POST /orders?a=1 HTTP/1.1\r\n{lines}Content-Length: 5\r\n\r\nhel".encode())
    assert ask(gateway).status == 401
    assert made.accepted == 0


@sanitizers.only_configuration
@pytest.mark.parametrize("consumers, message", [
    ("{name: a, credentials: {signing_keys: [{id: x}]}}", "hmac-sha256 needs `secret`"),
    ("{name: a, credentials: {signing_keys: [{id: x, secret: short}]}}", "at least 32 bytes"),
    ("{name: a, credentials: {signing_keys: [{id: x, algorithm: ed25519}]}}", "ed25519 needs `public_key`"),
    ("{name: a, credentials: {signing_keys: [{id: x, algorithm: ed25518}]}}", "did you mean `ed25519`?"),
    # Named explicitly: the key is new in each run, while all workers of a test run must use the same names for tests.
    pytest.param(f"{{name: a, credentials: {{signing_keys: [{{id: x, algorithm: ed25519, public_key: \"{indent(pem('ES256'))}\"}}]}}}}",
                 "cannot be used with EdDSA", id="a P-256 key for Ed25519"),
])
def test_mistakes_are_named(tmp_path, consumers, message):
    said = complaints(tmp_path, "hmac_auth: {}", consumers)
    assert message in said
