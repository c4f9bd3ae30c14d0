"""Backends that answer with errors."""

import re


def failing(status=503, fields=b"", once=None):
    """A handler that answers with this status; with `once` only the first time, then with 200."""
    seen = []

    def handle(connection, made):
        while True:
            head = made.read_head(connection)
            length = int(re.findall(r"(?i)content-length: (\d+)", head)[0]) if "content-length" in head.lower() else 0
            while length > 0:
                piece = connection.recv(length)
                made.received += piece
                length -= len(piece)
            bad = once is None or not seen
            seen.append(1)
            code = status if bad else 200
            connection.sendall(b"HTTP/1.1 %d X\r\n%sContent-Length: 2\r\n\r\n%s" % (code, fields if bad else b"", b"no" if bad else b"ok"))
    handle.seen = seen
    return handle
