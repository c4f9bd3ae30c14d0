"""Requests to the admin listener, with and without its tokens."""

import json
import subprocess

from harness import BINARY, connect, read_to_end

# Of a token with the role `admin`, and of one without `role`, which can only read.
FULL, READ = "full-token-0123456789-0123456789", "read-token-0123456789-0123456789"


def hashed(token):
    return subprocess.run([BINARY, "hash-key"], input=token, capture_output=True, text=True).stdout.strip()


def tokens():
    return f'tokens: [{{name: ops, hash: "{hashed(FULL)}", role: admin}}, {{name: prometheus, hash: "{hashed(READ)}"}}]'


def ask(port, method, path, *fields, host="localhost", body=b""):
    """(status, whole answer)"""
    lines = "".join(f"{field}\r\n" for field in (f"Host: {host}", f"Content-Length: {len(body)}", *fields))
    with connect(port) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode() + body)
        reply = read_to_end(connection).decode(errors="replace")
    return int(reply.split()[1]), reply


def body_of(reply):
    """The JSON document of a whole answer."""
    return json.loads(reply.split("\r\n\r\n", 1)[1])


def bearer(token):
    return f"Authorization: Bearer {token}"
