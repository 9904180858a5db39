#!/usr/bin/env python3
"""A full disk: reads go on, writes get 503 or 507, and the service recovers without help.

The database is on a small disk of its own. While clients read and write, the disk is filled to the last byte, stays full
for some seconds and is freed again, several times. While it is full, every read must get 200, and every write that can't
be stored must get 503 or 507. Afterwards writes must be acknowledged again without help. After each time, everything
acknowledged must be in the database. At the end `zhuanjie verify` must find no broken invariant.

On PostgreSQL, the disk holds the data and not the write-ahead log. Without room for its log PostgreSQL stops, which the
service can't change (keep `pg_wal` on a volume of its own).

Needs root, loop devices and mkfs.ext4. Exits with 77 where one is missing."""

import os
import time

from kit.check import Verdict, can_fail
from kit.disk import fill, new_disk
from kit.play import Play
from kit.report import main, options, percentile
from kit.stage import Postgres, Server, Sqlite, say, until
from kit.watch import READS, Watch, greatest, others

#: The statuses of a write when the disk or the database has no room.
NO_ROOM = (503, 507)


def harness(stage, report, given):
    disk = f"{stage.home}/disk"
    new_disk(stage, disk, 220 if given.engine == "sqlite" else 400)
    if given.engine == "sqlite":
        database = Sqlite(f"{disk}/zhuanjie.sqlite", stage.home)
    else:
        database = Postgres(stage, f"{disk}/postgres", f"{stage.home}/pg_wal")
    say(f"building an invented country on {database.name} on a small disk")
    people = stage.build_country(database.url)
    server = Server(stage, database.url)
    server.start()
    play = Play(server.address, people, database)
    token = play.tokens[play.college]
    readers = [Watch(server, path, 0.02, token) for path in READS]
    probes = [Watch(server, path, 0.05) for path in ("/healthz", "/readyz")]
    play.start()
    play.wait_for(100)
    back, full_for, refusals, wrong_reads, read_seconds, faults, other = [], [], 0, [], [], 0, []
    for cycle in range(1, given.cycles + 1):
        ballast = fill(disk)
        filled = time.monotonic()
        # Free space inside the log and the file is used up first. Then every write is refused.
        def refused():
            fill(disk)
            tries = list(play.ledger.tries)[-8:]
            return tries[0][0] > filled and all(status in NO_ROOM for _, _, status in tries)
        until("writes being refused", 120, refused, 0.1)
        begun = time.monotonic()
        time.sleep(given.seconds)
        end = time.monotonic()
        os.remove(ballast)
        until("an acknowledged write", 60, lambda: play.ledger.done and play.ledger.done[-1].answered > end, 0.005)
        back.append(play.ledger.done[-1].answered - end)
        full_for.append(end - begun)
        tries = [one for one in list(play.ledger.tries) if begun <= one[0] < end]
        refusals += sum(status in NO_ROOM for _, _, status in tries)
        other += [one for one in tries if one[2] == 0 or one[2] >= 500 and one[2] not in NO_ROOM]
        reads = [answer for reader in readers for answer in reader.between(begun, end)]
        read_seconds += [seconds for _, seconds, _ in reads]
        wrong_reads += others(reads, 200)
        verdict = Verdict(database, play, play.ledger.acknowledged())
        faults += not verdict.is_clean
        say(f"cycle {cycle}: {len(tries)} attempts to write and {len(reads)} reads while full; {verdict}")
        play.wait_for(50)
    play.finish()
    for watch in readers + probes:
        watch.finish()
    server.stop()
    verdict = Verdict(database, play, play.ledger.acknowledged())
    report.note("number of times the disk was full", given.cycles)
    report.note("seconds it was full each time", f"{min(full_for):.0f}")
    report.note("writes acknowledged over the whole run", len(play.ledger.done))
    report.note("writes refused while full", refusals)
    report.note("reads answered while full, p99", f"{len(read_seconds)}, {percentile(read_seconds, .99) * 1000:.0f} ms")
    report.note("liveness, slowest answer of the run", f"{greatest(probes[0].answers) * 1000:.0f} ms")
    report.promise("every read while full gets 200", read_seconds and not wrong_reads, f"{len(wrong_reads)} others")
    report.promise("every write that is not stored gets 503 or 507", refusals and not other,
                   f"{sorted({status for _, _, status in other})}" if other else f"{refusals}")
    report.promise("it recovers without help: the first write is acknowledged after there is room again", max(back) <= 5,
                   f"within {max(back):.2f} s")
    report.promise("nothing acknowledged was lost or doubled", not faults and verdict.is_clean
                   and verdict.effects == verdict.checked, str(verdict))
    report.promise("`zhuanjie verify` finds no broken invariant", stage.verify(database.url)[0])
    missed = can_fail(database, play)
    report.promise("control: a removed write and a doubled one are found", not missed, "; ".join(missed))


parser = options(__doc__)
parser.add_argument("cycles", nargs="?", type=int, default=10)
parser.add_argument("--seconds", type=float, default=5, help="how long the disk is full each time")
parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
given = parser.parse_args()
main(f"Disk full, {given.engine}", harness, given)
