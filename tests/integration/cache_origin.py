"""An origin server whose answers are scripted in every field, for the tests of the cache."""

import email.utils
import http.client
import threading
import time

import harness


def date(seconds=0):
    """The date that many seconds from now."""
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


class Answer:
    """An answer of the origin. `fields`: pairs, or a dict. A body of `pieces` is sent in chunks, each when its event is set."""

    def __init__(self, fields=(), status=200, body=b"body", dated=True, release=None, pieces=None, cut=False):
        self.fields = list(fields.items() if isinstance(fields, dict) else fields)
        self.dated = dated
        self.status, self.body, self.release, self.pieces, self.cut = status, body, release, pieces, cut

    def send(self, connection, method):
        if self.release:
            self.release.wait(20)
        bodiless = method == "HEAD" or self.status in (204, 304)
        fields = list(self.fields)
        if self.dated and not any(name.lower() == "date" for name, _ in fields):
            fields.append(("date", date()))
        if self.pieces is not None:
            fields.append(("transfer-encoding", "chunked"))
        elif self.status not in (204, 304) and not any(name.lower() == "content-length" for name, _ in fields):
            fields.append(("content-length", str(len(self.body))))
        head = f"HTTP/1.1 {self.status} Said\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields)
        connection.sendall(head.encode("latin-1") + b"\r\n" + (b"" if bodiless or self.pieces is not None else self.body))
        for event, piece in self.pieces or []:
            if event:
                event.wait(20)
            connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        if self.pieces is not None and not self.cut:
            connection.sendall(b"0\r\n\r\n")
        return not self.cut


class Request:
    def __init__(self, head):
        line, *fields = head.split("\r\n")
        self.method, self.target, _ = line.split(" ")
        self.fields = [tuple(one.split(": ", 1)) for one in fields if one]

    def get(self, name):
        return next((value for other, value in self.fields if other.lower() == name), None)


class Origin(harness.ScriptedBackend):
    """`answers`: for each path a list, whose last element is repeated. `requests` has the received requests."""

    def __init__(self):
        self.answers, self.requests, self.lock = {}, [], threading.Lock()
        super().__init__(self._handle)

    def _handle(self, connection, _):
        while True:
            request = Request(harness.read_head(connection))
            length = int(request.get("content-length") or 0)
            while length:
                length -= len(connection.recv(length))
            with self.lock:
                self.requests.append(request)
                left = self.answers[request.target.split("?")[0]]
                answer = left.pop(0) if len(left) > 1 else left[0]
            if callable(answer):
                answer = answer(request)
            if not answer.send(connection, request.method):
                return

    def asked(self, path):
        with self.lock:
            return [one for one in self.requests if one.target.split("?")[0] == path]


class Response:
    def __init__(self, response, body):
        self.status, self.body, self.fields = response.status, body, response.getheaders()

    def get(self, name):
        values = [value for other, value in self.fields if other.lower() == name.lower()]
        return ", ".join(values) if values else None

    @property
    def age(self):
        return int(self.get("age"))


def ask(port, path, method="GET", fields=(), body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    # Without the port, so that a gateway at another port is asked for the same.
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    connection.putheader("host", "127.0.0.1")
    for name, value in (fields.items() if isinstance(fields, dict) else fields):
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("content-length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    out = Response(response, response.read())
    connection.close()
    return out
