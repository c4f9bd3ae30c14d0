"""The parts of the peers' configurations for HTTP/2 and gRPC."""

from policies import certificates
from subjects import LOAD_CORE, start


def http2_peers(scenario, directory, backend_port):
    """The settings by scenario: HTTP/2 over TLS 1.3 or without TLS, to the same HTTP/1.1 backend; or gRPC from end to end."""
    if scenario == "http2_tls":
        peers = certificates(directory)
        peers["nginx"]["LISTENER"] += " http2"
        peers["haproxy"]["LISTENER"] += " alpn h2"
        return peers
    clear = {"portcullis": {}, "nginx": {"LISTENER": " http2"}, "haproxy": {"LISTENER": "proto h2"}}
    if scenario == "http2_clear":
        return clear
    clear["portcullis"]["UPSTREAM"] = "    protocol: http2"
    clear["nginx"]["HTTP"] = f"  upstream service {{ server 127.0.0.1:{backend_port}; keepalive 256; keepalive_requests 1000000000; }}"
    clear["nginx"]["LOCATIONS"] = "    location /grpc { grpc_pass grpc://service; }"
    clear["haproxy"]["SERVER"] = "proto h2"
    return clear


def grpc_service(directory, port):
    """A server of HTTP/2 that answers each call with a message of 64 bytes and trailers; and the arguments for a call."""
    message = b"\0\0\0\0\x3b" + bytes(59)
    (directory / "grpc").mkdir(exist_ok=True)
    (directory / "grpc/Call").write_bytes(message)
    (directory / "message").write_bytes(message)
    service = start(LOAD_CORE, "nghttpd", "--no-tls", "-a", "127.0.0.1", "-d", directory, "--trailer", "grpc-status: 0", port)
    return service, {"target": "/grpc/Call", "upload": directory / "message", "fields": ("content-type: application/grpc", "te: trailers")}
