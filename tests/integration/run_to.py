"""Runs `portcullis run --to ...`: what its tests share."""

import re
import shlex
import socket
import subprocess

import pytest

import harness
from harness import BINARY

GET = "GET {path} HTTP/1.1\r\nHost: {host}\r\n{fields}Connection: close\r\n\r\n"


class Served(harness.Process):
    """`portcullis run` with these options, on a port of its own; its dashboard is at `admin`."""

    def __init__(self, *options, port=None, admin=None, listen=None, prefix=()):
        self.port, self.admin = port or harness.free_port(), admin or harness.free_port()
        self.options = [*options, "--listen", listen or f"127.0.0.1:{self.port}"]
        if "--no-dashboard" not in options and "--dashboard" not in options:
            self.options += ["--dashboard", f"127.0.0.1:{self.admin}"]
        super().__init__("run", *self.options, prefix=prefix)
        self.wait_for_line("as a file")

    def ask(self, path="/", host="a.test", source="127.0.0.1", **fields):
        """(status, head, body) of one request."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20, source_address=(source, 0)) as connection:
            text = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
            connection.sendall(GET.format(path=path, host=host, fields=text).encode())
            head, body = harness.read_response(connection)
            return int(head.split()[1]), head.lower(), body.decode()

    def line(self, *texts):
        return next(line for line in self.lines if all(text in line for text in texts))

    def command(self):
        """The command that prints its configuration, from its welcome message."""
        return re.search(r"as a file +portcullis (.*) > portcullis.yaml", self.line("as a file"))[1]

    def printed(self):
        """The configuration that this command prints."""
        return subprocess.run(["bash", "-c", f"{shlex.quote(BINARY)} {self.command()}"], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def serve():
    """serve(*options) -> Served."""
    running = []

    def begin(*options, **settings):
        running.append(Served(*options, **settings))
        return running[-1]
    yield begin
    for one in running:
        one.stop()


def run(*options, **settings):
    """Runs a `portcullis run` that ends by itself."""
    return subprocess.run([BINARY, "run", *options], capture_output=True, text=True, timeout=120, **settings)


def cacheable(what="max-age=60"):
    return harness.Script(f"HTTP/1.1 200 OK\r\nCache-Control: {what}\r\nContent-Length: 2\r\n\r\nok".encode())
