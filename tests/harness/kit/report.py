"""How a harness begins and ends: its options, its report and its exit status."""

import argparse
import os
import platform
import signal
import sys
import time

from .stage import CANNOT_RUN, Broken, CannotRun, Stage, run, say

ROOT = os.path.abspath(f"{os.path.dirname(__file__)}/../../..")


class Report:
    """A table of counts and times, and the promises with whether each was kept."""

    def __init__(self, title):
        self.title, self.begun = title, time.time()
        self.lines, self.promises = [], []

    def note(self, what, value):
        self.lines.append((what, value))

    def promise(self, what, is_kept, seen=""):
        self.promises.append((what, is_kept, seen))
        say(f"{'kept' if is_kept else 'BROKEN'}: {what}{f' ({seen})' if seen else ''}")

    @property
    def is_kept(self):
        return bool(self.promises) and all(is_kept for _, is_kept, _ in self.promises)

    def show(self, versions):
        minutes = (time.time() - self.begun) / 60
        print(f"### {self.title}\n")
        print(f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime(self.begun))} UTC, {minutes:.1f} min; {versions}\n")
        print("| counted | |\n|---|---|")
        for what, value in self.lines:
            print(f"| {what} | {value} |")
        print("\n| promise | seen | kept |\n|---|---|---|")
        for what, is_kept, seen in self.promises:
            print(f"| {what} | {seen} | {'yes' if is_kept else '**NO**'} |")
        print("\n" + ("PASSED" if self.is_kept else "FAILED"), flush=True)


def versions(binary):
    commit = run("git", "-C", ROOT, "rev-parse", "--short", "HEAD").strip()
    # The directory has the name of the Cargo profile.
    kind = os.path.basename(os.path.dirname(os.path.abspath(binary)))
    return f"commit {commit}, {kind} build, Linux {platform.release().split('-')[0]}, {os.cpu_count()} cores"


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def options(description):
    parser = argparse.ArgumentParser(description=description.strip(), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.environ.get("ZHUANJIE", f"{ROOT}/target/release/zhuanjie"),
                        help="the program under test (default: $ZHUANJIE, else target/release/zhuanjie)")
    parser.add_argument("--keep", action="store_true", help="keep the directory with databases and logs")
    return parser


def main(title, harness, given):
    """Runs a harness. Exits with 0 if every promise was kept, 1 if not, and 77 if this machine can't run it."""
    report = Report(title)
    # A harness that is terminated still removes what it set up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    try:
        if not os.access(given.binary, os.X_OK):
            raise CannotRun(f"{given.binary}: build it first (cargo build --release)")
        # Before the run, because the tree may change meanwhile.
        seen = versions(given.binary)
        with Stage(given.binary, given.keep) as stage:
            try:
                harness(stage, report, given)
            except Broken as fault:
                report.promise("the run was completed", False, str(fault))
    except CannotRun as lack:
        say(f"CANNOT RUN HERE: {lack}")
        sys.exit(CANNOT_RUN)
    report.show(seen)
    sys.exit(0 if report.is_kept else 1)
