"""Messages, streams and metadata of any size that gRPC's own library accepts in a direct call are accepted through the
gateway."""

import concurrent.futures

import grpc
import pytest

import sanitizers
from http2 import h2_configuration

pytestmark = sanitizers.one_worker

ANY_SIZE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.max_metadata_size", 64 << 10),
            ("grpc.absolute_max_metadata_size", 64 << 10)]
# Sizes around those of a frame, of a connection's initial windows, and of the gateway's windows.
SIZES = [0, 1, 5, 16_378, 16_379, 16_384, 16_385, 65_530, 65_535, 65_536, 131_072, 262_144, 1_048_576, 4_194_304, 4_194_305, 33_554_432]


class Sizes(grpc.GenericRpcHandler):
    """`Make` answers with the requested number of bytes, `Count` with the number of received bytes."""

    def service(self, details):
        def make(request, context):
            return b"m" * int(request)

        def count(request, context):
            return b"%d" % len(request)

        def make_many(request, context):
            size, times = map(int, request.split())
            for _ in range(times):
                yield b"m" * size

        def count_many(requests, context):
            sizes = [len(one) for one in requests]
            return b"%d %d" % (len(sizes), sum(sizes))

        def tell(request, context):
            """Fails with the requested number of bytes in the details, and sends as much metadata before and after."""
            size = int(request)
            got = dict(context.invocation_metadata())
            context.send_initial_metadata((("x-before", "b" * size),))
            context.set_trailing_metadata((("x-after-bin", b"a" * size), ("x-got", str(len(got.get("x-much", ""))))))
            context.abort(grpc.StatusCode.ABORTED, "d" * size)
        return {
            "/test.Sizes/Make": grpc.unary_unary_rpc_method_handler(make),
            "/test.Sizes/Count": grpc.unary_unary_rpc_method_handler(count),
            "/test.Sizes/MakeMany": grpc.unary_stream_rpc_method_handler(make_many),
            "/test.Sizes/CountMany": grpc.stream_unary_rpc_method_handler(count_many),
            "/test.Sizes/Tell": grpc.unary_unary_rpc_method_handler(tell),
        }.get(details.method)


@pytest.fixture(scope="module")
def port():
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), options=ANY_SIZE)
    server.add_generic_rpc_handlers((Sizes(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(0).wait()


@pytest.fixture
def channels(start, port):
    """One channel directly to the service, and one through the gateway."""
    gateway = start(h2_configuration(port))
    options = [("grpc.enable_http_proxy", 0), *ANY_SIZE]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as direct:
        with grpc.insecure_channel(f"127.0.0.1:{gateway.port}", options=options) as through:
            yield direct, through


def test_messages(channels):
    for size in SIZES:
        for channel in channels:
            made = channel.unary_unary("/test.Sizes/Make")(b"%d" % size, timeout=60)
            assert len(made) == size and made == b"m" * size
            assert channel.unary_unary("/test.Sizes/Count")(bytes(size), timeout=60) == b"%d" % size


@pytest.mark.parametrize("size, times", [(0, 3_000), (1, 3_000), (16_384, 300), (65_536, 200), (3_000_000, 5)])
def test_streams(channels, size, times):
    for channel in channels:
        assert [len(one) for one in channel.unary_stream("/test.Sizes/MakeMany")(b"%d %d" % (size, times), timeout=60)] == [size] * times
        assert channel.stream_unary("/test.Sizes/CountMany")((bytes(size) for _ in range(times)), timeout=60) == b"%d %d" % (times, size * times)


@pytest.mark.parametrize("size", [0, 100, 1_000, 4_000, 8_000, 10_000])
def test_metadata_and_details(channels, size):
    told = []
    for channel in channels:
        with pytest.raises(grpc.RpcError) as raised:
            channel.unary_unary("/test.Sizes/Tell")(b"%d" % size, timeout=60, metadata=(("x-much", "v" * size),))
        error = raised.value
        before, after = dict(error.initial_metadata()), dict(error.trailing_metadata())
        told.append((error.code(), error.details(), before["x-before"], after["x-after-bin"], after["x-got"]))
    assert told == [(grpc.StatusCode.ABORTED, "d" * size, "b" * size, b"a" * size, str(size))] * 2
