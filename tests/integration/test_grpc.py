"""gRPC through the gateway, by gRPC's own library on both sides."""

import time

import grpc
import pytest

import harness
from harness import metric, wait_for
from http2 import h2_configuration


@pytest.fixture
def channel(start, service):
    gateway = start(h2_configuration(service.port).replace("path_prefix: /", "path_prefix: /test.Echo"))
    with grpc.insecure_channel(f"127.0.0.1:{gateway.port}", options=[("grpc.enable_http_proxy", 0)]) as it:
        yield it


def test_grpc_calls_of_all_kinds(channel):
    response, call = channel.unary_unary("/test.Echo/Unary").with_call(b"hello", timeout=10)
    assert response == b"HELLO" and dict(call.trailing_metadata())["x-end"] == "1"
    assert list(channel.unary_stream("/test.Echo/Down")(b"x", timeout=10)) == [b"x0", b"x1", b"x2", b"x3", b"x4"]
    assert channel.stream_unary("/test.Echo/Up")(iter([b"a", b"b", b"c"]), timeout=10) == b"a,b,c"
    assert list(channel.stream_stream("/test.Echo/Both")(iter([b"a", b"b"]), timeout=10)) == [b"A", b"B"]
    large = bytes(3_000_000)
    assert channel.unary_unary("/test.Echo/Unary")(large, timeout=20) == large.upper()


def test_a_grpc_conversation_goes_back_and_forth(channel):
    questions = __import__("queue").Queue()
    answers = channel.stream_stream("/test.Echo/Both")(iter(questions.get, None), timeout=20)
    for word in (b"one", b"two", b"three"):
        questions.put(word)
        assert next(answers) == word.upper()
    questions.put(None)
    assert list(answers) == []


def test_grpc_errors_of_the_service_and_of_the_gateway(channel):
    with pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary("/test.Echo/Unary")(b"fail", timeout=10)
    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "as asked")
    with pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary("/test.Other/Unary")(b"x", timeout=10)
    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.UNIMPLEMENTED, "no_route")


def test_grpc_deadlines(start, service, speak):
    gateway = start(h2_configuration(service.port))
    client = speak(gateway)
    began = time.monotonic()
    got = client.ask("/test.Echo/Unary", method="POST", body=b"\0\0\0\0\4wait",
                     more=[("content-type", "application/grpc"), ("te", "trailers"), ("grpc-timeout", "300m")])
    assert time.monotonic() - began < 10  # instead of the service's 20 seconds
    assert (got.trailers or got.fields)["grpc-status"] == "4"


def test_a_grpc_service_that_is_away(start):
    gateway = start(h2_configuration(harness.free_port()))
    with grpc.insecure_channel(f"127.0.0.1:{gateway.port}", options=[("grpc.enable_http_proxy", 0)]) as it:
        with pytest.raises(grpc.RpcError) as raised:
            it.unary_unary("/test.Echo/Unary")(b"x", timeout=10)
    assert raised.value.code() == grpc.StatusCode.UNAVAILABLE


def test_grpcs_own_health_check(start, service):
    admin = harness.free_port()
    gateway = start(h2_configuration(service.port, top=f'admin: {{address: "127.0.0.1:{admin}"}}',
                                     upstream="    health_check: {grpc: {service: test.Echo}, interval: 50ms, unhealthy_after: 1, healthy_after: 1}"))
    def is_up():
        return next((line[-1] for line in harness.get(admin, "/metrics")[1].splitlines() if line.startswith("portcullis_target_up")), None)
    wait_for(lambda: metric(admin, "portcullis_health_checks_total") > 2, what="checks")
    assert is_up() == "1", gateway.lines
    service.health = 2
    wait_for(lambda: is_up() == "0", what="the target being down")
    gateway.wait_for_line("it is not serving: 2")
    service.health = 1
    wait_for(lambda: is_up() == "1", what="the target coming back")
