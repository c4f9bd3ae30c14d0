"""A name server on loopback: the part of DNS that a stub resolver uses."""

import socket
import struct
import threading


class NameServer:
    """Answers A and AAAA queries from `records` ({name: [addresses]}) and SRV queries from `services` ({name: [(priority,
    weight, port, host)]}); a name that is in neither does not exist."""

    def __init__(self, records, ttl=0, services=None):
        self.records, self.ttl, self.asked, self.silent = dict(records), ttl, 0, False
        self.dropped = set()  # types of queries that get no answer
        self.services = dict(services or {})
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                question, peer = self.socket.recvfrom(1500)
                self.asked += 1
                if not self.silent and self.kind_of(question) not in self.dropped:
                    self.socket.sendto(self._answer(question), peer)
            except OSError:
                return

    @staticmethod
    def kind_of(message):
        at = 12
        while message[at]:
            at += 1 + message[at]
        return struct.unpack(">H", message[at + 1:at + 3])[0]

    def _answer(self, message):
        labels, at = [], 12
        while message[at]:
            labels.append(message[at + 1:at + 1 + message[at]].decode())
            at += 1 + message[at]
        question = message[12:at + 5]
        kind = struct.unpack(">H", message[at + 1:at + 3])[0]
        name = ".".join(labels).lower()
        found = []
        if kind in (1, 28):
            family = socket.AF_INET if kind == 1 else socket.AF_INET6
            found = [socket.inet_pton(family, address) for address in self.records.get(name) or [] if (":" in address) == (kind == 28)]
        elif kind == 33:
            found = [struct.pack(">HHH", *numbers) + b"".join(bytes([len(label)]) + label.encode() for label in host.split(".")) + b"\0"
                     for *numbers, host in self.services.get(name) or []]
        exists = self.records.get(name) is not None or self.services.get(name) is not None
        flags = 0x8180 | (0 if exists else 3)
        out = message[:2] + struct.pack(">HHHHH", flags, 1, len(found), 0, 0) + question
        for data in found:
            out += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, self.ttl, len(data)) + data
        return out

    def close(self):
        self.socket.close()
