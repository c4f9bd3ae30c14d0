"""gRPC-Web as browsers send it, with a real gRPC service."""

import base64
import http.client
import re
import time

import pytest

import sanitizers
from grpc_web import frames, message
from harness import free_port, log_lines, wait_for
from http2 import h2_configuration

pytestmark = sanitizers.one_worker


def web(port, settings="{}", before="", **more):
    return h2_configuration(port, extra_route=f"    policies:\n{before}      - grpc_web: {settings}\n", **more)


def decoded(text):
    """Decodes base64 in pieces, each with its own padding."""
    assert re.fullmatch(r"([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)*", text)
    return b"".join(base64.b64decode(text[i:i + 4]) for i in range(0, len(text), 4))


def call(gateway, method, body, type="application/grpc-web+proto", connection=None, **fields):
    connection = connection or http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    headers = {"Content-Type": type, "X-Grpc-Web": "1"} | {name.replace("_", "-"): value for name, value in fields.items()}
    connection.request("POST", "/test.Echo/" + method, body=body, headers=headers)
    answer = connection.getresponse()
    return answer, answer.read()


@pytest.mark.parametrize("type", ["application/grpc-web", "application/grpc-web+proto"])
def test_a_call_and_its_trailers(start, service, type):
    gateway = start(web(service.port))
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    for _ in range(3):  # on one connection
        answer, body = call(gateway, "Unary", message(b"hello"), type, connection)
        assert answer.status == 200 and answer.headers["content-type"].startswith("application/grpc-web")
        assert answer.headers["content-length"] is None and "grpc-status" not in answer.headers
        messages, trailers = frames(body)
        assert messages == [b"HELLO"] and trailers["grpc-status"] == "0" and trailers["x-end"] == "1"


def test_the_text_form(start, service):
    gateway = start(web(service.port))
    text = "application/grpc-web-text"
    # Two pieces of base64, each padded: the prefix, then the message.
    pieces = base64.b64encode(message(b"hello")[:5]) + base64.b64encode(b"hello")
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    for body in (base64.b64encode(message(b"hello")), pieces, iter([pieces[:3], pieces[3:]])):
        answer, got = call(gateway, "Unary", body, text + "+proto", connection)
        assert answer.headers["content-type"].startswith(text)
        messages, trailers = frames(decoded(got.decode()))
        assert messages == [b"HELLO"] and trailers["grpc-status"] == "0"
    # The format of the answer is the one that the client accepts.
    answer, got = call(gateway, "Unary", message(b"x"), accept=text)
    assert answer.headers["content-type"].startswith(text) and frames(decoded(got.decode()))[0] == [b"X"]
    answer, got = call(gateway, "Unary", pieces, text, accept="application/grpc-web")
    assert not answer.headers["content-type"].startswith(text) and frames(got)[0] == [b"HELLO"]


def test_text_that_is_not_base64_and_text_that_is_too_long(start, service, tmp_path):
    log = tmp_path / "access.log"
    gateway = start(web(service.port, "{body_size: 1KiB}", top=f"access_log: {{path: '{log}'}}"))
    text = "application/grpc-web-text+proto"
    for body, detail, status in ((b"!!!!", "bad_base64", "13"), (b"AAA", "bad_base64", "13"), (b"A" * 1028, "body_too_large", "8")):
        answer, got = call(gateway, "Unary", body, text)
        assert (answer.status, got) == (200, b"") and answer.headers["content-type"] == text
        assert (answer.headers["grpc-status"], answer.headers["grpc-message"]) == (status, detail)
    wait_for(lambda: sorted(line["ended"] for line in log_lines(log)) == ["bad_base64"] * 2 + ["body_too_large"], what="the log")


def test_a_stream_comes_message_by_message(start, service):
    gateway = start(web(service.port))
    answer, body = call(gateway, "Down", message(b"x"))
    assert frames(body) == ([b"x0", b"x1", b"x2", b"x3", b"x4"], {"grpc-status": "0"})
    for type, decode in (("application/grpc-web", bytes), ("application/grpc-web-text", lambda it: decoded(it.decode()))):
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
        body = message(b"x")
        connection.request("POST", "/test.Echo/Held", body=base64.b64encode(body) if "text" in type else body, headers={"Content-Type": type})
        answer = connection.getresponse()
        assert frames(decode(answer.read1())) == ([b"first"], None)  # while the service is still sending
        service.release.set()
        assert frames(decode(answer.read())) == ([b"second"], {"grpc-status": "0"})
        service.release.clear()


def test_errors_of_the_service(start, service):
    gateway = start(web(service.port))
    answer, body = call(gateway, "Unary", message(b"fail"))
    assert answer.status == 200
    told = frames(body)[1] or dict(answer.headers.items())
    assert (told["grpc-status"], told["grpc-message"]) == ("9", "as asked")
    # Without a message, the head contains the status.
    answer, body = call(gateway, "Nothing", message(b""))
    assert answer.headers["content-type"].startswith("application/grpc-web") and answer.headers["grpc-status"] == "12" and body == b""


def test_deadlines_and_errors_of_the_gateway(start, service):
    gateway = start(web(service.port))
    began = time.monotonic()
    answer, body = call(gateway, "Unary", message(b"wait"), grpc_timeout="300m")
    assert time.monotonic() - began < 10  # instead of the service's 20 seconds
    assert (frames(body)[1] or answer.headers)["grpc-status"] == "4"
    away = start(web(free_port()))
    answer, _ = call(away, "Unary", message(b""))
    assert answer.status == 200 and answer.headers["grpc-status"] == "14"
    # Requests that are refused before the policy, or have no route.
    guarded = start(web(free_port(), before="      - key_auth: {}\n").replace("path_prefix: /", "path_prefix: /test.Echo/Unary"))
    for method, status in (("Unary", "16"), ("Nowhere", "12")):
        answer, _ = call(guarded, method, message(b""), "application/grpc-web-text")
        assert (answer.status, answer.headers["grpc-status"], answer.headers["content-type"]) == (200, status, "application/grpc-web-text")


def test_others_pass_as_they_are(start, echo):
    gateway = start(web(echo()).replace("    protocol: http2\n", ""))
    answer, body = call(gateway, "Unary", b"hello", "application/json")
    assert answer.status == 200 and b"application/json" in body and answer.headers["content-type"] == "application/json"
    # An answer that is not gRPC's passes unchanged.
    answer, body = call(gateway, "Unary", message(b"x"))
    assert answer.headers["content-type"] == "application/json" and b'"content-type": "application/grpc+proto"' in body.replace(b'":"', b'": "')


def test_by_http2(start, service, speak):
    client = speak(start(web(service.port)))
    for _ in range(2):
        got = client.ask("/test.Echo/Unary", method="POST", body=message(b"hello"), more=[("content-type", "application/grpc-web+proto")])
        assert got.fields[":status"] == "200" and not got.trailers
        assert frames(bytes(got.body)) == ([b"HELLO"], {"grpc-status": "0", "x-end": "1"})


def test_a_service_that_says_nothing_in_the_end(start, backend2):
    def silent(peer, stream):
        peer.wait_for_end(stream)
        peer.send(peer.head(stream, [(":status", "200"), ("content-type", "application/grpc")], end=False))
        peer.send_body(stream, message(b"x"), end=True)
    gateway = start(web(backend2(silent).port))
    _, body = call(gateway, "Unary", message(b""))
    assert frames(body) == ([b"x"], {"grpc-status": "2"})
