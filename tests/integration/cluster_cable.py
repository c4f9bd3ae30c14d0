"""A cable between a node and its etcd, which can be cut, and on which answers can get lost or wait."""

import socket
import threading

import harness


class Cable:
    """Passes connections on to etcd, until it is cut."""

    def __init__(self, url):
        self.target = ("127.0.0.1", int(url.rpartition(":")[2]))
        self.port, self.open, self.sockets = harness.free_port(), True, []
        self.awaited = None  # answers to requests with these bytes wait for `released`
        self.released, self.met = threading.Event(), threading.Event()
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if not self.open:
                client.close()
                continue
            server = socket.create_connection(self.target)
            self.sockets += [client, server]
            held = threading.Event()
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(source, sink, held, sink is server), daemon=True).start()

    def _pass_on(self, source, sink, held, asks):
        try:
            while piece := source.recv(65536):
                if asks and self.awaited and self.awaited in piece:
                    held.set()
                    self.met.set()
                if not asks and held.is_set():
                    self.released.wait()
                self.take(source, sink, piece)
                sink.sendall(piece)
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def take(self, source, sink, piece):
        """Called before a piece is passed on."""

    def cut(self):
        self.open = False
        for one in self.sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.sockets = []

    def hold(self, marker):
        """From now on, the answers to requests with these bytes wait until release()."""
        self.met.clear()
        self.released.clear()
        self.awaited = marker

    def release(self):
        self.awaited = None
        self.released.set()

    def mend(self):
        self.open = True

    def close(self):
        self.release()
        self.cut()
        self.listener.close()
