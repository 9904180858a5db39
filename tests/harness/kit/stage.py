"""The stage: a directory, the program, databases of both engines, and servers. All of it is removed at the end."""

import contextlib
import csv
import glob
import http.client
import io
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

#: The exit status of a harness that can not run here: neither passed nor failed.
CANNOT_RUN = 77


class CannotRun(Exception):
    """This machine lacks what the harness needs."""


class Broken(Exception):
    """A promise was not kept, and the run can not continue."""


def say(text):
    print(f"[{time.strftime('%H:%M:%S', time.gmtime())}] {text}", file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, seconds, condition, pause=0.02):
    """Waits for a condition and returns what it returned."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(pause)
    raise Broken(f"{what}: not within {seconds} s")


def run(*command, **options):
    """Runs a command to its end and returns what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        raise CannotRun(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Stage(contextlib.ExitStack):
    """A directory and everything started in it. It is undone in reverse order."""

    def __init__(self, binary, keep=False):
        super().__init__()
        # In memory if there is room, because many runs write gigabytes that are not kept.
        roomy = os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > 4 << 30
        self.home = tempfile.mkdtemp(prefix="zhuanjie-harness-", dir="/dev/shm" if roomy else None)
        # PostgreSQL's processes run as another user.
        os.chmod(self.home, 0o755)
        if keep:
            self.callback(say, f"left in {self.home}")
        else:
            self.callback(shutil.rmtree, self.home, ignore_errors=True)
        self.binary = os.path.abspath(binary)
        # The load generator is next to the service.
        self.bench = f"{self.binary}-bench"
        self.environment = {"PATH": os.environ["PATH"], "RUST_LOG": "warn", **keys(self.binary)}
        # The writers are a few accounts at one address. The rate limit is not tested here.
        self.environment |= {"ZHUANJIE_ACCOUNT_BUDGET": "0", "ZHUANJIE_ADDRESS_BUDGET": "0"}
        # All clients come from one address, and nobody asks whether a server is ready before it is stopped.
        self.environment |= {"ZHUANJIE_ADDRESS_CONNECTIONS": "0", "ZHUANJIE_DRAIN": "0"}
        self.environment["ZHUANJIE_FILES"] = f"{self.home}/files"

    def program(self, *arguments, url, binary=None, **options):
        """Runs the program, or another one, to its end. Returns its status and everything it printed."""
        done = subprocess.run([binary or self.binary, *arguments], env={**self.environment, "DATABASE_URL": url},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
        return done.returncode, done.stdout

    def verify(self, url):
        """Runs `zhuanjie verify`. Returns whether every invariant holds, and its lines."""
        status, said = self.program("verify", url=url)
        if status:
            say(said)
        return status == 0, said

    def build_country(self, url, members=2000):
        """Builds an invented country. Returns its people by their roles."""
        with open(f"{self.home}/demo.log", "w+") as log:
            demo = subprocess.Popen([self.binary, "demo", "--members", str(members), "--at", "now", "--own-keys",
                                     "--listen", "127.0.0.1:0"],
                                    env={**self.environment, "DATABASE_URL": url, "RUST_LOG": "info"}, stdout=log, stderr=log)
            try:
                def told():
                    with open(log.name) as text:
                        said = text.read()
                    if demo.poll() is not None:
                        raise Broken(f"the country could not be built:\n{said}")
                    # The welcome text comes before the line with the address.
                    return said if "listening on" in said and "Ctrl-C" in said else None
                said = until("an invented country", 300, told)
            finally:
                demo.terminate()
                demo.wait(60)
        entries = re.findall(r"\n  (\d{17}[\dX])  \S+  (\S+)\n(?:      office  (\S+)\n)?      \S+?[:：].*\n      (.+?): ", said)
        return {english: (number, office or None) for number, _, office, english in entries}


def keys(binary):
    """Keys for the environment. They are our own, so that `serve` accepts them and tokens stay valid across restarts."""
    lines = dict(line.split("=", 1) for line in run(binary, "keys").splitlines() if "=" in line)
    return {name: value.strip("'") for name, value in lines.items()}


class Sqlite:
    """The embedded engine's file."""

    name = "SQLite"

    def __init__(self, path, aside=None):
        """`aside` is the directory of copies. The default is the directory of the file."""
        self.path, self.aside = path, aside or os.path.dirname(path)
        self.url = f"sqlite://{path}"

    def rows(self, query):
        # Not opened read-only, because then a log without its index could not be read. `query_only` prevents writes.
        connection = sqlite3.connect(self.path, timeout=10)
        try:
            connection.execute("PRAGMA query_only = ON")
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def change(self, *statements):
        connection = sqlite3.connect(self.path)
        with connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            for statement in statements:
                connection.execute(statement)
        connection.close()

    def copy(self, name):
        """A copy for experiments."""
        path = f"{self.aside}/{name}.sqlite"
        with contextlib.closing(sqlite3.connect(self.path)) as source, contextlib.closing(sqlite3.connect(path)) as target:
            source.backup(target)
        return Sqlite(path)


class Postgres:
    """A temporary PostgreSQL on loopback, durable as in production."""

    name = "PostgreSQL"

    def __init__(self, stage, data=None, log_directory=None):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: float(path.split("/")[4]))
        if not found:
            raise CannotRun("PostgreSQL's programs are not under /usr/lib/postgresql")
        self.programs, self.port = found[-1], free_port()
        self.data = data or f"{stage.home}/postgres"
        self.log = f"{stage.home}/postgres.log"
        self.database = "zhuanjie"
        for directory in filter(None, [self.data, log_directory]):
            os.makedirs(directory, exist_ok=True)
            self.run("chown", "postgres", directory, owner=False)
        self.run(f"{self.programs}/initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                 "--locale=C.UTF-8", "--data-checksums", *(["--waldir", log_directory] if log_directory else []))
        open(self.log, "a").close()
        os.chmod(self.log, 0o666)
        self.start()
        stage.callback(self.stop)
        self.psql("CREATE DATABASE zhuanjie", "postgres")

    @property
    def url(self):
        return f"postgres://postgres@127.0.0.1:{self.port}/{self.database}"

    def run(self, *command, owner=True):
        as_owner = ["runuser", "-u", "postgres", "--"] if owner and os.getuid() == 0 else []
        return run(*as_owner, *command, cwd="/")

    def start(self):
        settings = f"-c listen_addresses=127.0.0.1 -p {self.port} -c unix_socket_directories= -c lc_messages=C " \
                   f"-c max_connections=60 -c shared_buffers=128MB"
        self.run(f"{self.programs}/pg_ctl", "-D", self.data, "-l", self.log, "-w", "-t", "60", "-o", settings, "start")

    def stop(self):
        subprocess.run(["runuser", "-u", "postgres", "--", f"{self.programs}/pg_ctl", "-D", self.data, "-m", "immediate", "stop"],
                       capture_output=True, cwd="/")

    def postmaster(self):
        with open(f"{self.data}/postmaster.pid") as file:
            return int(file.readline())

    def processes(self):
        """The postmaster and its children."""
        parent = self.postmaster()
        children = run("ps", "-o", "pid=", "--ppid", str(parent)).split()
        return [parent, *map(int, children)]

    def signal(self, number):
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self):
        """`kill -9` of all processes. The postmaster comes first, so that it does not start a recovery."""
        doomed = self.processes()
        for pid in doomed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until("PostgreSQL's end", 10, lambda: not any(is_alive(pid) for pid in doomed))
        os.remove(f"{self.data}/postmaster.pid")

    def psql(self, query, database=None):
        return self.run(f"{self.programs}/psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-X", "-q", "--csv",
                        "-t", "-v", "ON_ERROR_STOP=1", "-d", database or self.database, "-c", query)

    def rows(self, query):
        def plain(cell):
            return int(cell) if cell.isdigit() else cell
        return [tuple(map(plain, row)) for row in csv.reader(io.StringIO(self.psql(query)))]

    def change(self, *statements):
        self.psql("; ".join(["SET session_replication_role = replica", *statements]))

    def copy(self, name):
        """A copy for experiments. There may be no connections to the database."""
        self.psql(f"CREATE DATABASE {name} TEMPLATE {self.database}", "postgres")
        other = object.__new__(Postgres)
        other.__dict__.update(self.__dict__, database=name)
        return other


def is_alive(pid):
    """Whether a process exists and is not a zombie."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def processor_seconds(pid):
    """The user and system time of a process up to now."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Server:
    """A server of ours on a database. Its address stays the same when it is started again."""

    def __init__(self, stage, url, *arguments, **environment):
        self.stage, self.url, self.arguments = stage, url, arguments
        self.address = ("127.0.0.1", free_port())
        self.environment = {**stage.environment, "DATABASE_URL": url, **environment}
        self.log = f"{stage.home}/server-{self.address[1]}.log"
        self.process = None
        stage.callback(self.kill)

    def start(self, seconds=30):
        """Starts the server and waits until it is ready. Returns how many seconds that took."""
        begun = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.stage.binary, "serve", "--listen", "%s:%d" % self.address, *self.arguments],
                                            env=self.environment, stdout=log, stderr=log, start_new_session=True)
        until("readiness", seconds, lambda: self.is_alive() and self.probe("/readyz")[0] == 200, 0.01)
        return time.monotonic() - begun

    def is_alive(self):
        if self.process.poll() is not None:
            raise Broken(f"the server ended on its own: {self.tail()}")
        return True

    def tail(self):
        with open(self.log, errors="replace") as log:
            return "".join(log.readlines()[-5:])

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self, seconds=40):
        self.process.terminate()
        status = self.process.wait(seconds)
        if status:
            raise Broken(f"the server ended with {status}: {self.tail()}")

    def probe(self, path, timeout=15, token=None):
        """One GET on a new connection. Returns its status, or 0 for no answer, and the seconds it took."""
        begun = time.monotonic()
        connection = http.client.HTTPConnection(*self.address, timeout=timeout)
        try:
            connection.request("GET", path, headers={"authorization": f"Bearer {token}"} if token else {})
            answer = connection.getresponse()
            answer.read()
            return answer.status, time.monotonic() - begun
        except (OSError, http.client.HTTPException):
            return 0, time.monotonic() - begun
        finally:
            connection.close()

    def processor_seconds(self):
        """The user and system time up to now."""
        return processor_seconds(self.process.pid)

    def memory(self):
        """Resident megabytes: now, the greatest so far, and now without what is mapped from files."""
        with open(f"/proc/{self.process.pid}/status") as file:
            found = dict(re.findall(r"(VmRSS|VmHWM|RssAnon):\s+(\d+) kB", file.read()))
        return tuple(int(found[name]) / 1024 for name in ("VmRSS", "VmHWM", "RssAnon"))
