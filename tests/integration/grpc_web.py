"""The framing of messages and trailers in gRPC-Web."""


def message(payload):
    return b"\0" + len(payload).to_bytes(4, "big") + payload


def frames(body):
    """The messages of a body, and its trailers."""
    messages, trailers = [], None
    while body:
        flags, size = body[0], int.from_bytes(body[1:5], "big")
        assert trailers is None and len(body) >= 5 + size
        if flags == 0x80:
            trailers = dict(line.split(": ", 1) for line in body[5:5 + size].decode().split("\r\n")[:-1])
        else:
            messages.append(body[5:5 + size])
        body = body[5 + size:]
    return messages, trailers
