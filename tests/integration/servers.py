"""Small real servers that the gateway asks on its own behalf."""

import http.server
import ssl
import threading


class Server:
    """An HTTP(S) server with a scripted answer: respond(request) -> (status, fields, body), or None to hang until
    stopped. Counts its requests and keeps them."""

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
                pass  # the gateway gave the request up

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
