#!/usr/bin/env python3
"""Overload: ten times as many requests as can be answered, sent open-loop, whether or not earlier ones were answered.

First the capacity is measured: the rate of answers when each of enough clients asks again at once. Then ten times that
rate is sent. Served requests must stay at 90 % of the capacity or more, with a p99 of at most 500 ms. A request that is
not served must get 503 with Retry-After within 20 ms. Memory must stay under 256 MB. 2 s after the load has ended,
answers must be as quick as before. Liveness is checked all the time. At the end the capacity is measured again, and the
served requests are compared with the mean of both, because a machine is not equally quick all the time.

The load is the mix of `zhuanjie-bench run`: reads, previews, proposals, decisions. A request begins when it is due. If no
connection is free it waits for one, and all times count from the instant it was due.

The server runs on one processor and the load on another, so that the load does not slow down the server that it measures.
The report gives the processor time of both.

`--times` sends another multiple. If the load can't send ten times what one processor answers, the report says so.

The control: with 100,000 places instead of the default, no request is refused. The same load must then break the
promises."""

import os
import time

from kit.load import SERVER, Load
from kit.report import main, options
from kit.stage import CannotRun, Server, Sqlite, say
from kit.watch import Watch, greatest


def measure(stage, database, given, seconds, places=None):
    """Measures one server: its capacity, the overload, and what follows."""
    server = Server(stage, database.url, **({"ZHUANJIE_IN_FLIGHT": places} if places else {}))
    # The server and its threads inherit it. Then it is reset.
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


#: How many seconds a run of the load takes at least before its first request.
SETUP = 0.5


def cost(found):
    """Microseconds of the server's processor for a served request and for a refused one. The refused ones of the overload
    took what the served ones, at their earlier cost, do not account for."""
    share = lambda run: run.server_seconds / run.seconds
    both, during = (found["capacity"], found["again"]), found["during"]
    served = sum(map(share, both)) / sum(run.served.per_second for run in both)
    return 1e6 * served, 1e6 * (share(during) - during.served.per_second * served) / max(1, during.refused.per_second)


def tell(report, found, given):
    """Reports the measurements and the promises."""
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
    report.note("the server's processor time for a request served / refused", f"{served:.0f} µs / {refused:.1f} µs")
    report.note("busy under overload: the server's processor / the load's processor",
                " / ".join(f"{100 * one / during.seconds:.0f} %" for one in (during.server_seconds, during.load_seconds)))
    report.note("resident memory, greatest, after measuring the capacity", f"{found['loaded']:.0f} MB")
    report.note("resident memory after the overload, without the mapped database", f"{found['own']:.0f} MB")
    report.note("liveness during the overload, slowest", milliseconds(found["liveness"]))
    share = during.served.per_second / rate
    report.promise(f"{given.times} times the capacity was sent", sent >= 0.95 * given.times * first, f"{sent / first:.1f} times")
    report.promise("served requests stay at 90 % of capacity or more", share >= 0.9, f"{100 * share:.0f} %")
    report.promise("their p99 is at most 500 ms", during.served.p99 <= 0.5, milliseconds(during.served.p99))
    report.promise("refusals come within 20 ms (p99)", during.refused.p99 <= 0.02, milliseconds(during.refused.p99))
    report.promise("each refusal is 503 `service.busy` with Retry-After, and there is no other answer", not during.others,
                   "; ".join(during.others[:3]) or "none other")
    report.promise("memory stays under 256 MB", found["peak"] < 256, f"{found['peak']:.0f} MB")
    report.promise("2 s after, answers are as quick as before (p99 at most twice, or 20 ms) and no request is refused",
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
    # Shorter, because a server without the limit uses up the members.
    control = measure(stage, database, given, given.seconds // 2, places="100000")
    rate, during = (control["capacity"].served.per_second + control["again"].served.per_second) / 2, control["during"]
    report.promise("control: without the limit the same load breaks the promises",
                   during.served.per_second < 0.9 * rate or during.served.p99 > 0.5,
                   f"served {100 * during.served.per_second / rate:.0f} %, p99 {1000 * during.served.p99:.0f} ms, {control['peak']:.0f} MB")
    report.promise("`zhuanjie verify` finds no broken invariant", stage.verify(database.url)[0])


parser = options(__doc__)
parser.add_argument("seconds", nargs="?", type=int, default=20, help="how long the overload lasts")
parser.add_argument("--times", type=int, default=10, help="the load as a multiple of the capacity")
parser.add_argument("--members", type=int, default=500_000, help="members of the invented country")
parser.add_argument("--clients", nargs="+", type=int, default=[16, 64], help="numbers of clients to measure the capacity with")
given = parser.parse_args()
main(f"Overload at {given.times} times the capacity", harness, given)
