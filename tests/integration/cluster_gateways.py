"""Gateways that are nodes of one cluster on a real etcd."""

import pathlib
import subprocess

import harness
from harness import free_port, get, wait_for
from publishing import call


class Node(harness.Gateway):
    """A gateway with `store.etcd`, in a folder of its own. It has one listener, in its file."""

    def __init__(self, directory, name, urls, key_file, objects="", settings="", references=(), store=None):
        self.folder = pathlib.Path(directory) / name
        self.folder.mkdir(exist_ok=True)
        self.store = store or self.folder / "store.db"
        self.name, self.urls, self.key_file, self.settings, self.references = name, urls, key_file, settings, references
        self.admin, self.main_port, self.objects = free_port(), free_port(), objects
        self.begin()

    def begin(self):
        super().__init__(self.folder, self.configuration())

    def configuration(self):
        return (f"version: 1\nnode: {{id: {self.name}}}\nadmin: {{address: '127.0.0.1:{self.admin}'}}\n"
                f"store:\n  sqlite: {self.store}\n  key_file: {self.key_file}\n"
                f"  references: [{', '.join(self.references)}]\n"
                f"  etcd: {{urls: [{', '.join(repr(url) for url in self.urls)}]{self.settings}}}\n"
                f"listeners: [{{name: main, address: '127.0.0.1:{self.main_port}'}}]\n{self.objects}")

    def call(self, method, path, value=None, *fields):
        return call(self.admin, method, path, value, *fields)[:2]

    def serves(self, path="/"):
        return get(self.main_port, path)

    def wait_serving(self, status, body, path="/"):
        wait_for(lambda: self.serves(path) == (status, body), what=lambda: f"{self.name}: {self.serves(path)}")

    def revision(self):
        return self.listed()["revision"]

    def nodes(self):
        return {one["id"]: one for one in self.call("GET", "/v1/nodes")[1]["items"]}

    def listed(self):
        return self.nodes()[self.name]

    def wait_revision(self, number):
        wait_for(lambda: self.revision() == number, what=lambda: f"{self.name}: {self.listed()}")


def make_key(directory):
    path = pathlib.Path(directory) / "cluster.key"
    subprocess.run([harness.BINARY, "store", "key", "--key-file", str(path)], check=True, capture_output=True, timeout=60)
    return path


def wait_for_all(nodes, number):
    for node in nodes:
        node.wait_revision(number)
