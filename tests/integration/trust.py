"""What the tests of trust (test_trust_*.py) share: configurations with several routes, requests, and what a backend has received."""

import json

import harness
from harness import read_response

SECRET = "0123456789abcdef0123456789abcdef"
KEY_HASH = "sha256:6ab9f1eb8f7d3388f4f9d586f66e99fd54080df2c446f0e58668b09c08a16dd0"  # of k1


def ask(gateway, fields="", target="/", host="a", method="GET", body=""):
    """(status, head, body) of one request."""
    with gateway.connect() as connection:
        connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n{body}".encode("latin-1"))
        head, text = read_response(connection)
        return int(head.split()[1]), head, text


def seen(gateway, fields="", **request):
    """The request that a demo backend received: its fields by name, and its target as `target`."""
    status, _, text = ask(gateway, fields, **request)
    assert status == 200, text
    told = json.loads(text)
    return {**{name.lower(): value for name, value in told["headers"].items()}, "target": told["target"]}


def routes(port, *lines, top=""):
    listed = "\n".join(f"  - {line}" for line in lines)
    return f"""version: 1
workers: 1
listeners: [{{name: main, address: "127.0.0.1:{{port}}"}}]
upstreams: [{{name: app, targets: [{{address: "127.0.0.1:{port}"}}]}}]
consumers: [{{name: guest}}, {{name: client-a, groups: [staff], credentials: {{keys: "{KEY_HASH}"}}}}]
{top}
routes:
{listed}
"""


def one_route(port, policies, **settings):
    return routes(port, f"{{name: all, match: {{path_prefix: /}}, policies: [{policies}], upstream: app}}", **settings)


def problems(tmp_path, configuration):
    path = tmp_path / "checked.yaml"
    path.write_text(configuration.replace("{port}", "9000"))
    return harness.check(path)


PROTECTED = ("{name: admin, match: {path_prefix: /admin}, policies: [key_auth: {}], upstream: app}",
             "{name: public, match: {path_prefix: /}, upstream: app}")
