"""The PROXY protocol, with a real HAProxy in front of the gateway and behind it."""

import json
import socket
import ssl
import struct
import subprocess

import pytest

import sanitizers
from harness import check, free_port, metric, read_response, read_to_end, simple_configuration, wait_for

pytestmark = sanitizers.one_worker

FROM_HERE = "    proxy_protocol: [127.0.0.1]"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
V4 = socket.inet_aton("192.0.2.9") + socket.inet_aton("198.51.100.1") + struct.pack(">HH", 4711, 443)


def binary(content, command=0x21, family=0x11):
    return SIGNATURE + bytes([command, family]) + struct.pack(">H", len(content)) + content


def seen(connection):
    """The fields of the request that the echoing backend received."""
    head, body = read_response(connection)
    assert head.startswith("HTTP/1.1 200")
    return json.loads(body)["headers"]


def tls(connection, authority):
    context = ssl.create_default_context(cafile=str(authority.file))
    return context.wrap_socket(connection, server_hostname="localhost")


@pytest.mark.parametrize("header, client", [
    (b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n", "192.0.2.1"),
    (b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n", "2001:db8::1"),
    (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    (binary(V4), "192.0.2.9"),
    (binary(V4, command=0x20), "127.0.0.1"),
    (binary(b"", family=0), "127.0.0.1")], ids=range(6))
@pytest.mark.parametrize("pieces", [None, 1])
def test_the_client_is_whom_the_header_names(start, echo, header, client, pieces):
    gateway = start(simple_configuration(echo(), extra_listener=FROM_HERE))
    with gateway.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(header), pieces or len(header)):
            connection.sendall(header[at:at + (pieces or len(header))])
        for _ in range(2):  # the header applies to the whole connection
            connection.sendall(REQUEST)
            assert seen(connection)["x-forwarded-for"] == client


def from_address(gateway, address):
    connection = gateway.connect()
    connection.sendall(f"PROXY TCP4 {address} 198.51.100.7 56324 443\r\n".encode() + REQUEST)
    return connection


def test_each_address_has_only_so_many_connections(start, echo):
    admin = free_port()
    gateway = start(simple_configuration(echo(), extra_listener=FROM_HERE + "\n    limits: {connections_per_address: 2}",
                                         top=f'admin: {{address: "127.0.0.1:{admin}"}}'))
    mine = [from_address(gateway, "192.0.2.1") for _ in range(2)]
    for connection in mine:
        seen(connection)
    with from_address(gateway, "192.0.2.1") as third:
        assert read_to_end(third) in (b"", b"<reset>")
    with from_address(gateway, "192.0.2.2") as other:
        seen(other)
    assert metric(admin, 'portcullis_client_connections_refused_total{limit="connections_per_address"}') == 1
    mine.pop().close()

    def has_room():
        with from_address(gateway, "192.0.2.1") as again:
            return b" 200 " in read_to_end_of_head(again)
    wait_for(has_room, what="room for one more")


def read_to_end_of_head(connection):
    try:
        return connection.recv(1 << 16)
    except ConnectionResetError:
        return b""


def test_a_load_balancer_may_have_any_number(start, echo):
    gateway = start(simple_configuration(echo(), extra_listener=FROM_HERE + "\n    limits: {connections_per_address: 1}"))
    connections = [from_address(gateway, f"192.0.2.{i}") for i in range(1, 21)]
    for connection in connections:
        assert seen(connection)["x-forwarded-for"].startswith("192.0.2.")


def test_tls_comes_after_the_header(start, echo, authority, edge):
    gateway = start(simple_configuration(echo(), extra_listener=FROM_HERE + "\n    tls: {certificates: [{cert: edge.pem, key: edge.key}]}"))
    with gateway.connect() as connection:
        connection.sendall(binary(V4))
        with tls(connection, authority) as secured:
            secured.sendall(REQUEST)
            told = seen(secured)
    assert (told["x-forwarded-for"], told["x-forwarded-proto"]) == ("192.0.2.9", "https")
    # A header and the handshake's first message in one segment, as curl sends them.
    out = subprocess.run(["curl", "-s", "--haproxy-protocol", "--cacert", str(authority.file), f"https://localhost:{gateway.port}/"],
                         capture_output=True, text=True).stdout
    assert json.loads(out)["headers"]["x-forwarded-for"] == "127.0.0.1"


def test_a_load_balancer_that_ended_tls_says_so(start, echo):
    gateway = start(simple_configuration(echo(), extra_listener=FROM_HERE))
    with gateway.connect() as connection:
        connection.sendall(binary(V4 + b"\x20\x00\x05\x01\0\0\0\0") + REQUEST)
        assert seen(connection)["x-forwarded-proto"] == "https"


@pytest.mark.parametrize("sent", [REQUEST, b"PROXY TCP4 nonsense\r\n" + REQUEST, binary(V4[:-1]) + REQUEST, b"PROXY " + b"x" * 200,
                                  binary(b"", family=0x12) + REQUEST, b"PRO"])
def test_without_a_good_header_there_is_no_service(start, backend, sent):
    target = backend()
    gateway = start("admin: {address: '127.0.0.1:%d'}\n" % (admin := free_port()) +
                    simple_configuration(target.port, extra_listener=FROM_HERE + "\n    timeouts: {head: 300ms}"))
    with gateway.connect() as connection:
        connection.sendall(sent)
        assert read_to_end(connection) == b""
    assert target.accepted == 0
    assert metric(admin, "portcullis_proxy_headers_refused_total") == 1


def test_from_elsewhere_a_header_is_no_http(start, echo):
    gateway = start(simple_configuration(echo(), extra_listener="    proxy_protocol: [192.0.2.0/24]"))
    with gateway.connect() as connection:
        connection.sendall(b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n" + REQUEST)
        assert read_response(connection)[0].startswith("HTTP/1.1 400")
    with gateway.connect() as connection:
        connection.sendall(REQUEST)
        assert seen(connection)["x-forwarded-for"] == "127.0.0.1"


class HaProxy:
    def __init__(self, folder, text):
        path = folder / f"haproxy-{free_port()}.cfg"
        path.write_text("global\n  nbthread 1\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 20s\n  timeout server 20s\n" + text)
        self.process = subprocess.Popen(["haproxy", "-db", "-q", "-f", str(path)])

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def haproxy(tmp_path):
    running = []

    def begin(port, text):
        running.append(HaProxy(tmp_path, text))
        wait_for(lambda: can_connect(port), what="HAProxy")
    yield begin
    for one in running:
        one.stop()


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        return True
    except OSError:
        return False


@pytest.mark.parametrize("how", ["send-proxy", "send-proxy-v2"])
def test_haproxy_before_the_gateway(start, echo, haproxy, how):
    gateway = start(simple_configuration(echo(), extra_listener=FROM_HERE))
    front = free_port()
    haproxy(front, f"listen front\n  bind 127.0.0.1:{front}\n  source 127.0.0.1\n  server gateway 127.0.0.1:{gateway.port} {how}\n")
    with socket.create_connection(("127.0.0.1", front), source_address=("127.0.0.2", 0)) as connection:
        connection.sendall(REQUEST)
        assert seen(connection)["x-forwarded-for"] == "127.0.0.2"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_haproxy_behind_the_gateway(start, haproxy, version):
    behind = free_port()
    haproxy(behind, f"listen behind\n  bind 127.0.0.1:{behind}\n  bind 127.0.0.1:{(accepting := free_port())} accept-proxy\n"
            "  http-request return status 200 content-type text/plain lf-string '%[src] %[src_port] %[dst_port] %[fc_rcvd_proxy]'\n")
    text = simple_configuration(accepting, extra_upstream=f"    proxy_protocol: {version}", extra_listener="    trusted_proxies: [127.0.0.3]")
    gateway = start(text)

    def told(source, *fields):
        with socket.create_connection(("127.0.0.1", gateway.port), source_address=(source, 0)) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(one + b"\r\n" for one in fields) + b"\r\n")
            return read_response(connection)[1].decode().split(), str(connection.getsockname()[1])
    for source in ("127.0.0.1", "127.0.0.2", "127.0.0.1"):  # a connection is not shared between clients
        got, port = told(source)
        assert got == [source, port, str(gateway.port), "1"]
    # HAProxy shows no port when the gateway does not know the port.
    assert told("127.0.0.3", b"X-Forwarded-For: 198.51.100.44")[0] == ["198.51.100.44", str(gateway.port), "1"]


def test_a_header_goes_before_tls(start, haproxy, tmp_path, authority, edge):
    accepting = free_port()
    (tmp_path / "both.pem").write_text(edge.pair[0] and open(edge.pair[0]).read() + open(edge.pair[1]).read())
    haproxy(accepting, f"listen behind\n  bind 127.0.0.1:{accepting} accept-proxy ssl crt {tmp_path}/both.pem\n"
            "  http-request return status 200 content-type text/plain lf-string '%[src] %[ssl_fc]'\n")
    gateway = start(simple_configuration(accepting, extra_upstream="    proxy_protocol: v2\n    tls: {ca: authority.pem}"))
    with socket.create_connection(("127.0.0.1", gateway.port), source_address=("127.0.0.2", 0)) as connection:
        connection.sendall(REQUEST)
        assert read_response(connection)[1] == b"127.0.0.2 1"


@sanitizers.only_configuration
def test_mistakes_are_named(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text(simple_configuration(1, extra_listener="    proxy_protocol: [10.0.0.1/8]").replace("{port}", "1"))
    assert ":6:22: " in check(path)
    path.write_text(simple_configuration(1, extra_upstream="    proxy_protocol: v3").replace("{port}", "1"))
    assert "did you mean" in check(path)
