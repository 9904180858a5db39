#!/usr/bin/env python3
"""Overload: ten times as many requests as can be answered, sent open-loop, whether or not the earlier ones were answered.

First the capacity: what is answered when as many clients as it takes each ask again at once. Then ten times that rate:
served requests stay at 90 % of the capacity or more, their p99 is at most 500 ms, who is not served is refused with 503 and
Retry-After within 20 ms, memory stays under 256 MB, and 2 s after the load has gone answers are as quick as before.
Meanwhile liveness is asked too. At the end the capacity once more: no machine is as quick all the time, so what was served
is compared to the mean of both.

What is played is the mix of `zhuanjie-bench run`: looks, previews, proposals, decisions. A request begins when it is due; one
that finds no connection free waits for it, and all times count from the instant it was due.

The server runs on one processor and the load on another, lest the load take from the server what it measures; the processor
time of both is in the report.

`--times` sends another multiple: where the load can't send ten times what one processor answers, the report says so.

The control: with 100,000 places instead of the default nobody is refused; the same load must then break the promises."""

import os
import time

from kit.load import SERVER, Load
from kit.report import main, options
from kit.stage import CannotRun, Server, Sqlite, say
from kit.watch import Watch, greatest


def measure(stage, database, given, seconds, places=None):
    """Capacity, the overload, and what came after; for one server."""
    server = Server(stage, database.url, **({"ZHUANJIE_IN_FLIGHT": places} if places else {}))
    # Inherited by the server and its threads, then set back.
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, SERVER)
    server.start()
    os.sched_setaffinity(0, everywhere)
    load = Load(stage, server, given.members // 2)
    found = {"capacity": load.capacity(given.clients, max(4, seconds // 2))}
    rate = found["capacity"].served.per_second
    say(f"capacity {rate:.0f}/s; now {given.times * rate:.0f}/s for {seconds} s")
    found["loaded"] = server.memory()[1]
    found["before"] = load.run("--rate", rate / 4, seconds=5)
    alive = Watch(server, "/healthz", 0.05)
    found["during"] = load.run("--rate", given.times * rate, seconds=seconds)
    found["own"] = server.memory()[2]
    alive.finish()
    time.sleep(max(0, found["during"].ended + 2 - SETUP - time.monotonic()))
    found["after"] = load.run("--rate", rate / 4, seconds=5, warm_up=0)
    found["liveness"], found["peak"] = greatest(alive.answers), server.memory()[1]
    found["again"] = load.capacity(given.clients, max(4, seconds // 2))
    server.stop()
    return found


#: What a run of the load takes at least until it sends its first request, in seconds.
SETUP = 0.5


def cost(found):
    """Microseconds of the server's processor for a request served, and for one refused: whatever the served ones of the
    overload do not account for at the price they had before."""
    share = lambda run: run.server_seconds / run.seconds
    both, during = (found["capacity"], found["again"]), found["during"]
    served = sum(map(share, both)) / sum(run.served.per_second for run in both)
    return 1e6 * served, 1e6 * (share(during) - during.served.per_second * served) / max(1, during.refused.per_second)


def tell(report, found, given):
    """What was seen, and the promises."""
    capacity, during, before, after = (found[name] for name in ("capacity", "during", "before", "after"))
    first, again = capacity.served.per_second, found["again"].served.per_second
    rate, sent = (first + again) / 2, during.answers / given.seconds
    served, refused = cost(found)
    milliseconds = lambda *times: ", ".join(f"{1000 * one:.1f} ms" for one in times)
    report.note("capacity before and after (one processor for the server)", f"{first:.0f}/s, {again:.0f}/s")
    report.note("sent", f"{sent:.0f}/s ({sent / first:.1f} times the capacity before)")
    report.note("served / refused", f"{during.served.per_second:.0f}/s / {during.refused.per_second:.0f}/s")
    report.note("served, p50 and p99: at the capacity", milliseconds(capacity.served.p50, capacity.served.p99))
    report.note("… under overload", milliseconds(during.served.p50, during.served.p99))
    report.note("… at a quarter of the capacity, before", milliseconds(before.served.p50, before.served.p99))
    report.note(f"… and {after.began - during.ended:.1f} s after", milliseconds(after.served.p50, after.served.p99))
    report.note("refused, p50, p99 and slowest", milliseconds(during.refused.p50, during.refused.p99, during.refused.greatest))
    report.note("the server's processor for a request served / refused", f"{served:.0f} µs / {refused:.1f} µs")
    report.note("busy under overload: the server's processor / the load's own",
                " / ".join(f"{100 * one / during.seconds:.0f} %" for one in (during.server_seconds, during.load_seconds)))
    report.note("resident, most, after the measure of the capacity", f"{found['loaded']:.0f} MB")
    report.note("the program's own of what is resident after the overload, the mapped database left out", f"{found['own']:.0f} MB")
    report.note("liveness during all of it, slowest", milliseconds(found["liveness"]))
    share = during.served.per_second / rate
    report.promise(f"{given.times} times the capacity was sent", sent >= 0.95 * given.times * first, f"{sent / first:.1f} times")
    report.promise("served requests stay at 90 % of capacity or more", share >= 0.9, f"{100 * share:.0f} %")
    report.promise("their p99 is at most 500 ms", during.served.p99 <= 0.5, milliseconds(during.served.p99))
    report.promise("refusals come within 20 ms (p99)", during.refused.p99 <= 0.02, milliseconds(during.refused.p99))
    report.promise("each refusal is 503 `service.busy` with Retry-After, and there is no other answer", not during.others,
                   "; ".join(during.others[:3]) or "none other")
    report.promise("memory stays under 256 MB", found["peak"] < 256, f"{found['peak']:.0f} MB")
    report.promise("2 s after, answers are as quick as before (p99 at most twice, or 20 ms) and none is refused",
                   after.served.p99 <= max(2 * before.served.p99, 0.02) and not after.refused.count and not after.others,
                   f"{milliseconds(after.served.p99)}, {after.refused.count} refused")


def harness(stage, report, given):
    if os.cpu_count() < 2:
        raise CannotRun("needs two processors")
    if not os.access(stage.bench, os.X_OK):
        raise CannotRun(f"{stage.bench}: build it first (cargo build --release --features bench)")
    database = Sqlite(f"{stage.home}/zhuanjie.sqlite")
    say("building an invented country")
    status, said = stage.program("load", "--members", str(given.members), url=database.url, binary=stage.bench)
    if status:
        raise CannotRun(said)
    say("the default: measuring")
    tell(report, measure(stage, database, given, given.seconds), given)
    say("the control: measuring")
    # Shorter: whoever takes everything uses up the members.
    control = measure(stage, database, given, given.seconds // 2, places="100000")
    rate, during = (control["capacity"].served.per_second + control["again"].served.per_second) / 2, control["during"]
    report.promise("control: without the limit the same load breaks the promises",
                   during.served.per_second < 0.9 * rate or during.served.p99 > 0.5,
                   f"served {100 * during.served.per_second / rate:.0f} %, p99 {1000 * during.served.p99:.0f} ms, {control['peak']:.0f} MB")
    report.promise("`zhuanjie verify` finds every invariant kept", stage.verify(database.url)[0])


parser = options(__doc__)
parser.add_argument("seconds", nargs="?", type=int, default=20, help="how long the overload lasts")
parser.add_argument("--times", type=int, default=10, help="how many times what it can do")
parser.add_argument("--members", type=int, default=500_000, help="of the invented country")
parser.add_argument("--clients", nargs="+", type=int, default=[16, 64], help="numbers of clients that find out the capacity")
given = parser.parse_args()
main(f"Overload at {given.times} times the capacity", harness, given)
