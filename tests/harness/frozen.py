#!/usr/bin/env python3
"""A frozen database: liveness answers at once, readiness changes within 3 s, every request is answered by its deadline,
and 2 s after the thaw everything is as before. A server that is told to end while PostgreSQL is frozen ends.

  --engine postgres    every process of PostgreSQL is stopped (SIGSTOP): connections stay open and get no answer
  --engine sqlite      the file system is frozen (fsfreeze): writes wait in the kernel. Reads may go on, so readiness
                       may stay
It freezes several times while clients read and write. At the end `zhuanjie verify` runs and the ledger is compared. With
the embedded engine it needs root, loop devices and mkfs.ext4, and exits with 77 where one is missing."""

import os
import signal
import subprocess
import time

from kit.check import Verdict, can_fail
from kit.disk import new_disk
from kit.play import Play
from kit.report import main, options, percentile
from kit.stage import Postgres, Server, Sqlite, run, say
from kit.watch import READS, Watch, greatest, others

#: Seconds in which an admitted request is answered (`ZHUANJIE_DEADLINE`), and the seconds that the network may add.
DEADLINE, MARGIN = 10, 1
#: Seconds in which a server ends after it was told to: for its last answers, and for the database (docs/operations.md).
ENDING = 30 + 20


def on_postgres(stage):
    database = Postgres(stage)
    # In any case, because a stopped process can't be shut down.
    stage.callback(lambda: database.signal(signal.SIGCONT))
    return database, lambda: database.signal(signal.SIGSTOP), lambda: database.signal(signal.SIGCONT)


def on_sqlite(stage):
    disk = f"{stage.home}/disk"
    new_disk(stage, disk, 4000)
    stage.callback(os.system, f"fsfreeze -u {disk} 2>/dev/null")
    return (Sqlite(f"{disk}/zhuanjie.sqlite", stage.home), lambda: run("fsfreeze", "-f", disk), lambda: run("fsfreeze", "-u", disk))


def shares(answers, *statuses):
    return sum(status in statuses for _, _, status in answers)


def is_fault(answer):
    """Whether an answer is neither a success nor a refusal by a rule."""
    return answer[2] in (0, 408, 429) or answer[2] >= 500


def ending(server, token):
    """How many seconds a server takes to end when it is told to while a query hangs, and its exit status."""
    server.probe(READS[0], 1, token)
    begun = time.monotonic()
    server.process.terminate()
    try:
        status = server.process.wait(2 * ENDING)
    except subprocess.TimeoutExpired:
        return float("inf"), None
    return time.monotonic() - begun, status


def harness(stage, report, given):
    database, freeze, thaw = on_postgres(stage) if given.engine == "postgres" else on_sqlite(stage)
    say(f"building an invented country on {database.name}")
    people = stage.build_country(database.url)
    server = Server(stage, database.url)
    server.start()
    play = Play(server.address, people, database)
    token = play.tokens[play.college]
    alive, ready = Watch(server, "/healthz", 0.02), Watch(server, "/readyz", 0.05)
    readers = [Watch(server, path, 0.02, token) for path in READS]
    play.start()
    play.wait_for(100)
    flips, liveness, longest, back, refused, unanswered, odd, after_odd, pace = [], [], [], [], 0, 0, [], [], []
    for cycle in range(1, given.cycles + 1):
        calm = time.monotonic()
        time.sleep(5)
        rate_before = sum(write.answered > calm for write in play.ledger.acknowledged()) / 5
        frozen = time.monotonic()
        freeze()
        time.sleep(given.seconds)
        thawed = time.monotonic()
        thaw()
        time.sleep(2)
        normal = time.monotonic()
        time.sleep(5)
        end = time.monotonic()
        rate_after = sum(normal < write.answered <= end for write in play.ledger.acknowledged()) / 5
        pace.append(rate_after / rate_before)
        liveness.append(greatest(alive.between(frozen, end)))
        odd += others(alive.between(frozen, end), 200)
        # A client learns that the server is not ready when the answer arrives.
        flips.append(min((asked + seconds - frozen for asked, seconds, status in ready.between(frozen - 1, thawed)
                          if status == 503), default=float("inf")))
        asked = [one for watch in readers for one in watch.between(frozen - DEADLINE, end)]
        asked += [one for one in list(play.ledger.tries) if frozen - DEADLINE <= one[0] < end]
        during = [one for one in asked if one[0] + one[1] > frozen and one[0] < thawed]
        longest.append(greatest(during))
        unanswered += shares(during, 0)
        refused += shares(during, 503)
        odd += [one for one in during if is_fault(one) and one[2] != 503]
        after = [one for one in asked if one[0] >= normal]
        after += ready.between(normal, end)
        after_odd += [one for one in after if is_fault(one)]
        firsts = [a + s - thawed for a, s, status in play.ledger.tries if status in (200, 201) and a + s > thawed]
        back.append(min(firsts, default=float("inf")))
        say(f"cycle {cycle}: readiness changed after {flips[-1]:.2f} s, slowest answer {longest[-1]:.2f} s, liveness "
            f"{liveness[-1] * 1000:.0f} ms, first write {back[-1]:.2f} s after the thaw, pace {pace[-1]:.2f}")
    play.finish()
    for watch in (alive, ready, *readers):
        watch.finish()
    if given.engine == "postgres":
        freeze()
        seconds, status = ending(server, token)
        thaw()
        report.promise(f"told to end while the database is frozen, the server ends within {ENDING} s", seconds <= ENDING + MARGIN
                       and status == 1, f"{seconds:.1f} s, status {status}")
    else:
        server.stop()
    verdict = Verdict(database, play, play.ledger.acknowledged())
    report.note("number of freezes × seconds each", f"{given.cycles} × {given.seconds:.0f}")
    report.note("writes acknowledged over the whole run", len(play.ledger.done))
    report.note("of these, already done when they were sent again", play.ledger.replayed)
    report.note("requests refused with 503 while frozen", refused)
    report.note("first write acknowledged after the thaw, greatest", f"{max(back):.2f} s")
    report.note("writes a second, 2 to 7 s after the thaw, as a share of before, least", f"{min(pace):.2f}")
    report.promise("liveness answers at once (within 100 ms)", max(liveness) <= 0.1, f"{max(liveness) * 1000:.0f} ms")
    if given.engine == "postgres":
        report.promise("readiness changes within 3 s", max(flips) <= 3, f"{max(flips):.2f} s")
    else:
        report.note("readiness changed after, greatest (inf: it stayed, because reads went on)", f"{max(flips):.2f} s")
    report.promise(f"every request is answered by its deadline of {DEADLINE} s", not unanswered
                   and max(longest) <= DEADLINE + MARGIN, f"slowest {max(longest):.2f} s, {unanswered} unanswered")
    report.promise("with success or 503, and with nothing else", not odd, f"{sorted({one[2] for one in odd})}" if odd else "")
    report.promise("2 s after the thaw: no refusal, and writes at half of the earlier pace or more",
                   not after_odd and min(pace) >= 0.5, f"{len(after_odd)} refused {sorted({one[2] for one in after_odd})}, {min(pace):.2f} of the pace")
    report.promise("nothing acknowledged was lost or doubled", verdict.is_clean and verdict.effects == verdict.checked,
                   str(verdict))
    report.promise("`zhuanjie verify` finds no broken invariant", stage.verify(database.url)[0])
    missed = can_fail(database, play)
    report.promise("control: a removed write and a doubled one are found", not missed, "; ".join(missed))


parser = options(__doc__)
parser.add_argument("cycles", nargs="?", type=int, default=5)
parser.add_argument("--seconds", type=float, default=12, help="how long it is frozen each time")
parser.add_argument("--engine", choices=["sqlite", "postgres"], default="postgres")
given = parser.parse_args()
main(f"Database frozen, {given.engine}", harness, given)
