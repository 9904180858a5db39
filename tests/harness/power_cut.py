#!/usr/bin/env python3
"""Power cuts of the embedded database: no acknowledged write is lost (I-18).

The database lies on ext4 in a disk image, looped from a file on XFS. A power cut is a copy of that image, taken in an
instant (a reflink), while writers go on: it holds what the inner file system had sent to its disk by then, and nothing
that was only in memory. The copy is mounted, which replays the file system's journal, the database is opened, which
recovers its log, and everything acknowledged before the copy was begun must be there. `zhuanjie verify` runs on every copy.

--control runs the same with a program built to commit with synchronous=NORMAL:

    cargo build --release --features control-synchronous-normal

It must lose acknowledged writes in most cuts, or the harness proves nothing: that is its success.

Not simulated: a disk that loses or reorders what it was sent and not yet told to flush.

Needs root, loop devices, mkfs.xfs and mkfs.ext4; answers 77 where it has them not."""

import os
import random
import time

from kit.check import Verdict, can_fail
from kit.disk import new_disk, unmount
from kit.play import Play
from kit.report import main, options, percentile
from kit.stage import Server, Sqlite, run, say


class Disk:
    """A disk image with ext4 on it, of which copies can be taken in an instant."""

    def __init__(self, stage, megabytes=3000):
        self.stage, self.path, self.outer = stage, f"{stage.home}/disk", f"{stage.home}/outer"
        new_disk(stage, self.outer, megabytes * 3, "xfs")
        self.image = new_disk(stage, self.path, megabytes, image=f"{self.outer}/disk.img")
        os.mkdir(f"{stage.home}/cut")
        stage.callback(unmount, f"{stage.home}/cut")

    def cut(self):
        """The disk as a power cut would leave it now, mounted: its path, and how many seconds the copy took."""
        copy, path = f"{self.outer}/cut.img", f"{self.stage.home}/cut"
        begun = time.monotonic()
        run("cp", "--reflink=always", self.image, copy)
        taken = time.monotonic() - begun
        run("mount", "-o", "loop", copy, path)
        return path, taken

    def forget(self):
        run("umount", f"{self.stage.home}/cut")
        os.remove(f"{self.outer}/cut.img")


def harness(stage, report, given):
    disk = Disk(stage)
    database = Sqlite(f"{disk.path}/zhuanjie.sqlite")
    say("building an invented country on the disk image")
    if given.control:
        stage.environment["ZHUANJIE_CONTROL"] = "yes"
    people = stage.build_country(database.url)
    server = Server(stage, database.url)
    server.start()
    play = Play(server.address, people, database)
    play.start()
    play.wait_for(20)
    faulty, lost, unsound, copies, between = 0, 0, 0, [], []
    for cycle in range(1, given.cuts + 1):
        before = len(play.ledger.done)
        time.sleep(random.uniform(0.05, 0.5))
        play.wait_for(3)
        acknowledged = play.ledger.acknowledged()
        path, taken = disk.cut()
        copies.append(taken)
        between.append(len(acknowledged) - before)
        recovered = Sqlite(f"{path}/zhuanjie.sqlite")
        try:
            with play.rest():
                # First, so that the log is recovered by the program's own engine.
                is_sound = stage.verify(recovered.url)[0]
                verdict = Verdict(recovered, play, acknowledged)
        finally:
            disk.forget()
        faulty += not verdict.is_clean
        unsound += not is_sound
        lost += len(verdict.lost)
        if cycle % 10 == 0 or cycle == given.cuts or not (is_sound and verdict.is_clean or given.control):
            say(f"cut {cycle}: {verdict}; verify {'clean' if is_sound else 'FAILED'}")
    play.finish()
    server.stop()
    report.note("power cuts", given.cuts)
    report.note("writes acknowledged", len(play.ledger.done))
    report.note("of these between the last cut and the next, median", percentile(between, .5))
    report.note("seconds a copy of the disk took, greatest", f"{max(copies):.3f}")
    report.note("cuts with acknowledged writes lost", faulty)
    report.note("acknowledged writes lost, summed over the cuts", lost)
    if given.control:
        report.promise("control: most cuts lose acknowledged writes", faulty > given.cuts / 2, f"{faulty} of {given.cuts}")
        report.promise("and yet what is left is consistent (`zhuanjie verify` on each cut)", not unsound, f"{unsound} failed")
        return
    report.promise("no cut loses or doubles an acknowledged write", not faulty, f"{faulty} of {given.cuts}")
    report.promise("`zhuanjie verify` finds every invariant kept after each cut", not unsound, f"{unsound} failed")
    report.promise("`zhuanjie verify` on the database itself at the end", stage.verify(database.url)[0])
    missed = can_fail(database, play)
    report.promise("control: a write taken away and one doubled by hand are found", not missed, "; ".join(missed))


parser = options(__doc__)
parser.add_argument("cuts", nargs="?", type=int, default=100)
parser.add_argument("--control", action="store_true", help="the program commits with synchronous=NORMAL and must fail")
given = parser.parse_args()
main(f"Power cuts of the embedded database, synchronous={'NORMAL (the control)' if given.control else 'FULL'}", harness, given)
