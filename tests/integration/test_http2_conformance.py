"""RFC 9113 and RFC 7541, case by case: what a client sends, and how the gateway may react. The cases are those of the public
suite h2spec, with its names, written anew from the RFCs and at least as strict. The page docs/http2-conformance.md is the table
of these cases."""

import pytest

import harness
import http2_cases_frames
import http2_cases_generic
import http2_cases_messages
import sanitizers
from harness import ROOT, Gateway, ScriptedBackend, simple_configuration
from http2_cases import STREAMS

pytestmark = sanitizers.one_worker

CASES = http2_cases_generic.CASES + http2_cases_frames.CASES + http2_cases_messages.CASES
UNMET = [case for case in CASES if case.unmet]


class Target(ScriptedBackend):
    """Answers each request with all requests that it has received."""

    def __init__(self):
        self.requests = []
        super().__init__(self._handle)

    def _handle(self, connection, _):
        while True:
            head, body = harness.read_response(connection)  # frames requests in the same way
            self.requests.append(head)
            seen = head.encode("latin-1") + body
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(seen) + (b"" if head.startswith("HEAD ") else seen))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    target = Target()
    gateway = Gateway(tmp_path_factory.mktemp("http2"), simple_configuration(target.port, extra_listener=f"    http2: {{streams: {STREAMS}}}", workers=1))
    yield gateway, target
    gateway.stop()
    target.close()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(world, case):
    gateway, target = world
    with gateway.connect() as connection:
        case.run(connection, target)


def test_all_of_h2specs_cases_are_here_and_at_most_three_of_them_are_not_met():
    """h2spec has 146 cases, and one in its strict mode."""
    assert len({case.name for case in CASES}) == len(CASES) == 146 + 1
    assert len(UNMET) <= 3


@sanitizers.documents
def test_the_page_names_every_case():
    """docs/http2-conformance.md must be the table of the tested cases."""
    page = (ROOT / "docs/http2-conformance.md").read_text()
    assert f"The gateway meets {146 - len(UNMET)} of the 146." in page
    assert [line for line in page.splitlines() if line.startswith(("| generic/", "| http2/", "| hpack/"))] == [case.row for case in CASES]
