"""JSON requests to a gateway that converts them for the gRPC service Library of examples/grpc."""

import http.client
import json

from http2 import h2_configuration


def transcoding(port, settings="", before="", **more):
    policies = f"    policies:\n{before}      - grpc_transcoding: {{descriptors: library.pb{settings}}}\n"
    return h2_configuration(port, extra_route=policies, **more)


class Answer:
    def __init__(self, response):
        self.status, self.fields, self.body = response.status, response.headers, response.read()

    @property
    def json(self):
        assert self.fields["content-type"] == "application/json"
        return json.loads(self.body)


def ask(gateway, method, path, body=None, connection=None, **fields):
    connection = connection or http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    if body is not None and not isinstance(body, (str, bytes)):
        body = json.dumps(body)
    connection.request(method, path, body=body, headers={name.replace("_", "-"): value for name, value in fields.items()})
    return Answer(connection.getresponse())
