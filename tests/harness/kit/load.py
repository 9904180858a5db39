"""`zhuanjie-bench run` as the source of load, on a processor of its own: open loop or closed. Its table is parsed."""

import os
import re
import subprocess
import time

from .stage import Broken, processor_seconds

#: The processors of the server and of the load. They differ, so that neither slows down the other.
SERVER, LOAD = {0}, {1}


class Row:
    """A row of the table: the number of answers, the number in a second, and their times in seconds."""

    def __init__(self, cells=("0", "0", "nan", "nan", "nan", "nan")):
        self.count, self.per_second = int(cells[0]), float(cells[1])
        self.p50, self.p99, _, self.greatest = (float(cell) / 1000 for cell in cells[2:])


class Run:
    """A run that has ended: the served requests, the properly refused ones (503 `service.busy` with Retry-After), all other
    answers, and the processor seconds of server and load."""

    def __init__(self, said, seconds, server_seconds, load_seconds, began, ended):
        self.seconds, self.began, self.ended = seconds, began, ended
        self.server_seconds, self.load_seconds = server_seconds, load_seconds
        rows = {name: Row(cells.split()) for name, cells in re.findall(r"^(all|shed \(503\))\s+(\d.*)$", said, re.M)}
        self.served, self.refused = rows["all"], rows.get("shed (503)", Row())
        self.others = re.findall(r"^error: (.*)$", said, re.M)

    @property
    def answers(self):
        return self.served.count + self.refused.count


class Load:
    """Runs against one server. Each uses other members, so that no run depends on an earlier one."""

    def __init__(self, stage, server, members):
        self.stage, self.server, self.members, self.part = stage, server, members, 0

    def run(self, *how, seconds, warm_up=2.0):
        """Plays the mix of a busy week for this long after the warm-up. The processor time includes the warm-up."""
        command = [self.stage.bench, "run", "--url", "http://%s:%d" % self.server.address, "--unverified",
                   "--seconds", str(int(seconds)), "--warm-up", str(int(warm_up)), "--members", str(self.members),
                   "--part", str(self.part), *map(str, how)]
        self.part += 1
        environment = {**self.stage.environment, "DATABASE_URL": self.server.url, "RUST_LOG": "info"}
        with open(f"{self.stage.home}/load.log", "w+") as log:
            player = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True,
                                      preexec_fn=lambda: os.sched_setaffinity(0, LOAD))
            while player.poll() is None and "provinces play" not in open(log.name).read():
                time.sleep(0.01)
            began, before, own = time.monotonic(), self.server.processor_seconds(), processor_seconds(player.pid)
            said = player.stdout.read()
            ended = time.monotonic()
            own = player_seconds(player) - own
            log.seek(0)
            if player.returncode:
                raise Broken(f"the load ended with {player.returncode}: {log.read()}")
        return Run(said, seconds + warm_up, self.server.processor_seconds() - before, own, began, ended)

    def capacity(self, clients, seconds):
        """The greatest rate of answers. Each client asks again at once. The best number of clients counts."""
        runs = [self.run("--concurrency", number, seconds=seconds) for number in clients]
        return max(runs, key=lambda run: run.served.per_second)


def player_seconds(player):
    """The processor seconds of a process that has ended and was not waited for yet."""
    _, status, usage = os.wait4(player.pid, 0)
    player.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime
