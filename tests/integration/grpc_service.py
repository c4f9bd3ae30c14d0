"""Real gRPC services, by gRPC's own library, without generated code."""

import concurrent.futures
import subprocess
import threading

import grpc

import harness


class Service(grpc.GenericRpcHandler):
    """Methods of all kinds, with bytes as messages."""

    def __init__(self):
        self.health, self.deadlines = 1, []
        self.release, self.closing = threading.Event(), threading.Event()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
        self.server.add_generic_rpc_handlers((self,))
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def close(self):
        self.closing.set()
        self.server.stop(0).wait()

    def service(self, details):
        def unary(request, context):
            self.deadlines.append(context.time_remaining())
            if request == b"fail":
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "as asked")
            if request == b"wait":
                self.closing.wait(20)
            context.set_trailing_metadata((("x-end", "1"),))
            return request.upper()

        def down(request, context):
            for i in range(5):
                yield request + str(i).encode()

        def held(request, context):
            yield b"first"
            self.release.wait(10)
            yield b"second"

        def up(requests, context):
            return b",".join(requests)

        def both(requests, context):
            for one in requests:
                yield one.upper()
        return {
            "/test.Echo/Unary": grpc.unary_unary_rpc_method_handler(unary),
            "/test.Echo/Down": grpc.unary_stream_rpc_method_handler(down),
            "/test.Echo/Held": grpc.unary_stream_rpc_method_handler(held),
            "/test.Echo/Up": grpc.stream_unary_rpc_method_handler(up),
            "/test.Echo/Both": grpc.stream_stream_rpc_method_handler(both),
            "/grpc.health.v1.Health/Check": grpc.unary_unary_rpc_method_handler(lambda request, context: bytes([8, self.health])),
        }.get(details.method)


def descriptors(folder, source=None, file="library.pb", *options):
    """Writes the descriptor set of a .proto file next to the gateway's configuration."""
    protos = harness.ROOT / "examples/grpc"
    if source is not None:
        (folder / "its.proto").write_text(source)
    subprocess.run(["protoc", "-I", protos, "-I", folder, *(options or ["--include_imports"]), f"--descriptor_set_out={folder / file}",
                    "library.proto" if source is None else "its.proto"], check=True, capture_output=True)
    return folder / file
