#!/usr/bin/env python3
"""Overload: ten times as many requests as can be answered, sent open-loop, whether or not the earlier ones were answered.

First the capacity: what as many clients as there are places get answered when each asks again at once. Then ten times
that rate: served requests stay at 90 % of the capacity or more, their p99 is at most 500 ms, who is not served is refused
with 503 and Retry-After within 20 ms, memory stays under 256 MB, and 2 s after the load has gone answers are as quick as
before. Meanwhile liveness is asked too.

The server runs on one core and the load on another, lest the load take from the server what it measures.

The control: with 100,000 places instead of the default nobody is refused; the same load must then break the promises."""

import asyncio
import os
import time

from kit.load import Load, request
from kit.play import Play
from kit.report import main, options, percentile
from kit.stage import CannotRun, Server, Sqlite, say
from kit.watch import Watch, greatest


def measure(server, requests, given):
    """Capacity, the overload, and what came after; for one server."""
    load = Load(server.address, requests, given.connections)

    async def play():
        capacity = await load.closed(given.clients, given.seconds / 2)
        say(f"capacity {capacity:.0f}/s; now {10 * capacity:.0f}/s for {given.seconds:.0f} s")
        await load.warm(given.connections // 2)
        load.answers.clear()
        await load.at_rate(capacity / 4, 3)
        await load.drain()
        before = [one.seconds for one in load.answers]
        load.answers.clear()
        load.unsent = 0
        begun, end, sent = await load.at_rate(10 * capacity, given.seconds)
        unsent = load.unsent
        peak = server.memory()[1]
        await load.drain(20)
        during = list(load.answers)
        await asyncio.sleep(max(0, end + 2 - time.monotonic()))
        load.answers.clear()
        await load.at_rate(capacity / 4, 3)
        await load.drain()
        after = list(load.answers)
        return capacity, before, during, after, end, end - begun, sent, unsent, peak
    capacity, before, during, after, end, seconds, sent, unsent, peak = asyncio.run(play())
    served = [one for one in during if one.status == 200]
    in_time = sum(one.sent + one.seconds <= end for one in served)
    refused = [one for one in during if one.status == 503]
    return {
        "capacity": capacity, "sent": sent, "unsent": unsent, "seconds": seconds, "peak": peak,
        "served": in_time / seconds, "served_p99": percentile([one.seconds for one in served], .99),
        "refused": len(refused), "refused_p50": percentile([one.seconds for one in refused], .5),
        "refused_p99": percentile([one.seconds for one in refused], .99),
        "bare": sum(not one.has_retry_after for one in refused), "other": sorted({one.status for one in during} - {200, 503}),
        "before_p99": percentile(before, .99), "after_p99": percentile([one.seconds for one in after], .99),
        "after_odd": sum(one.status != 200 for one in after),
    }


def harness(stage, report, given):
    if os.cpu_count() < 2:
        raise CannotRun("needs two cores")
    database = Sqlite(f"{stage.home}/zhuanjie.sqlite")
    say("building an invented country")
    people = stage.build_country(database.url, given.members)
    found = {}
    for name, places in (("default", None), ("control", "100000")):
        extra = {"ZHUANJIE_IN_FLIGHT": places} if places else {}
        server = Server(stage, database.url, **extra)
        # Inherited by the server and its threads, then set back.
        os.sched_setaffinity(0, {0})
        server.start()
        os.sched_setaffinity(0, {1})
        play = Play(server.address, people, database)
        token = play.tokens[play.college]
        alive = Watch(server, "/healthz", 0.05)
        requests = [request(path.format(**vars(play)), token, server.address) for path in given.paths]
        say(f"{name}: measuring")
        one = measure(server, requests, given)
        alive.finish()
        one["liveness"] = greatest(alive.answers)
        found[name] = one
        say(f"{name}: {one}")
        server.stop()
    one, control = found["default"], found["control"]
    share = one["served"] / one["capacity"]
    report.note("requests", ", ".join(given.paths))
    report.note("capacity (one core)", f"{one['capacity']:.0f}/s")
    report.note("sent", f"{one['sent'] / one['seconds']:.0f}/s, of which {100 * one['unsent'] / one['sent']:.1f} % found no free connection")
    report.note("served / refused", f"{one['served']:.0f}/s / {one['refused'] / one['seconds']:.0f}/s")
    report.note("refused within, p50", f"{one['refused_p50'] * 1000:.1f} ms")
    report.note("liveness during all of it, slowest", f"{one['liveness'] * 1000:.0f} ms")
    report.note("p99 at a quarter of the capacity, before and 2 s after", f"{one['before_p99'] * 1000:.0f} ms, {one['after_p99'] * 1000:.0f} ms")
    report.promise("served requests stay at 90 % of capacity or more", share >= 0.9, f"{100 * share:.0f} %")
    report.promise("their p99 is at most 500 ms", one["served_p99"] <= 0.5, f"{one['served_p99'] * 1000:.0f} ms")
    report.promise("refusals come within 20 ms (p99)", one["refused_p99"] <= 0.02, f"{one['refused_p99'] * 1000:.1f} ms")
    report.promise("each refusal is 503 with Retry-After, and there is no other answer", not one["bare"] and not one["other"],
                   f"{one['bare']} without, others: {one['other'] or 'none'}")
    report.promise("memory stays under 256 MB", one["peak"] < 256, f"{one['peak']:.0f} MB")
    report.promise("2 s after, answers are as quick as before (p99 at most twice, or 20 ms) and none is refused",
                   one["after_p99"] <= max(2 * one["before_p99"], 0.02) and not one["after_odd"], f"{one['after_odd']} refused")
    is_broken = control["served"] < 0.9 * one["capacity"] or control["served_p99"] > 0.5
    report.promise("control: without the limit the same load breaks the promises", is_broken,
                   f"served {control['served']:.0f}/s, p99 {control['served_p99'] * 1000:.0f} ms, {control['peak']:.0f} MB")
    report.promise("`zhuanjie verify` finds every invariant kept", stage.verify(database.url)[0])


parser = options(__doc__)
parser.add_argument("seconds", nargs="?", type=float, default=20, help="how long the overload lasts")
parser.add_argument("--members", type=int, default=2000)
parser.add_argument("--clients", type=int, default=64, help="clients that find out the capacity")
parser.add_argument("--connections", type=int, default=1500)
parser.add_argument("--paths", nargs="+", default=["/v1/targets?q=%E6%B4%AA%E5%B1%B1&reason=unsettled&limit=20"])
given = parser.parse_args()
main("Overload at ten times the capacity", harness, given)
