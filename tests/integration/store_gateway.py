"""A gateway that keeps revisions in a store, for tests that end its process or spoil the store: it has the same ports and files at each
start, and tells what it serves and which revisions it has."""

import contextlib
import json
import pathlib
import subprocess

import harness
from admin_requests import ask, body_of
from harness import free_port, get

JSON = "Content-Type: application/json"


def route(body, name="all", path="/"):
    """A route that answers all requests below a path itself."""
    return {"name": name, "match": {"path_prefix": path}, "policies": [{"respond": {"status": 200, "body": str(body)}}]}


class StoreGateway:
    def __init__(self, folder, store="portcullis.db", settings="", file_objects=""):
        """`store` is below the folder. `settings` are further lines of the gateway's own file."""
        self.folder = pathlib.Path(folder)
        self.store = self.folder / store
        self.admin, self.port = free_port(), free_port()
        self.file = self.folder / "gateway.yaml"
        self.file.write_text(
            f"version: 1\nadmin: {{address: '127.0.0.1:{self.admin}'}}\nstore: {{sqlite: {self.store}}}\n{settings}"
            f"listeners: [{{name: main, address: '127.0.0.1:{self.port}'}}]\n{file_objects}")
        self.running = None

    def begin(self, prefix=()):
        """`prefix`: a command that runs the program."""
        self.running = harness.Process("run", "-c", str(self.file), prefix=prefix)
        return self

    def start(self, prefix=()):
        self.begin(prefix).running.wait_for_line("listening on")
        return self

    def listens(self):
        return any("listening on" in line for line in self.running.lines)

    @property
    def process(self):
        return self.running.process

    def kill(self):
        if self.running is None:
            return
        self.process.kill()
        self.process.wait(20)
        self.running.reader.join(10)

    def stop(self):
        if self.running is not None:
            self.running.stop()

    def call(self, method, path, value=None, *fields):
        """(status, document or None, whole answer)"""
        body = b"" if value is None else value if isinstance(value, bytes) else json.dumps(value).encode()
        typed = any(field.lower().startswith("content-type") for field in fields)
        status, reply = ask(self.admin, method, path, *fields, *([JSON] if body and not typed else []), body=body)
        return status, (body_of(reply) if reply.partition("\r\n\r\n")[2].strip() else None), reply

    def publish(self, body):
        """(status, document, whole answer) of a PUT of the route that answers all requests."""
        return self.call("PUT", "/v1/routes/all", route(body))

    def served(self, path="/"):
        return get(self.port, path)

    def revisions(self):
        """The numbers of all revisions that are kept, the newest first."""
        out, after = [], ""
        while True:
            status, page, reply = self.call("GET", f"/v1/revisions?limit=1000{after}")
            assert status == 200, reply
            out += [one["number"] for one in page["items"]]
            if "next" not in page:
                return out
            after = f"&after={page['next']}"

    def body_in(self, revision):
        """What the route of publish() answers in this revision; None where there is no route."""
        status, document, reply = self.call("GET", f"/v1/config?revision={revision}")
        assert status == 200, reply
        return next((one["policies"][0]["respond"]["body"] for one in document.get("routes", [])), None)


@contextlib.contextmanager
def store_gateway(folder, **settings):
    """Kills the gateway at the end of the block, if it still runs."""
    gateway = StoreGateway(folder, **settings)
    try:
        yield gateway
    finally:
        gateway.kill()


def in_mount_namespace(script):
    """A prefix for start(): runs the program after a shell script in a mount namespace of its own."""
    return ["unshare", "--mount", "sh", "-c", f'{script}; exec "$@"', "sh"]


def has_mount_namespaces():
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0
