"""What targets learn about the origin of a request, and which clients' statements the gateway believes."""

import json
import re

import pytest

import sanitizers
from harness import log_lines, read_response, simple_configuration

pytestmark = sanitizers.one_worker

TRUST = "    trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]\n"


def seen_by_target(gateway, fields=""):
    with gateway.connect() as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: api.example.com:81\r\n{fields}\r\n".encode())
        return json.loads(read_response(connection)[1])["headers"]


CLAIMS = ("X-Forwarded-For: 1.1.1.1, 203.0.113.7\r\nX-Forwarded-For: 10.1.2.3\r\nX-Forwarded-Proto: https\r\n"
          "X-Forwarded-Host: shop.example\r\n"
          'Forwarded: for=6.6.6.6, for="[2001:db8::7]:99";proto=https;host=store.example, for=10.0.0.1\r\n')


def test_claims_of_strangers_are_removed(start, echo):
    seen = seen_by_target(start(simple_configuration(echo())), CLAIMS)
    assert seen["x-forwarded-for"] == "127.0.0.1" and seen["x-forwarded-proto"] == "http"
    assert seen["x-forwarded-host"] == "api.example.com:81" and "forwarded" not in seen


def test_a_trusted_proxy_is_believed_as_far_as_it_knows(start, echo, tmp_path):
    log = tmp_path / "access.log"
    text = f"access_log: {{path: '{log}'}}\n" + simple_configuration(echo(), extra_listener=TRUST) + """    policies:
      - headers: {request: {set: {x-client: "{client.address}", x-scheme: "{request.scheme}"}}}
"""
    gateway = start(text)
    seen = seen_by_target(gateway, CLAIMS)
    # The last address that is not a trusted proxy's; a client may have invented the addresses before it.
    assert seen["x-client"] == "203.0.113.7" and seen["x-scheme"] == "https"
    assert seen["x-forwarded-proto"] == "https" and seen["x-forwarded-host"] == "shop.example"
    assert seen["x-forwarded-for"] == "1.1.1.1, 203.0.113.7, 10.1.2.3, 127.0.0.1"
    assert "forwarded" not in seen
    gateway.stop()
    line = log_lines(log)[0]
    assert (line["client"], line["peer"]) == ("203.0.113.7", "127.0.0.1")


def test_rfc_7239(start, echo):
    gateway = start(simple_configuration(echo(), extra_listener=TRUST + "    forwarded: forwarded\n") + """    policies:
      - headers: {request: {set: {x-client: "{client.address}"}}}
""")
    seen = seen_by_target(gateway, CLAIMS)
    assert seen["x-client"] == "2001:db8::7"
    assert seen["forwarded"] == ('for=6.6.6.6, for="[2001:db8::7]:99";proto=https;host=store.example, for=10.0.0.1, '
                                 'for=127.0.0.1;host="store.example";proto=https')
    assert not [name for name in seen if name.startswith("x-forwarded")]
    assert seen_by_target(gateway, "Forwarded: for=_hidden, for=10.0.0.1\r\n")["x-client"] == "10.0.0.1"


@pytest.mark.parametrize("proxy", ["for=203.0.113.7", 'for="[2001:db8::7]"'])
@pytest.mark.parametrize("client", ['for=6.6.6.6;x="', 'for=6.6.6.6;x="\\', 'for=6.6.6.6;x="a";y="'])
def test_a_quote_that_a_client_leaves_open_swallows_nothing(client, proxy, start, echo):
    """A proxy has appended its element to the same line."""
    gateway = start(simple_configuration(echo(), extra_listener=TRUST + "    forwarded: forwarded\n") + """    policies:
      - headers: {request: {set: {x-client: "{client.address}"}}}
""")
    seen = seen_by_target(gateway, f"Forwarded: {client}, {proxy}\r\n")
    assert seen["x-client"] == "127.0.0.1"  # the only address that is certain
    assert seen["forwarded"] == 'for=unknown, for=127.0.0.1;host="api.example.com:81";proto=http'


def test_both_forms_agree_and_none_is_none(start, echo):
    port = echo()
    seen = seen_by_target(start(simple_configuration(port, extra_listener=TRUST + "    forwarded: both\n")), CLAIMS)
    assert seen["forwarded"] == ('for=1.1.1.1, for=203.0.113.7, for=10.1.2.3, '
                                 'for=127.0.0.1;host="shop.example";proto=https')
    assert seen["x-forwarded-for"].endswith("10.1.2.3, 127.0.0.1")
    seen = seen_by_target(start(simple_configuration(
        port, extra_listener=TRUST + "    forwarded: none\n    via: ''\n")), CLAIMS)
    assert not [name for name in seen if "forwarded" in name] and re.fullmatch(r"1\.1 [0-9a-f]{16}", seen["via"])


@pytest.mark.parametrize("via", ["edge-1", "portcullis"])
def test_via_names_the_gateway_after_those_before_it(via, start, backend):
    made = backend()
    gateway = start(simple_configuration(made.port, extra_listener=f"    via: {via}"))
    gateway.raw(b"GET / HTTP/1.0\r\nHost: a\r\nVia: 1.1 first\r\n\r\n")
    fields = [line for line in made.received.decode().splitlines() if line.lower().startswith("via:")]
    assert fields[0] == "Via: 1.1 first" and re.fullmatch(rf"via: 1\.0 {via} \([0-9a-f]{{16}}\)", fields[1]) and len(fields) == 2
