"""A gateway whose objects come through the admin API, and calls on them."""

import json

from admin_requests import ask, body_of
from harness import connect, free_port, read_to_end

JSON = "Content-Type: application/json"


def node(start, tmp_path, admin, file_objects="", settings="", store=None, port=None):
    """A gateway with a store, whose file has one listener and `file_objects`."""
    port = port or free_port()
    store = store or tmp_path / "portcullis.db"
    gateway = start(
        f"version: 1\nadmin: {{address: '127.0.0.1:{admin}'{settings}}}\nstore: {{sqlite: {store}}}\n"
        f"listeners: [{{name: main, address: '127.0.0.1:{port}'}}]\n{file_objects}")
    gateway.main_port = port
    return gateway


def call(admin, method, path, value=None, *fields):
    """(status, document or None, whole answer)"""
    body = b"" if value is None else json.dumps(value).encode()
    typed = any(field.lower().startswith("content-type") for field in fields)
    status, reply = ask(admin, method, path, *fields, *([JSON] if body and not typed else []), body=body)
    return status, (body_of(reply) if reply.partition("\r\n\r\n")[2].strip() else None), reply


def field_of(reply, name):
    for line in reply.split("\r\n\r\n")[0].split("\r\n")[1:]:
        key, _, value = line.partition(":")
        if key.lower() == name:
            return value.strip()
    return None


def answering(body, status=200, name="all"):
    """A route that answers all requests itself."""
    return {"name": name, "match": {"path_prefix": "/"}, "policies": [{"respond": {"status": status, "body": body}}]}


def put(route):
    """The change that puts a route."""
    return {"put": {"kind": "routes", "name": route["name"], "value": route}}


def body_for(port, user, path="/"):
    """What the gateway answers to this user."""
    with connect(port) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nX-User: {user}\r\nConnection: close\r\n\r\n".encode())
        return read_to_end(connection).decode().partition("\r\n\r\n")[2]
