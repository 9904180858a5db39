#!/usr/bin/env python3
"""`kill -9` during writes: no acknowledged write is lost or doubled (I-17, I-20).

Writers propose transfers and decide on them. Again and again, at a random moment, the victim gets `kill -9` and is
started again. The writers are not told. They send each unanswered write again under its Idempotency-Key. After each cycle
everything acknowledged must be in the database: its audit row once, and its event under the version in the answer. At the
end no outcome is unknown, and the database must hold nothing else.

  --victim server      our server (either engine)
  --victim postgres    PostgreSQL with all its processes. Our server keeps running and must reconnect

The control: on copies of the database one acknowledged write is removed by hand and one is doubled. The comparison must
find both."""

import random
import time

from kit.check import Verdict, can_fail
from kit.play import Play
from kit.report import main, options, percentile
from kit.stage import Postgres, Server, Sqlite, say


def harness(stage, report, given):
    database = Sqlite(f"{stage.home}/zhuanjie.sqlite") if given.engine == "sqlite" else Postgres(stage)
    say(f"building an invented country on {database.name}")
    people = stage.build_country(database.url)
    server = Server(stage, database.url)
    server.start()
    play = Play(server.address, people, database)
    play.start()
    play.wait_for(50)
    back, faults = [], 0
    for cycle in range(1, given.cycles + 1):
        time.sleep(random.uniform(0.05, 0.6))
        acknowledged = None
        if given.victim == "server":
            server.kill()
            acknowledged = play.ledger.acknowledged()
            back.append(server.start())
        else:
            database.kill()
            acknowledged = play.ledger.acknowledged()
            database.start()
            begun = time.monotonic()
            play.wait_for(1)
            back.append(time.monotonic() - begun)
        # A comparison takes longer with more rows. Without this pause, the rows would grow while it runs.
        with play.rest():
            verdict = Verdict(database, play, acknowledged)
        faults += not verdict.is_clean
        if cycle % 10 == 0 or not verdict.is_clean or cycle == given.cycles:
            say(f"cycle {cycle}: {verdict}")
        play.wait_for(5)
    play.finish()
    server.stop()
    ledger = play.ledger
    verdict = Verdict(database, play, ledger.acknowledged())
    report.note("cycles", given.cycles)
    report.note("writes acknowledged", len(ledger.done))
    report.note("of these, sent more than once because an answer was missing", sum(write.tries > 1 for write in ledger.done))
    report.note("of these, already done when they were sent again", ledger.replayed)
    report.note("requests without an answer", ledger.answers[0])
    what = "start to readiness" if given.victim == "server" else "PostgreSQL's start to the next acknowledged write"
    report.note(f"{what}, p50 / greatest", f"{percentile(back, .5):.2f} s / {max(back):.2f} s")
    report.promise("after each cycle, nothing acknowledged is lost or doubled", not faults, f"{faults} cycles with faults")
    report.promise("at the end, everything acknowledged is there once, and nothing else", verdict.is_clean
                   and verdict.effects == verdict.checked, str(verdict))
    report.promise("no answer 500", not ledger.faults(), f"{ledger.faults()}")
    report.promise("`zhuanjie verify` finds no broken invariant", stage.verify(database.url)[0])
    missed = can_fail(database, play)
    report.promise("control: a removed write and a doubled one are found", not missed, "; ".join(missed))


parser = options(__doc__)
parser.add_argument("cycles", nargs="?", type=int, default=200)
parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
parser.add_argument("--victim", choices=["server", "postgres"], default="server")
given = parser.parse_args()
if given.victim == "postgres":
    given.engine = "postgres"
main(f"kill -9 of {'our server' if given.victim == 'server' else 'PostgreSQL'}, {given.engine}", harness, given)
