"""The building blocks of a case of HTTP/2: what a client sends, and how the gateway may react. See
test_http2_conformance.py."""

import harness
import http2
from http2_frames import HEAD, Code, Setting, headers, ping, settings

ASKED = b"are you?"  # the content of the cases' PING
ASK = ping(ASKED)
# After this the response to a request cannot end, so its stream stays half-closed (remote).
HOLD = settings((Setting.INITIAL_WINDOW_SIZE, 0))
LATER = 1001  # a stream that no case uses
STREAMS = 10  # streams that a client may have open at the same time


# The beginnings of a connection.

def handshake(connection):
    client = http2.Client(connection, auto_window=False)
    client.wait(lambda: client.settled and client.acknowledged)
    return client


def preface(connection):
    return http2.Client(connection, auto_window=False)


def nothing(connection):
    return http2.Peer(connection, auto_window=False)


# What a case waits for before it continues.

def acknowledged(client):
    """The gateway acknowledges the SETTINGS that were sent last."""
    before = client.acknowledged
    client.wait(lambda: client.acknowledged > before)


def ended(client):
    it = client.wait_for_end(1)
    assert it.ended and it.reset in (None, Code.NO_ERROR)


def octets(count):
    """That many bytes of the response's body have arrived, and no more may arrive."""
    def wait(client):
        it = client.stream(1)
        client.wait(lambda: len(it.body) >= count)
        catch_up(client)
        assert len(it.body) == count and not it.ended
    return wait


def catch_up(client):
    """Waits for the gateway's reactions to everything sent before. The answer to one PING may overtake them, the answer to the
    next one may not."""
    for _ in range(2):
        before = len(client.pings)
        client.send(ASK)
        client.wait(lambda: len(client.pings) > before)


# The permitted reactions of the gateway. Each has a text for the page, and check(client, target).

class Outcome:
    def __init__(self, text, check):
        self.text, self.check = text, check


def unharmed(client):
    assert client.goaway is None and all(it.reset is None for it in client.streams.values())


def answered(*seen, times=1):
    """The target answers stream 1 and has seen each of the texts that many times: the body of its answer is the request."""
    def check(client, _):
        it = client.wait_for_end(1)
        unharmed(client)
        assert it.ended and it.status == 200
        for text in seen:
            assert it.body.count(text) == times, it.body
    return Outcome("response", check)


def check_ping(client, _):
    client.wait(lambda: client.pings)
    assert client.pings == [ASKED]
    unharmed(client)


def check_ping_or_end(client, _):
    try:
        client.wait(lambda: client.pings)
    except http2.Closed:
        pass
    assert client.pings in ([], [ASKED])
    assert client.goaway is None or client.goaway.error_code == Code.NO_ERROR


def check_acknowledgement(client, _):
    acknowledged(client)
    unharmed(client)


def check_first_frame(client, _):
    client.read_frame()
    assert client.settled == 1 and client.acknowledged == 0


def check_end(client, _):
    """Data before the end need not be HTTP/2."""
    harness.read_to_end(client.socket)


PINGED = Outcome("PING answered", check_ping)
PINGED_OR_CLOSED = Outcome("PING answered, or connection closed", check_ping_or_end)
ACKNOWLEDGED = Outcome("SETTINGS acknowledged", check_acknowledgement)
BEGUN = Outcome("SETTINGS first", check_first_frame)
CLOSED = Outcome("connection closed", check_end)


def sent(count):
    """That many bytes of the body of stream 1, within the window."""
    def check(client, _):
        octets(count)(client)
        unharmed(client)
    return Outcome(f"{count} octet{'s' * (count > 1)} of the body", check)


def listed(codes):
    return " or ".join(code.name for code in codes)


def connection_error(*codes):
    """A GOAWAY with the reason, and the end of the connection (RFC 9113 section 5.4.1)."""
    def check(client, _):
        client.read_to_end()
        assert client.goaway is not None and client.goaway.error_code in codes, client.goaway
    return Outcome(f"connection error {listed(codes)}", check)


def goes_on(client):
    client.send(headers(HEAD, stream=LATER))
    assert client.wait_for_end(LATER).status == 200 and client.goaway is None


def stream_error(*codes, stream=1, or_connection_error=True):
    """The stream is reset and the connection continues (section 5.4.2), or the connection ends with a connection error, which
    section 5.4.1 permits."""
    def check(client, target):
        it = client.stream(stream)
        client.wait(lambda: it.reset is not None or client.goaway)
        if client.goaway and or_connection_error:
            return connection_error(*codes).check(client, target)
        assert it.reset in codes, it.reset
        goes_on(client)
    return Outcome(f"stream error {listed(codes)}" if or_connection_error else f"RST_STREAM {listed(codes)}", check)


def check_malformed(client, target):
    before = len(target.requests)
    stream_error(Code.PROTOCOL_ERROR).check(client, target)
    assert [head.split()[0] for head in target.requests[before:]] in ([], ["HEAD"])


# A request that is not forwarded (section 8.1.1).
MALFORMED = Outcome("stream error PROTOCOL_ERROR", check_malformed)


class Case:
    """`name`: the name of h2spec's case; `section`: of RFC 9113 or RFC 7541; `steps`: bytes to send, and functions that
    wait."""

    def __init__(self, name, section, what, steps, outcome, begin=handshake, unmet=None):
        """`unmet`: what h2spec requires instead of the outcome, and why the gateway differs."""
        self.name, self.section, self.what, self.steps, self.outcome = name, section, what, steps, outcome
        self.begin, self.unmet = begin, unmet

    @property
    def row(self):
        """The case as a row of the page's table."""
        accepted = self.outcome.text if self.unmet is None else f"{self.outcome.text}; **not met**: {self.unmet}"
        return f"| {self.name} | {self.section} | {self.what} | {accepted} |"

    def run(self, connection, target):
        client = self.begin(connection)
        waiting = b""
        for step in self.steps:
            if isinstance(step, bytes):
                waiting += step
                continue
            client.send(waiting)
            waiting = b""
            step(client)
        client.send(waiting)
        self.outcome.check(client, target)
