"""An open-loop load: requests are sent when they are due, whether or not the earlier ones were answered."""

import asyncio
import random
import time


class Answer:
    """An answer: when the request was due and sent, when it was answered, with what."""

    __slots__ = ("due", "sent", "seconds", "status", "has_retry_after")

    def __init__(self, due, sent, seconds, status, has_retry_after):
        self.due, self.sent, self.seconds = due, sent, seconds
        self.status, self.has_retry_after = status, has_retry_after


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection with one request at a time: as little as can be, so that the load is not the bottleneck."""

    def __init__(self, load):
        self.load, self.buffer, self.need, self.waiting = load, b"", None, None
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport

    def ask(self, due, request):
        self.waiting = (due, time.monotonic())
        self.transport.write(request)

    def data_received(self, data):
        self.buffer += data
        if self.need is None:
            head = self.buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            fields = self.buffer[:head].lower()
            length = fields.find(b"content-length:")
            body = int(fields[length + 15:fields.find(b"\r", length) if fields.find(b"\r", length) > 0 else None]) \
                if length >= 0 else 0
            self.need = head + 4 + body
            self.status, self.has_retry_after = int(fields[9:12]), b"\nretry-after:" in fields
            self.closes = b"\nconnection: close" in fields
        if len(self.buffer) >= self.need:
            self.buffer, self.need = b"", None
            due, sent = self.waiting
            self.waiting = None
            self.load.answers.append(Answer(due, sent, time.monotonic() - sent, self.status, self.has_retry_after))
            if self.closes:
                self.transport.close()
            else:
                self.load.idle.append(self)

    def connection_lost(self, _):
        if self.waiting:
            due, sent = self.waiting
            self.load.answers.append(Answer(due, sent, time.monotonic() - sent, 0, False))
        if self in self.load.idle:
            self.load.idle.remove(self)
        self.load.open -= 1


class Load:
    """Requests at a rate over at most so many connections. What finds no connection in time was not sent, and counted."""

    def __init__(self, address, requests, connections):
        self.address, self.requests, self.most = address, requests, connections
        self.idle, self.open, self.opening, self.answers = [], 0, 0, []
        self.unsent = 0

    async def open_one(self):
        self.opening += 1
        try:
            _, connection = await asyncio.get_running_loop().create_connection(lambda: Connection(self), *self.address)
            self.idle.append(connection)
            self.open += 1
        except OSError:
            pass
        finally:
            self.opening -= 1

    async def warm(self, connections):
        while self.open < connections:
            await asyncio.gather(*(self.open_one() for _ in range(min(50, connections - self.open))))

    async def at_rate(self, rate, seconds):
        """Sends at a rate for so many seconds."""
        begun = time.monotonic()
        sent = 0
        while (now := time.monotonic()) < begun + seconds:
            due = int((now - begun) * rate)
            while sent < due:
                if not self.idle:
                    # Somebody new calls: his connection is there for a later request.
                    if self.open + self.opening < self.most:
                        asyncio.ensure_future(self.open_one())
                    self.unsent += 1
                else:
                    self.idle.pop().ask(begun + sent / rate, random.choice(self.requests))
                sent += 1
            await asyncio.sleep(0.001)
        return begun, time.monotonic(), sent

    async def closed(self, clients, seconds):
        """Each of so many clients asks again as soon as it is answered: what the server can do. Answers a second."""
        await self.warm(clients)
        begun, before = time.monotonic(), len(self.answers)
        used = [self.idle.pop() for _ in range(clients)]
        for connection in used:
            connection.ask(begun, random.choice(self.requests))
        while time.monotonic() < begun + seconds:
            while self.idle:
                self.idle.pop().ask(time.monotonic(), random.choice(self.requests))
            if self.open < clients and not self.opening:
                asyncio.ensure_future(self.open_one())
            await asyncio.sleep(0)
        end = time.monotonic()
        done = [one for one in self.answers[before:] if one.status == 200]
        await self.drain()
        return len(done) / (end - begun)

    async def drain(self, seconds=15):
        """Until every answer that is on its way is there."""
        end = time.monotonic() + seconds
        while self.open > len(self.idle) and time.monotonic() < end:
            await asyncio.sleep(0.01)


def request(path, token, address):
    return (f"GET {path} HTTP/1.1\r\nhost: {address[0]}:{address[1]}\r\nauthorization: Bearer {token}\r\n"
            "accept: application/json\r\n\r\n").encode()
