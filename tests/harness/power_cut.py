#!/usr/bin/env python3
"""Power cuts of the embedded database: no acknowledged write is lost (I-18).

The database is on ext4 in a disk image, which is a file on XFS behind a loop device. A power cut is an instant copy of
that image (a reflink) while writers go on. The copy holds what the inner file system had sent to its disk by then, and
nothing that was only in memory. Mounting the copy replays the file system's journal. Opening the database recovers its
log. Everything acknowledged before the copy began must be there. `zhuanjie verify` runs on every copy.

--control runs the same with a program built to commit with synchronous=NORMAL:

    cargo build --release --features control-synchronous-normal

It succeeds if most cuts lose acknowledged writes. Otherwise the harness proves nothing.

Not simulated: a disk that loses or reorders writes it has received and not yet been told to flush.

Needs root, loop devices, mkfs.xfs and mkfs.ext4. Exits with 77 where one is missing."""

import os
import random
import time

from kit.check import Verdict, can_fail
from kit.disk import new_disk, unmount
from kit.play import Play
from kit.report import main, options, percentile
from kit.stage import Server, Sqlite, run, say


class Disk:
    """A disk image with ext4 that can be copied in an instant."""

    def __init__(self, stage, megabytes=3000):
        self.stage, self.path, self.outer = stage, f"{stage.home}/disk", f"{stage.home}/outer"
        new_disk(stage, self.outer, megabytes * 3, "xfs")
        self.image = new_disk(stage, self.path, megabytes, image=f"{self.outer}/disk.img")
        os.mkdir(f"{stage.home}/cut")
        stage.callback(unmount, f"{stage.home}/cut")

    def cut(self):
        """Mounts the disk as a power cut would leave it now. Returns its path and how many seconds the copy took."""
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
                # Before the comparison, so that the program's own engine recovers the log.
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
    report.note("of these, between two cuts, median", percentile(between, .5))
    report.note("seconds to copy the disk, greatest", f"{max(copies):.3f}")
    report.note("cuts with acknowledged writes lost", faulty)
    report.note("acknowledged writes lost, summed over the cuts", lost)
    if given.control:
        report.promise("control: most cuts lose acknowledged writes", faulty > given.cuts / 2, f"{faulty} of {given.cuts}")
        report.promise("but each copy is consistent (`zhuanjie verify` on each cut)", not unsound, f"{unsound} failed")
        return
    report.promise("no cut loses or doubles an acknowledged write", not faulty, f"{faulty} of {given.cuts}")
    report.promise("`zhuanjie verify` finds no broken invariant after each cut", not unsound, f"{unsound} failed")
    report.promise("`zhuanjie verify` finds no broken invariant in the database itself at the end", stage.verify(database.url)[0])
    missed = can_fail(database, play)
    report.promise("control: a removed write and a doubled one are found", not missed, "; ".join(missed))


parser = options(__doc__)
parser.add_argument("cuts", nargs="?", type=int, default=100)
parser.add_argument("--control", action="store_true", help="the program commits with synchronous=NORMAL and must fail")
given = parser.parse_args()
main(f"Power cuts of the embedded database, synchronous={'NORMAL (the control)' if given.control else 'FULL'}", harness, given)
