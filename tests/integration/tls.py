"""What the tests of TLS share: a configuration, and clients that are curl or Python's own."""

import ssl
import subprocess

from harness import read_response


def configuration(port, tls, more="", upstream="", workers=2):
    return f"""version: 1
workers: {workers}
{more}
listeners:
  - name: public
    address: 127.0.0.1:{{port}}
    tls: {tls}
upstreams:
  - name: backend
    targets: [{{address: "localhost:{port}"}}]
    {upstream}
routes:
  - name: all
    match: {{path_prefix: /}}
    upstream: backend
"""


EDGE = "{certificates: [{cert: edge.pem, key: edge.key}]}"


def curl(gateway, *arguments, path="/", ca="authority.pem"):
    """(exit code, head and body)"""
    done = subprocess.run(["curl", "-sSi", "--http1.1", "--max-time", "20", "--cacert", str(gateway.path.parent / ca), *arguments,
                           f"https://localhost:{gateway.port}{path}"], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def client(gateway, name="localhost", certificate=None, session=None, context=None):
    """A connection after its handshake."""
    if context is None:
        context = ssl.create_default_context(cafile=str(gateway.path.parent / "authority.pem"))
        context.check_hostname = name is not None
        if certificate:
            context.load_cert_chain(*certificate.pair)
    return context.wrap_socket(gateway.connect(), server_hostname=name, session=session,
                               suppress_ragged_eofs=False)  # an end without close_notify is an error


def ask(connection, path="/", host="localhost"):
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    return int(read_response(connection)[0].split()[1])
