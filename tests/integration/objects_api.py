"""A gateway with a store, and calls on its objects."""

import json

from admin_requests import ask, body_of
from harness import free_port

JSON = "Content-Type: application/json"
YAML = "Content-Type: application/yaml"
MERGE = "Content-Type: application/merge-patch+json"


def node(start, tmp_path, admin, file_objects="", settings="", store=""):
    """`settings` are further members of `admin`, and `store` of the store."""
    port = free_port()
    gateway = start(
        f"version: 1\nadmin: {{address: '127.0.0.1:{admin}'{settings}}}\n"
        f"store: {{sqlite: {tmp_path / 'portcullis.db'}{store}}}\n"
        f"listeners: [{{name: main, address: '127.0.0.1:{port}'}}]\n{file_objects}")
    gateway.main_port = port
    return gateway


def call(admin, method, path, value=None, *fields):
    """(status, document, whole answer)"""
    body = b"" if value is None else (value if isinstance(value, str) else json.dumps(value)).encode()
    typed = any(field.lower().startswith("content-type") for field in fields)
    status, reply = ask(admin, method, path, *fields, *([JSON] if body and not typed else []), body=body)
    return status, (body_of(reply) if reply.partition("\r\n\r\n")[2].strip() else None), reply


def revision(admin):
    return call(admin, "GET", "/v1/revisions?limit=1")[1]["items"][0]["number"]
