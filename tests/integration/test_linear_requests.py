"""The cost of a request grows linearly with its length: memory stays below a ceiling."""

import pytest

import cache_gateway
import harness
from cache_origin import Answer, ask
from harness import simple_configuration
from identity import configuration, hashed
from peer_memory import Peak

KEY = "key-0123456789abcdef"
CONSUMERS = f'{{name: shop, credentials: {{keys: ["{hashed(KEY)}"]}}}}'
STICKY = "    sticky: {cookie: st, key: 0123456789abcdef0123456789abcdef}"
CEILING = 4 * 1024  # KiB; copying everything received so far for each piece would take some 20 to 400 MiB

pytestmark = pytest.mark.not_sanitized(reason="a sanitizer keeps what has been freed")


def cost_of(gateway, request):
    """The growth of the gateway's memory in KiB for one such request, after one of the same size was served."""
    def ask(text):
        with gateway.connect() as connection:
            connection.sendall(text)
            return harness.read_response(connection)[0]
    ask(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 31000 + b"\r\n\r\n")
    peak = Peak(gateway.process)
    assert " 200 " in ask(request)
    return peak.grown()


def test_a_cookie_is_removed_from_many(start, backend):
    made = backend()
    gateway = start(simple_configuration(made.port, extra_upstream=STICKY, workers=1))
    request = b"GET / HTTP/1.1\r\nHost: a\r\nCookie: st=x;" + b"a;" * 15500 + b"\r\n\r\n"
    assert cost_of(gateway, request) < CEILING
    assert b"st=x" not in made.received and made.received.count(b"a;a") == 7750


def test_a_credential_is_removed_from_many_cookies(start, echo):
    gateway = start(configuration(echo(), "key_auth: {header: '', cookie: k}", CONSUMERS))
    request = b"GET / HTTP/1.1\r\nHost: a\r\nCookie: k=" + KEY.encode() + b";" + b"a;" * 15500 + b"\r\n\r\n"
    assert cost_of(gateway, request) < CEILING


def test_a_credential_is_removed_from_many_parameters(start, echo):
    gateway = start(configuration(echo(), "key_auth: {header: '', query: apikey}", CONSUMERS))
    request = b"GET /?apikey=" + KEY.encode() + b"&" + b"a&" * 4000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"
    assert cost_of(gateway, request) < CEILING


def test_many_protocols_to_upgrade_to_are_joined(start, backend):
    gateway = start(simple_configuration(backend().port, workers=1))
    request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: " + b"websocket," * 3000 + b"\r\n\r\n"
    assert cost_of(gateway, request) < CEILING


def test_cookie_crumbs_of_http2_are_joined(start, backend, speak):
    gateway = start(simple_configuration(backend().port, workers=1))
    client = speak(gateway)
    crumb = "c" * 280
    assert client.ask("/").status == 200
    peak = Peak(gateway.process)
    assert client.ask("/", more=[("cookie", crumb)] * 95).status == 200
    assert peak.grown() < 1024


def test_accepted_codings_are_compared_with_many_variants(start, origin):
    """Each variant depends on a field of its own, so that the request's values are made anew for each."""
    gateway = start(cache_gateway.configuration(origin, workers=1))
    origin.answers["/"] = [Answer({**cache_gateway.FRESH, "vary": f"accept-encoding, x-{i}"}) for i in range(64)]
    for i in range(64):
        assert ask(gateway.port, "/", fields={"accept-encoding": f"c{i}"}).status == 200
    assert len(origin.asked("/")) == 64
    request = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: " + b"c" * 31000 + b"\r\n\r\n"
    assert cost_of(gateway, request) < 1024  # KiB; to keep the values of all variants would take 2 MiB
    assert len(origin.asked("/")) == 66
