"""A relay between workers and coordinator that loses chosen messages, or holds them back: requests or replies, by method.

It knows nng's framing over TCP: a greeting of 8 bytes from each side, then messages of a length (8 bytes, big-endian) and as
many bytes, of which the first four are the request's number, repeated in its reply."""
import re
import socket
import threading

METHOD = re.compile(rb"(?:Fleet|Jobs)\.[A-Z][a-z]+")


class Relay:
    def __init__(self, port):
        self.to = port
        self.lose = {}  # ("request" or "reply", method) → which ones, counted from 1
        self.hold = {}  # which of the messages over a megabyte, counted from 1 → seconds that it comes later
        self.large = 0
        self.counts, self.lost = {}, []
        self.mutex = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = [self.listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        for item in self.sockets:
            item.close()

    def _accept(self):
        while True:
            try:
                inner, _ = self.listener.accept()
                outer = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                return
            self.sockets += [inner, outer]
            methods = {}
            for source, target, kind in ((inner, outer, "request"), (outer, inner, "reply")):
                threading.Thread(target=self._relay, args=(source, target, kind, methods), daemon=True).start()

    def _relay(self, source, target, kind, methods):
        try:
            target.sendall(self._read(source, 8))
            sending = threading.Lock()
            while True:
                head = self._read(source, 8)
                body = self._read(source, int.from_bytes(head, "big"))
                seconds = self._judge(kind, body, methods)
                if seconds:
                    threading.Timer(seconds, self._send, (target, head + body, sending)).start()
                elif seconds is not None:
                    self._send(target, head + body, sending)
        except OSError:
            for item in (source, target):
                try:
                    item.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                item.close()

    @staticmethod
    def _send(target, message, sending):
        with sending:
            target.sendall(message)

    @staticmethod
    def _read(source, size):
        parts = bytearray()
        while len(parts) < size:
            part = source.recv(min(size - len(parts), 1 << 20))
            if not part:
                raise OSError("closed")
            parts += part
        return bytes(parts)

    def _judge(self, kind, body, methods):
        """How many seconds to hold the message back; None: it is lost."""
        number = body[:4]
        if kind == "request":
            found = METHOD.search(body[:200])
            methods[number] = found.group().decode() if found else "?"
        method = methods.get(number, "?")
        with self.mutex:
            count = self.counts[kind, method] = self.counts.get((kind, method), 0) + 1
            if count in self.lose.get((kind, method), ()):
                self.lost.append(f"{kind} {count} of {method}")
                return None
            self.large += len(body) > 1 << 20
            return self.hold.get(self.large, 0) if len(body) > 1 << 20 else 0
