#!/usr/bin/env python3
"""Stalled clients: 1,000 connections send half a head, or a head and a part of the body, and then nothing or a byte a
second. They must take less than 200 MB, be gone within 15 s, and at most double the p99 of all other clients (S-13)."""

import selectors
import socket
import time

from kit.play import Play
from kit.report import main, options, percentile
from kit.stage import Server, Sqlite, say
from kit.watch import READS, Watch


def half_a_head(_token):
    return b"POST /v1/transfers HTTP/1.1\r\nhost: here\r\naccept: appli"


def piece_of_a_body(token):
    return (f"POST /v1/transfers HTTP/1.1\r\nhost: here\r\nauthorization: Bearer {token}\r\nidempotency-key: stalled\r\n"
            "content-type: application/json\r\ncontent-length: 60000\r\n\r\n{\"reason\": ").encode()


class Crowd:
    """Clients that stall. Half of them send a byte a second."""

    def __init__(self, address, number, token):
        self.selector = selectors.DefaultSelector()
        self.gone, self.answered = [], {}
        self.begun = time.monotonic()
        self.dripping = []
        for place in range(number):
            client = socket.create_connection(address)
            client.sendall((half_a_head if place % 2 else piece_of_a_body)(token))
            client.setblocking(False)
            self.selector.register(client, selectors.EVENT_READ, (place, time.monotonic()))
            if place % 4 < 2:
                self.dripping.append(client)
        self.there = time.monotonic()

    def stay(self, seconds):
        """Waits until all of them are gone, or for at most this many seconds."""
        end, drip = time.monotonic() + seconds, time.monotonic()
        while time.monotonic() < end and self.selector.get_map():
            for key, _ in self.selector.select(0.2):
                self.hear(key.fileobj, *key.data)
            if time.monotonic() > drip + 1:
                drip += 1
                for client in self.dripping:
                    try:
                        client.send(b" ")
                    except OSError:
                        pass

    def hear(self, client, place, since):
        try:
            text = client.recv(4096)
        except OSError:
            text = b""
        if text:
            status = text.split(b" ", 2)[1].decode() if text.startswith(b"HTTP/1.1 ") else "?"
            self.answered[status] = self.answered.get(status, 0) + 1
            return
        self.gone.append(time.monotonic() - since)
        self.selector.unregister(client)
        client.close()
        if client in self.dripping:
            self.dripping.remove(client)


def harness(stage, report, given):
    database = Sqlite(f"{stage.home}/zhuanjie.sqlite")
    say("building an invented country")
    people = stage.build_country(database.url)
    server = Server(stage, database.url)
    server.start()
    play = Play(server.address, people, database, writers=2)
    token = play.tokens[play.college]
    readers = [Watch(server, path, 0.01, token) for path in READS]
    play.start()
    play.wait_for(50)
    begun = time.monotonic()
    time.sleep(10)
    rest = server.memory()[0]
    crowded = time.monotonic()
    crowd = Crowd(server.address, given.clients, token)
    say(f"{given.clients} clients stall, after {crowd.there - crowded:.1f} s")
    highest = rest
    for _ in range(40):
        crowd.stay(0.5)
        highest = max(highest, server.memory()[0])
        if not crowd.selector.get_map():
            break
    end = time.monotonic()
    left = len(crowd.selector.get_map())
    time.sleep(2)
    play.finish()
    for reader in readers:
        reader.finish()
    def of(begin, end):
        asked = [one for reader in readers for one in reader.between(begin, end)]
        return asked + [one for one in play.ledger.tries if begin <= one[0] < end]
    before, during = of(begun, crowded), of(crowd.there, end)
    p99 = [percentile([seconds for _, seconds, _ in asked], .99) * 1000 for asked in (before, during)]
    odd = [one for one in before + during if one[2] in (0, 408, 429) or one[2] >= 500]
    server.stop()
    report.note("stalled clients (half heads, half bodies; of each half silent, half a byte a second)", given.clients)
    report.note("answers to them before their connections were closed", ", ".join(f"{times} × {status}" for status, times in sorted(crowd.answered.items())) or "none")
    report.note("requests of other clients before / during", f"{len(before)} / {len(during)}")
    report.note("resident memory before / greatest during", f"{rest:.0f} MB / {highest:.0f} MB")
    report.promise("under 200 MB more", highest - rest < 200, f"{highest - rest:.0f} MB")
    report.promise("all gone within 15 s", not left and max(crowd.gone) <= 15,
                   f"{left} left, the last after {max(crowd.gone, default=float('nan')):.1f} s")
    report.promise("the others' p99 at most doubles", p99[1] <= 2 * p99[0], f"{p99[0]:.1f} ms, then {p99[1]:.1f} ms")
    report.promise("no other client is refused", not odd, f"{sorted({one[2] for one in odd})}" if odd else "")
    report.promise("`zhuanjie verify` finds no broken invariant", stage.verify(database.url)[0])


parser = options(__doc__)
parser.add_argument("clients", nargs="?", type=int, default=1000)
given = parser.parse_args()
main("Stalled clients", harness, given)
