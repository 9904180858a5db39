#!/usr/bin/python3
"""The primary dies under load, and nothing that was acknowledged is lost or doubled (I-19, I-20).

What it does
    Starts etcd, three PostgreSQL nodes under Patroni (synchronous mode, strict) and two servers of ours with a multi-host
    DATABASE_URL, all on loopback and in a directory of its own. Writers propose transfers and decide on them over both
    servers; each request has an Idempotency-Key, and whatever has no certain answer (a broken connection, 503) is sent
    again under the same key, to either server, until it has one. Every certain answer goes into a ledger.
    In each cycle the primary's processes get `kill -9`. When a standby is promoted and the writers are through, every
    write of the ledger must be in the promoted database: its row, exactly one audit row over all attempts, no gap and no
    double in the case's events.

    Two times are taken from the promotion (`pg_is_in_recovery()` turns false): until a bare client that knows the new
    primary gets its first own commit, and until a server of ours answers its first write with 2xx. Nobody restarts ours.

The control
    `--control` runs the same with asynchronous replication and standbys whose receivers are stopped shortly before the
    kill. Acknowledged writes must be missing then, or the harness proves nothing: that is its success.

How to run it
    tests/failover/failover.py [--cycles 10] [--binary target/release/zhuanjie]
    tests/failover/failover.py --control --cycles 2
    As root on Debian it installs what is missing: etcd-server patroni python3-psycopg2 postgresql.
    Nothing is left behind but what is printed; `--keep` keeps the directory with all logs.
"""

import argparse
import glob
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

PACKAGES = ["etcd-server", "patroni", "python3-psycopg2", "postgresql"]
PASSWORD_OF_DATABASE = "failover"
MEMBERS = 6500
WRITERS = 8
#: Patroni's least.
TTL, LOOP, RETRY = 20, 1, 3


def install():
    """Installs what is missing."""
    found = shutil.which("etcd") and shutil.which("patroni") and glob.glob("/usr/lib/postgresql/*/bin/postgres")
    try:
        import psycopg2  # noqa: F401
    except ImportError:
        found = None
    if not found:
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", *PACKAGES], check=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, seconds, condition):
    """Waits for a condition; returns what it returned."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise SystemExit(f"FAILED: {what} not within {seconds} s")


class Processes:
    """Everything that was started, so that all of it is ended."""

    def __init__(self, home):
        self.home, self.running = home, []

    def start(self, name, command, user=None, env=None):
        log = open(f"{self.home}/{name}.log", "ab")
        identity = {"user": user, "group": user, "extra_groups": []} if user and os.getuid() == 0 else {}
        process = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.home, env=env,
            start_new_session=True, **identity)
        self.running.append(process)
        return process

    def end(self):
        # In the order opposite to their start: each can still reach what it rests on.
        for process in reversed(self.running):
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


class Node:
    """One PostgreSQL under Patroni."""

    def __init__(self, cluster, number):
        self.name, self.port, self.api = f"node{number}", free_port(), free_port()
        self.data = f"{cluster.home}/{self.name}"
        self.cluster = cluster

    def configuration(self):
        synchronous = "false" if self.cluster.is_control else "true"
        # Who is further behind is never promoted. A second's writes are more than the usual megabyte, and the control wants a
        # promotion that loses them.
        lag = 2**30 if self.cluster.is_control else 2**20
        binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        return f"""
scope: zhuanjie
name: {self.name}
restapi: {{listen: "127.0.0.1:{self.api}", connect_address: "127.0.0.1:{self.api}"}}
etcd3: {{host: "127.0.0.1:{self.cluster.etcd}"}}
bootstrap:
  dcs:
    ttl: {TTL}
    loop_wait: {LOOP}
    retry_timeout: {RETRY}
    master_start_timeout: 0
    maximum_lag_on_failover: {lag}
    synchronous_mode: {synchronous}
    synchronous_mode_strict: {synchronous}
    # Both standbys: one that is not waited for may be ahead of the one that is promoted, and has to be rewound first.
    synchronous_node_count: 2
    postgresql:
      use_pg_rewind: true
      # Patroni makes the slots of a new primary a turn or two later, and the standbys would wait for them.
      use_slots: false
      parameters:
        max_connections: 100
        wal_level: replica
        wal_keep_size: 256MB
        wal_retrieve_retry_interval: 100ms
        lc_messages: C
        synchronous_commit: "on"
        hot_standby_feedback: "on"
  initdb: [{{encoding: UTF8}}, {{locale: C.UTF-8}}, data-checksums]
  pg_hba: ["host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"]
postgresql:
  listen: 127.0.0.1:{self.port}
  connect_address: 127.0.0.1:{self.port}
  data_dir: {self.data}
  bin_dir: {binaries}
  pgpass: {self.data}.pgpass
  remove_data_directory_on_rewind_failure: true
  remove_data_directory_on_diverged_timelines: true
  authentication:
    superuser: {{username: postgres, password: {PASSWORD_OF_DATABASE}}}
    replication: {{username: replicator, password: {PASSWORD_OF_DATABASE}}}
  parameters: {{unix_socket_directories: "{self.cluster.home}"}}
"""

    def start(self):
        path = f"{self.data}.yml"
        with open(path, "w") as file:
            file.write(self.configuration())
        os.chmod(path, 0o644)
        self.cluster.processes.start(self.name, ["patroni", path], user="postgres")

    def connect(self, database="zhuanjie", timeout=2):
        import psycopg2
        return psycopg2.connect(
            host="127.0.0.1", port=self.port, user="postgres", password=PASSWORD_OF_DATABASE, dbname=database,
            connect_timeout=timeout, options="-c statement_timeout=5000")

    def is_primary(self):
        """Whether it takes writes; None when it doesn't answer."""
        import psycopg2
        try:
            with self.connect("postgres") as connection, connection.cursor() as cursor:
                cursor.execute("SELECT pg_is_in_recovery()")
                return not cursor.fetchone()[0]
        except psycopg2.Error:
            return None

    def postmaster(self):
        try:
            with open(f"{self.data}/postmaster.pid") as file:
                return int(file.readline())
        except (OSError, ValueError):
            return None

    def children(self):
        """The postmaster's processes with what they call themselves."""
        parent, found = self.postmaster(), {}
        for path in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(path) as file:
                    fields = file.read().rsplit(")", 1)[1].split()
                if int(fields[1]) == parent:
                    pid = int(path.split("/")[2])
                    with open(f"/proc/{pid}/cmdline", "rb") as file:
                        found[pid] = file.read().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
        return found

    def kill(self):
        """kill -9 for the postmaster and all its processes."""
        doomed = [self.postmaster(), *self.children()]
        for pid in doomed:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def receiver(self):
        return next((pid for pid, name in self.children().items() if "walreceiver" in name), None)


class Cluster:
    def __init__(self, home, processes, is_control):
        self.home, self.processes, self.is_control = home, processes, is_control
        self.etcd, self.peer = free_port(), free_port()
        self.nodes = [Node(self, number) for number in (1, 2, 3)]

    def start(self):
        etcd, peer = f"http://127.0.0.1:{self.etcd}", f"http://127.0.0.1:{self.peer}"
        self.processes.start("etcd", [
            "etcd", "--data-dir", f"{self.home}/etcd", "--listen-client-urls", etcd, "--advertise-client-urls", etcd,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
            "--unsafe-no-fsync"])
        self.nodes[0].start()
        until("a first primary", 60, self.primary)
        for node in self.nodes[1:]:
            node.start()
        self.await_health()
        connection = self.primary().connect("postgres")
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE zhuanjie")
        connection.close()
        connection = self.primary().connect("postgres")
        connection.autocommit = True
        connection.cursor().execute("CREATE TABLE first_commits (at float8)")
        connection.close()

    def primary(self):
        return next((node for node in self.nodes if node.is_primary()), None)

    def await_health(self):
        """Waits until both standbys stream, synchronously unless this is the control."""
        def healthy():
            import psycopg2
            node = self.primary()
            try:
                with node.connect("postgres") as connection, connection.cursor() as cursor:
                    cursor.execute("SELECT count(*) FILTER (WHERE state = 'streaming'), "
                                   "count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')) FROM pg_stat_replication "
                                   "WHERE application_name LIKE 'node%'")
                    streaming, synchronous = cursor.fetchone()
                    return streaming == 2 and (self.is_control or synchronous == 2)
            except (psycopg2.Error, AttributeError):
                return False
        until("a healthy cluster", 180, healthy)

    def url(self):
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"postgres://postgres:{PASSWORD_OF_DATABASE}@{hosts}/zhuanjie"


def environment(binary, url):
    """The configuration of ours: keys of its own."""
    lines = subprocess.run([binary, "keys"], check=True, capture_output=True, text=True).stdout
    keys = dict(line.split("=", 1) for line in lines.splitlines() if "=" in line)
    return {
        "PATH": os.environ["PATH"], "DATABASE_URL": url, "RUST_LOG": "info,zhuanjie::access=off", "ZHUANJIE_DRAIN": "0",
        **{name: value.strip("'") for name, value in keys.items()},
    }


class Servers:
    """Two of ours over an invented country."""

    def __init__(self, binary, cluster, processes):
        self.binary, self.cluster, self.processes = binary, cluster, processes
        self.environment = environment(binary, cluster.url())
        self.bases = []

    def log(self, name):
        with open(f"{self.processes.home}/{name}.log", errors="replace") as file:
            return file.read()

    def load(self):
        demo = self.processes.start("demo", [
            self.binary, "demo", "--members", str(MEMBERS), "--at", "now", "--own-keys", "--listen", "127.0.0.1:0"],
            env=self.environment)
        until("the country", 300, lambda: "listening on" in self.log("demo") or demo.poll() is not None)
        text = self.log("demo")
        demo.terminate()
        demo.wait(30)
        return People(text)

    def verify(self):
        """Whether every invariant of what is stored holds, as `zhuanjie verify` finds."""
        done = subprocess.run([self.binary, "verify"], env=self.environment, capture_output=True, text=True)
        broken = [line for line in done.stdout.splitlines() if not line.startswith("ok")]
        print("\nzhuanjie verify: " + ("all invariants hold" if done.returncode == 0 else "\n".join(broken) + done.stderr))
        return done.returncode == 0

    def start(self):
        for number in (1, 2):
            name = f"server{number}"
            self.processes.start(name, [self.binary, "serve", "--listen", "127.0.0.1:0"], env=self.environment)
            found = until(name, 60, lambda: re.search(r"listening on http://([0-9.]+):(\d+)", self.log(name)))
            self.bases.append((found[1], int(found[2])))


class People:
    """The people of the demo that the play needs, as the demo prints them."""

    def __init__(self, welcome):
        entries = re.findall(r"\n  (\d{17}[\dX])  \S+  (\S+)\n(?:      office  (\S+)\n)?      (\S+?)[:：].*\n      (.+?): ", welcome)
        self.password = re.search(r"password\s+(.+?)  \(", welcome)[1]
        self.by_part = {english: (number, office or None) for number, _, office, _, english in entries}

    def find(self, word):
        part = next(part for part in self.by_part if word in part.lower())
        return self.by_part[part]


class Uncertain(Exception):
    """No certain answer: the request may have had its effect."""


class Caller:
    """Sends requests, to either server."""

    def __init__(self, bases, who, password):
        self.bases, self.who, self.password = bases, who, password
        self.connections, self.token = {}, None

    def once(self, method, path, body=None, headers=None):
        base = random.choice(self.bases)
        try:
            connection = self.connections.get(base)
            if connection is None:
                connection = self.connections[base] = http.client.HTTPConnection(*base, timeout=15)
            payload = None if body is None else json.dumps(body)
            sent = {"content-type": "application/json", **(headers or {})}
            if self.token:
                sent["authorization"] = f"Bearer {self.token}"
            connection.request(method, path, payload, sent)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.connections.pop(base, None)
            raise Uncertain(str(error)) from error
        # 429: a person whose sign-ins got no answer while the primary was dead has to wait before trying again.
        if answer.status in (429, 503):
            assert answer.headers["retry-after"], f"{answer.status} without Retry-After"
            raise Uncertain(str(answer.status))
        return answer.status, json.loads(text) if text else None, answer.headers

    def sign_in(self):
        number, office = self.who
        body = {"id_number": number, "password": self.password, **({"office": office} if office else {})}
        self.token = None
        status, answer, _ = self.patiently("POST", "/v1/auth/sign-in", body)
        assert status == 200, (status, answer)
        self.token = answer["access_token"]

    def patiently(self, method, path, body=None, headers=None):
        for _ in range(600):
            try:
                return self.once(method, path, body, headers)
            except Uncertain:
                time.sleep(0.1)
        raise SystemExit(f"FAILED: no certain answer to {method} {path} for a minute")


class Ledger:
    """What was certainly answered."""

    def __init__(self):
        self.lock, self.writes, self.refused, self.retried, self.wrong = threading.Lock(), [], [], 0, []
        self.answered_at = []

    def note(self, key, status, case, attempts, is_replayed):
        with self.lock:
            self.retried += attempts > 1
            if 200 <= status < 300:
                # An answer given again writes nothing.
                if not is_replayed:
                    self.answered_at.append(time.monotonic())
                self.writes.append((key, case))
            elif status >= 500:
                self.wrong.append((key, status))
            else:
                self.refused.append(key)


class Writer(threading.Thread):
    """Proposes transfers of some members and decides on them, for ever."""

    def __init__(self, number, play):
        super().__init__(daemon=True)
        self.play, self.number, self.count = play, number, 0
        self.source = Caller(play.bases, play.people.find("of a graduating class"), play.people.password)
        self.target = Caller(play.bases, play.people.find("of a street"), play.people.password)
        self.members = play.members[number::WRITERS]

    def write(self, caller, path, body, headers=None):
        """One write with its key: sent again until its answer is certain. Returns status and body."""
        self.count += 1
        key = f"w{self.number}-{self.count}"
        attempt = 0
        while True:
            attempt += 1
            named = {"idempotency-key": key, "x-request-id": f"{key}-{attempt}", **(headers or {})}
            try:
                status, answer, told = caller.once("POST", path, body, named)
            except Uncertain:
                time.sleep(0.05)
                continue
            if status == 401:
                caller.sign_in()
                continue
            case = answer.get("id") if isinstance(answer, dict) else None
            self.play.ledger.note(key, status, case, attempt, "idempotent-replayed" in told)
            return status, answer

    def run(self):
        for caller in (self.source, self.target):
            caller.sign_in()
        body = {"reason": "unsettled", "target": self.play.street,
                "details": {"home_address": {"division_code": "420111001", "text": "珞喻路1037号"}}}
        turn = 0
        while not self.play.is_over:
            if self.play.is_paused.is_set():
                self.play.idle(self)
            turn += 1
            member = self.members[turn % len(self.members)]
            status, case = self.write(self.source, "/v1/transfers", {**body, "member": {"id": member}})
            if status != 201:
                continue
            way, by = (("refuse", self.target) if turn % 2 else ("withdraw", self.source))
            told = {"reason": "no contract"} if way == "refuse" else {}
            self.write(by, f"/v1/transfers/{case['id']}/{way}", told, {"if-match": "*"})


class Play:
    """The writers over a run."""

    def __init__(self, servers, people):
        self.bases, self.people, self.ledger = servers.bases, people, Ledger()
        self.is_over, self.is_paused, self.idlers = False, threading.Event(), set()
        self.resumed = threading.Condition()
        street = Caller(self.bases, people.find("of a street"), people.password)
        street.sign_in()
        self.street = street.patiently("GET", "/v1/me")[1]["offices"][0]["organization"]["id"]
        source = Caller(self.bases, people.find("of a graduating class"), people.password)
        source.sign_in()
        home = source.patiently("GET", "/v1/me")[1]["offices"][0]["organization"]["id"]
        page = source.patiently("GET", f"/v1/organizations/{home}/members?limit=200")[1]["items"]
        self.members = [one["id"] for one in page
                        if one.get("standing") == "good" and one.get("certification") != "not_certified"]
        self.writers = [Writer(number, self) for number in range(WRITERS)]
        for writer in self.writers:
            writer.start()

    def idle(self, writer):
        with self.resumed:
            self.idlers.add(writer)
            self.resumed.wait_for(lambda: not self.is_paused.is_set())
            self.idlers.discard(writer)

    def pause(self):
        self.is_paused.set()
        until("every open request answered", 90, lambda: len(self.idlers) == WRITERS)

    def resume(self):
        with self.resumed:
            self.is_paused.clear()
            self.resumed.notify_all()


def check(node, ledger):
    """What is wrong in the promoted database: acknowledged writes that are missing, and effects that happened twice."""
    with node.connect(timeout=5) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT request_id FROM audit_log WHERE request_id LIKE 'w%'")
        effects = {}
        for (request,) in cursor.fetchall():
            key = request.rsplit("-", 1)[0]
            effects[key] = effects.get(key, 0) + 1
        cursor.execute("SELECT key FROM idempotency_keys")
        kept = {key for (key,) in cursor.fetchall()}
        cursor.execute("SELECT count(*) FROM (SELECT transfer_id FROM transfer_events GROUP BY transfer_id "
                       "HAVING count(*) <> max(number)) AS gaps")
        gaps = cursor.fetchone()[0]
        cursor.execute("SELECT count(*) FROM transfers t WHERE version <> "
                       "(SELECT count(*) FROM transfer_events WHERE transfer_id = t.id)")
        gaps += cursor.fetchone()[0]
    acknowledged = {key for key, _ in ledger.writes}
    return {
        "lost": sorted(key for key in acknowledged if key not in effects or key not in kept),
        "twice": sorted(key for key, times in effects.items() if times > 1),
        "unasked": sorted(key for key in ledger.refused if key in effects),
        "gaps": gaps,
    }


def cycle(cluster, play):
    """Kills the primary; returns what was found and the times from the promotion, in milliseconds."""
    import psycopg2
    cluster.await_health()
    play.resume()
    time.sleep(3)
    old = cluster.primary()
    others = [node for node in cluster.nodes if node is not old]
    stopped = []
    if cluster.is_control:
        stopped = [pid for pid in (node.receiver() for node in others) if pid]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(1)
    old.kill()
    killed = time.monotonic()
    for pid in stopped:
        # It ends before it reads on: what had not been received is gone with the primary. Killed, it would take its whole
        # server down with it, and the old primary would be back before any other is ready.
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGCONT)
    promoted = {}
    is_over = lambda: promoted.get("bare") or time.monotonic() - killed >= 60

    def watch(node):
        """The promotion, and the first commit of a bare client after it."""
        while not is_over():
            try:
                connection = node.connect("postgres", timeout=1)
                connection.autocommit = True
                cursor = connection.cursor()
                while not is_over():
                    cursor.execute("SELECT pg_is_in_recovery()")
                    if not cursor.fetchone()[0]:
                        promoted.setdefault("node", node)
                        promoted.setdefault("at", time.monotonic())
                        cursor.execute("INSERT INTO first_commits VALUES (0)")
                        promoted.setdefault("bare", time.monotonic())
                    time.sleep(0.005)
            except psycopg2.Error:
                time.sleep(0.02)

    watchers = [threading.Thread(target=watch, args=(node,)) for node in others]
    for watcher in watchers:
        watcher.start()
    for watcher in watchers:
        watcher.join()
    if "bare" not in promoted:
        raise SystemExit("FAILED: nobody was promoted within a minute")
    at = promoted["at"]
    served = until("a served write", 30, lambda: next((t for t in list(play.ledger.answered_at) if t >= at), None))
    time.sleep(1)
    play.pause()
    found = check(promoted["node"], play.ledger)
    return found, {"promoted": at - killed, "bare": promoted["bare"] - at, "served": served - at}


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def report(cluster, play, cycles, times, faults):
    ledger = play.ledger
    kind = "asynchronous (control)" if cluster.is_control else "synchronous, strict"
    print(f"\n### {time.strftime('%Y-%m-%d')}: replication {kind}, {cycles} cycles\n")
    print("| | |\n|---|---|")
    print(f"| writes answered with 2xx | {len(ledger.writes)} |")
    print(f"| of all writes, sent more than once under their key | {ledger.retried} |")
    print(f"| answered with 500 | {len(ledger.wrong)} |")
    for name, what in (("lost", "acknowledged and not in the promoted database, or without audit row"),
                       ("twice", "with more than one effect"), ("unasked", "refused and yet with an effect"),
                       ("gaps", "cases whose events have gaps or do not match their version")):
        value = faults[name]
        print(f"| {what} | {value if isinstance(value, int) else len(value)} |")
    print("\n| seconds | p50 | p99 | greatest |\n|---|---|---|---|")
    for name, what in (("promoted", "from the kill to the promotion (Patroni)"),
                       ("bare", "from the promotion to the first commit of a bare client"),
                       ("served", "from the promotion to the first write served")):
        values = [one[name] for one in times]
        print(f"| {what} | {percentile(values, .5):.2f} | {percentile(values, .99):.2f} | {max(values):.2f} |")


def run(options, home):
    processes = Processes(home)
    try:
        cluster = Cluster(home, processes, options.control)
        cluster.start()
        servers = Servers(os.path.abspath(options.binary), cluster, processes)
        people = servers.load()
        servers.start()
        play = Play(servers, people)
        times, faults = [], {"lost": set(), "twice": set(), "unasked": set(), "gaps": 0}
        for number in range(1, options.cycles + 1):
            found, taken = cycle(cluster, play)
            times.append(taken)
            for name in ("lost", "twice", "unasked"):
                faults[name].update(found[name])
            faults["gaps"] += found["gaps"]
            shown = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in taken.items())
            print(f"cycle {number}: {shown}; {len(play.ledger.writes)} acknowledged, {len(found['lost'])} lost", flush=True)
        alive = sum(process.poll() is None for process in processes.running[-2:])
        play.is_over = True
        is_whole = servers.verify()
        report(cluster, play, options.cycles, times, faults)
        if options.control:
            return bool(faults["lost"])
        late = percentile([one["served"] for one in times], .99) > 1.0
        return alive == 2 and is_whole and not (late or play.ledger.wrong or any(faults.values()))
    finally:
        processes.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cycles", type=int, default=10)
    parser.add_argument("--binary", default="target/release/zhuanjie")
    parser.add_argument("--control", action="store_true", help="asynchronous replication: writes must get lost")
    parser.add_argument("--keep", action="store_true", help="keep the directory with the logs")
    options = parser.parse_args()
    install()
    home = tempfile.mkdtemp(prefix="failover-")
    os.chmod(home, 0o777)
    try:
        is_good = run(options, home)
    finally:
        if options.keep:
            print(f"logs: {home}")
        else:
            shutil.rmtree(home, ignore_errors=True)
    print("\n" + ("PASSED" if is_good else "FAILED"))
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
