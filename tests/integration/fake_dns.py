"""A name server on loopback: the part of DNS that a stub resolver uses."""

import socket
import struct
import threading


class NameServer:
    """Answers A questions from `records` ({name: [addresses]}); a name that is not there does not exist."""

    def __init__(self, records, ttl=0):
        self.records, self.ttl, self.asked, self.silent = dict(records), ttl, 0, False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                question, peer = self.socket.recvfrom(1500)
            except OSError:
                return
            self.asked += 1
            if not self.silent:
                self.socket.sendto(self._answer(question), peer)

    def _answer(self, message):
        labels, at = [], 12
        while message[at]:
            labels.append(message[at + 1:at + 1 + message[at]].decode())
            at += 1 + message[at]
        question = message[12:at + 5]
        kind = struct.unpack(">H", message[at + 1:at + 3])[0]
        addresses = self.records.get(".".join(labels).lower())
        found = addresses if addresses and kind == 1 else []
        flags = 0x8180 | (3 if addresses is None else 0)
        out = message[:2] + struct.pack(">HHHHH", flags, 1, len(found), 0, 0) + question
        for address in found:
            out += b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, self.ttl, 4) + socket.inet_aton(address)
        return out

    def close(self):
        self.socket.close()
