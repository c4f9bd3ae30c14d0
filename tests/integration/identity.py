"""What the tests of identity and limits share: configurations, requests, keys."""

import hashlib
import json
import threading

import harness
from harness import read_response


def hashed(key):
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def configuration(port, policies, consumers="", top="", more="", workers=1):
    """A configuration with one route to a demo backend, these policies (YAML in flow style) and these consumers."""
    return f"""version: 1
workers: {workers}
listeners: [{{name: public, address: "127.0.0.1:{{port}}"}}]
upstreams: [{{name: backend, targets: [{{address: "127.0.0.1:{port}"}}]}}]
policies: [{top}]
consumers: [{consumers}]
{more}
routes:
  - {{name: all, match: {{path_prefix: /}}, policies: [{policies}], upstream: backend}}
"""


class Answer:
    def __init__(self, head, body):
        lines = head.split("\r\n")
        self.head, self.body = head, body
        self.status = int(lines[0].split()[1])
        self.fields = {}
        for line in lines[1:]:
            if line:
                name, value = line.split(":", 1)
                name = name.lower()
                self.fields[name] = f"{self.fields[name]}, {value.strip()}" if name in self.fields else value.strip()

    @property
    def seen(self):
        """The request's fields as the demo backend saw them."""
        return json.loads(self.body)["headers"]

    @property
    def detail(self):
        return json.loads(self.body)["detail"]


def send(connection, fields="", target="/", method="GET"):
    connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: api.example.com\r\n{fields}\r\n".encode())
    return Answer(*read_response(connection))


def ask(gateway, fields="", target="/", method="GET"):
    with gateway.connect() as connection:
        return send(connection, fields, target, method)


def complaints(tmp_path, policies, consumers="", more=""):
    """The messages of `portcullis check` about a configuration with these policies and consumers."""
    path = tmp_path / "bad.yaml"
    path.write_text(configuration(1, policies, consumers, more=more).replace("{port}", "1"))
    return harness.check(path)


def flood(gateways, requests, fields="", clients=4):
    """Sends that many requests to each gateway from each of several concurrent clients; returns all statuses."""
    statuses = []

    def client(gateway):
        with gateway.connect() as connection:
            statuses.extend([send(connection, fields).status for _ in range(requests)])
    threads = [threading.Thread(target=client, args=(gateway,)) for gateway in gateways for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses
