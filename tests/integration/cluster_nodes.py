"""Nodes of a cluster (tests/support/cluster_node.cpp) and the members of a real etcd."""

import base64
import ctypes
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import threading
import urllib.request

import harness

PROGRAM = pathlib.Path(harness.BINARY).parent.resolve() / "tests/support/cluster_node"
PREFIX = "/portcullis/"


class ClusterNode:
    """A process that does what a gateway does with its cluster. Its lines are JSON values."""

    def __init__(self, name, key_file, urls, *words):
        self.name, self.lines = name, []
        self.process = subprocess.Popen([PROGRAM, name, key_file, PREFIX, ",".join(urls), *map(str, words)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def send(self, *command):
        self.process.stdin.write(json.dumps(command) + "\n")

    def wait_for(self, after=0, timeout=20, **members):
        """The first line after the first `after` ones that has these members."""
        def find():
            return next((line for line in self.lines[after:] if members.items() <= line.items()), None)
        return harness.wait_for(find, timeout=timeout, what=lambda: f"{members} among {self.lines[after:]}")

    def ask(self, *command, timeout=20):
        after = len(self.lines)
        self.send(*command)
        return self.wait_for(after, timeout, answer=command[0])

    def kill(self):
        self.process.kill()
        self.process.wait(20)

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()
        self.reader.join(10)


def joined(node):
    """The node, when it takes part in its cluster."""
    node.wait_for(seen="lease", held=True)
    node.wait_for(seen="reachable", reachable=True)
    return node


def unpacked(value):
    """The text of a value of etcd, which may be compressed by zstd."""
    if not value.startswith(b"\x28\xb5\x2f\xfd"):
        return value
    room = ctypes.create_string_buffer(1 << 24)
    decompress = ctypes.CDLL("libzstd.so.1").ZSTD_decompress
    decompress.restype, decompress.argtypes = ctypes.c_size_t, (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)
    size = decompress(room, len(room), value, len(value))
    assert size <= len(room)
    return room.raw[:size]


class Member:
    """One member of an etcd."""

    def __init__(self, directory, name, url, peer, options):
        self.url, self.data = url, pathlib.Path(directory) / name
        self.command = ["etcd", "--name", name, "--data-dir", self.data, "--listen-client-urls", url,
                        "--advertise-client-urls", url, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                        "--heartbeat-interval", "50", "--election-timeout", "500", *options]
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "ETCD_UNSUPPORTED_ARCH": os.uname().machine})

    def kill(self):
        self.process.kill()
        self.process.wait(20)

    def pause(self):
        harness.suspend(self.process)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)


class EtcdMembers:
    """A real etcd of some members."""

    def __init__(self, directory, count=1, *options, certificate=None, authority=None, clients="any"):
        """`clients`: "certified" when each client needs a certificate of the authority."""
        self.scheme, self.context = "https" if certificate else "http", None
        if certificate:
            cert, key = certificate
            options = (*options, "--cert-file", cert, "--key-file", key)
            if clients == "certified":
                options = (*options, "--client-cert-auth", "--trusted-ca-file", authority)
            self.context = ssl.create_default_context(cafile=authority)
            self.context.load_cert_chain(cert, key)
        peers = [f"http://127.0.0.1:{harness.free_port()}" for _ in range(count)]
        together = ",".join(f"m{i}={peer}" for i, peer in enumerate(peers))
        self.members = [Member(directory, f"m{i}", f"{self.scheme}://127.0.0.1:{harness.free_port()}", peer,
                               ("--initial-cluster", together, *options)) for i, peer in enumerate(peers)]

    def start(self):
        for member in self.members:
            member.start()
        self.wait_answering()
        return self

    def wait_answering(self):
        harness.wait_for(lambda: all(self.answers(member) for member in self.members), timeout=60, what="etcd")

    def save(self):
        """Keeps a copy of the state of the only member, which restore() brings back."""
        self._replace(self.members[0].data, self.members[0].data.with_suffix(".saved"))

    def restore(self):
        self._replace(self.members[0].data.with_suffix(".saved"), self.members[0].data)

    def _replace(self, source, target):
        [member] = self.members
        member.kill()
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
        member.start()
        self.wait_answering()

    @property
    def urls(self):
        return [member.url for member in self.members]

    def answers(self, member=None):
        try:
            return self.ask("kv/range", member=member, key=b"x") is not None
        except OSError:
            return False

    def ask(self, what, member=None, headers=None, **values):
        """A call of etcd's JSON gateway; keys and values are bytes."""
        body = {name: base64.b64encode(value).decode() if isinstance(value, bytes) else value for name, value in values.items()}
        url = (member or self.members[0]).url
        request = urllib.request.Request(f"{url}/v3/{what}", json.dumps(body).encode(), headers or {})
        with urllib.request.urlopen(request, timeout=5, context=self.context) as response:
            return json.load(response)

    def below(self, folder, **values):
        start = (PREFIX + folder).encode()
        return self.ask("kv/range", key=start, range_end=start[:-1] + bytes([start[-1] + 1]), **values).get("kvs", [])

    def keys(self, folder=""):
        return [base64.b64decode(item["key"]).decode() for item in self.below(folder, keys_only=True)]

    def values(self):
        return [base64.b64decode(item.get("value", "")) for item in self.below("")]

    def compact(self):
        """Forgets all changes up to now."""
        self.ask("kv/compaction", revision=self.ask("kv/range", key=b"x")["header"]["revision"])

    def leader(self):
        for member in self.members:
            status = self.ask("maintenance/status", member)
            if status["leader"] == status["header"]["member_id"]:
                return member
        raise AssertionError("etcd has no leader")

    def close(self):
        for member in self.members:
            if member.process and member.process.poll() is None:
                member.resume()
                member.kill()
