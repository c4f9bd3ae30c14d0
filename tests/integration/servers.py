"""Small real servers that the gateway itself sends requests to."""

import base64
import http.server
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import threading
import urllib.request

import harness


class Server:
    """An HTTP(S) server with a scripted answer: respond(request) returns (status, fields, body), or None to hang until the
    server is stopped. Counts and stores its requests."""

    def __init__(self, respond, certificate=None):
        self.requests, self.respond, self.released = [], respond, threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                self.text = self.rfile.read(int(self.headers.get("content-length", 0)))
                outer.requests.append(self)
                told = outer.respond(self)
                if told is None:
                    outer.released.wait(60)
                    self.close_connection = True
                    return
                status, fields, body = told
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body if self.command != "HEAD" else b"")
            do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = answer

            def log_message(self, *arguments):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # the gateway cancelled the request

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def url(self, path="/"):
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


class Etcd:
    """A real etcd with one member."""

    def __init__(self, directory, port=None):
        self.directory, self.port = pathlib.Path(directory) / "etcd", port or harness.free_port()
        self.process = None
        self.start()

    def start(self):
        url, peer = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{harness.free_port()}"
        self.process = subprocess.Popen(
            ["etcd", "--data-dir", str(self.directory), "--listen-client-urls", url, "--advertise-client-urls", url,
             "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "ETCD_UNSUPPORTED_ARCH": os.uname().machine})
        harness.wait_for(self.answers, timeout=60, what="etcd")

    def answers(self):
        try:
            return self.ask("kv/range", key=b"x") is not None
        except OSError:
            return False

    def ask(self, what, headers=None, **values):
        """A call of etcd's JSON gateway; keys and values are bytes."""
        body = {name: base64.b64encode(value).decode() if isinstance(value, bytes) else value for name, value in values.items()}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/v3/{what}", json.dumps(body).encode(), headers or {})
        with urllib.request.urlopen(request, timeout=5) as response:
            return json.load(response)

    def put(self, key, value):
        self.ask("kv/put", key=key.encode(), value=value.encode())

    def delete(self, key):
        self.ask("kv/deleterange", key=key.encode())

    def kill(self):
        self.process.kill()
        self.process.wait(20)

    def close(self):
        if self.process.poll() is None:
            self.kill()


class Redis:
    """A real redis-server with a port and a socket of its own."""

    def __init__(self, directory, *options):
        self.directory, self.options = directory, options
        self.port, self.path = harness.free_port(), f"{directory}/redis.sock"
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", self.path, "--save", "",
             "--dir", str(self.directory), *self.options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        harness.wait_for(self.answers, what="redis-server")

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def command(self, *words):
        """Sends one command and returns the raw reply; only for simple replies."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(f"*{len(words)}\r\n".encode() + b"".join(f"${len(w)}\r\n{w}\r\n".encode() for w in words))
            return connection.recv(65536).decode()

    def pause(self):
        harness.suspend(self.process)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.process.kill()
        self.process.wait(20)

    def close(self):
        if self.process.poll() is None:
            self.resume()
            self.kill()
