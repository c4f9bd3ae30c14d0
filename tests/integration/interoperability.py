"""What the tests of interoperability share: requests with odd targets, and gateways before a backend with an odd answer."""

import harness
from harness import log_lines, read_response, simple_configuration, wait_for


def ask(gateway, target="/", method="GET", fields="", body=b""):
    """(status, head, body) of one request; `target` may contain any characters."""
    with gateway.connect() as client:
        client.sendall(f"{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode("latin-1") + body)
        head, text = read_response(client)
        return int(head.split()[1]), head, text


def answering(text, **settings):
    """A configuration with a log, whose backend answers each request with the same text."""
    def configure(start, backend, tmp_path):
        log = tmp_path / "log"
        gateway = start(simple_configuration(backend(harness.answer(text)).port, top=f"access_log: {{path: {log}}}", **settings))

        def ended():
            return wait_for(lambda: [(line["status"], line["ended"]) for line in log_lines(log)], what="the log")
        return gateway, ended
    return configure
