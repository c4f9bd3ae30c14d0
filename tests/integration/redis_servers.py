"""Real Redis servers in the forms in which they are run: with TLS, behind sentinels, as a cluster."""

import contextlib
import pathlib
import socket
import subprocess

from harness import free_port, wait_for


class Node:
    """A redis-server on loopback with a folder of its own. `tls`: (CA file, issued certificate), for TLS only."""

    def __init__(self, folder, *options, tls=None, sentinel=None):
        self.port, self.tls = free_port(), tls
        self.folder = pathlib.Path(folder) / f"redis-{self.port}"
        self.folder.mkdir()
        self.address = f"127.0.0.1:{self.port}"
        self.options = ["--bind", "127.0.0.1", "--dir", str(self.folder)]
        if tls:
            certificate, key = tls[1].pair
            self.options += ["--port", "0", "--tls-port", str(self.port), "--tls-ca-cert-file", str(tls[0]),
                             "--tls-cert-file", certificate, "--tls-key-file", key]
        else:
            self.options += ["--port", str(self.port)]
        self.command_line = ["redis-server", *self.options, "--save", "", *options]
        if sentinel is not None:
            file = self.folder / "sentinel.conf"
            file.write_text(sentinel)
            self.command_line = ["redis-server", str(file), "--sentinel", *self.options, *options]
        self.process = None
        self.start()

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(self.command_line, stdout=log, stderr=log)
        wait_for(self.listens, what=f"redis-server {self.address}")

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def command(self, *words, login=()):
        """The output of redis-cli, without the line's end."""
        tls = ["--tls", "--insecure", "--cert", self.tls[1].pair[0], "--key", self.tls[1].pair[1]] if self.tls else []
        done = subprocess.run(["redis-cli", "-p", str(self.port), *tls, *login, *words], capture_output=True, text=True, timeout=20)
        return done.stdout.strip()

    def kill(self):
        self.process.kill()
        self.process.wait(20)

    def close(self):
        if self.process.poll() is None:
            self.kill()


def _run(stack, *arguments, **settings):
    node = Node(*arguments, **settings)
    stack.callback(node.close)
    return node


class Watched:
    """A primary with two replicas and three sentinels, which know it as `limits`."""

    def __init__(self, folder, login="", tls=None):
        self.stack = contextlib.ExitStack()
        fast = ["--repl-diskless-sync-delay", "0"]
        self.servers = [_run(self.stack, folder, *fast)]
        self.servers += [_run(self.stack, folder, *fast, "--replicaof", "127.0.0.1", str(self.servers[0].port)) for _ in range(2)]
        settings = (f"sentinel monitor limits 127.0.0.1 {self.servers[0].port} 2\nsentinel down-after-milliseconds limits 500\n"
                    f"sentinel failover-timeout limits 3000\n{login}\n")
        self.sentinels = [_run(self.stack, folder, sentinel=settings, tls=tls) for _ in range(3)]

    def settle(self):
        """Waits until a failover would find everything that it needs."""
        wait_for(lambda: all("master_link_status:up" in one.command("INFO", "replication") for one in self.servers[1:]), what="the replicas")
        wait_for(lambda: all("slaves=2,sentinels=3" in one.command("INFO", "sentinel") for one in self.sentinels), what="the sentinels")

    def primary(self):
        port = self.sentinels[-1].command("SENTINEL", "get-master-addr-by-name", "limits").split()[-1]
        return next(one for one in self.servers if str(one.port) == port)

    def close(self):
        self.stack.close()


class Cluster:
    """Three primaries, each with a replica."""

    def __init__(self, folder):
        self.stack = contextlib.ExitStack()
        options = ["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0",
                   "--cluster-port"]
        self.nodes = [_run(self.stack, folder, *options, str(free_port())) for _ in range(6)]
        self._join()

    def _join(self):
        """As `redis-cli --cluster create` does, whose pauses are longer than this."""
        first = self.nodes[0]
        for i, node in enumerate(self.nodes[:3]):
            node.command("CLUSTER", "ADDSLOTSRANGE", *[str(slot) for slot in ((0, 5460), (5461, 10922), (10923, 16383))[i]])
            node.command("CLUSTER", "SET-CONFIG-EPOCH", str(i + 1))
        for node in self.nodes[1:]:
            bus = node.command_line[-1]
            node.command("CLUSTER", "MEET", "127.0.0.1", str(first.port), first.command_line[-1])
            first.command("CLUSTER", "MEET", "127.0.0.1", str(node.port), bus)
        wait_for(lambda: all("cluster_known_nodes:6" in node.command("CLUSTER", "INFO") for node in self.nodes), what="the nodes to meet")
        for primary, replica in zip(self.nodes[:3], self.nodes[3:]):
            wait_for(lambda: replica.command("CLUSTER", "REPLICATE", self.id_of(primary)) == "OK", what="a replica")
        wait_for(lambda: all("cluster_state:ok" in node.command("CLUSTER", "INFO") for node in self.nodes), what="the cluster")
        wait_for(lambda: all("master_link_status:up" in node.command("INFO", "replication") for node in self.nodes[3:]), what="the replicas")

    @staticmethod
    def id_of(node):
        return node.command("CLUSTER", "MYID")

    def keys(self):
        """The keys of all primaries, with the node that has each."""
        return {key: node for node in self.nodes[:3] for key in node.command("KEYS", "*").split()}

    def close(self):
        self.stack.close()
