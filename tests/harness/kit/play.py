"""The play: writers who propose transfers and decide on them without end, and the ledger of their answers.

Each write has an Idempotency-Key, which is also its request id. A write without a certain answer (a broken connection,
429, 503, 507) is sent again under the same key until it has one. So at the end every write of the ledger is known to have
happened once, or not at all."""

import contextlib
import http.client
import json
import random
import threading
import time
from collections import Counter

from .stage import Broken, until

PASSWORD = "zhuanjie-demo"
#: Statuses that mean: try again later.
LATER = {429, 503, 507}


class NoAnswer(Exception):
    """The connection broke or timed out: the request may have had its effect."""


class Caller:
    """The connection of a person who is signed in."""

    def __init__(self, address, who, timeout=20):
        self.address, self.who, self.timeout = address, who, timeout
        self.connection, self.token = None, None

    def once(self, method, path, body=None, headers=None):
        """Sends one request. Returns the status, the body and the headers of the answer."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection(*self.address, timeout=self.timeout)
            payload = None if body is None else json.dumps(body)
            sent = {"content-type": "application/json", **(headers or {})}
            if self.token:
                sent["authorization"] = f"Bearer {self.token}"
            self.connection.request(method, path, payload, sent)
            answer = self.connection.getresponse()
            text = answer.read()
            if answer.will_close:
                self.drop()
            return answer.status, json.loads(text) if text else None, answer.headers
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.drop()
            raise NoAnswer(repr(error)) from error

    def drop(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def patiently(self, method, path, body=None, headers=None):
        for _ in range(600):
            with contextlib.suppress(NoAnswer):
                status, answer, found = self.once(method, path, body, headers)
                if status not in LATER:
                    return status, answer, found
            time.sleep(0.1)
        raise Broken(f"{method} {path}: no certain answer for a minute")

    def sign_in(self):
        number, office = self.who
        body = {"id_number": number, "password": PASSWORD, **({"office": office} if office else {})}
        self.token = None
        status, answer, _ = self.patiently("POST", "/v1/auth/sign-in", body)
        if status != 200:
            raise Broken(f"sign-in: {status} {answer}")
        self.token = answer["access_token"]

    def office(self):
        """The organization it acts for."""
        return self.patiently("GET", "/v1/me")[1]["offices"][0]["organization"]["id"]


class Write:
    """A write that got its certain answer."""

    __slots__ = ("key", "event", "case", "version", "status", "begun", "answered", "tries")

    def __init__(self, key, event, case, version, status, begun, answered, tries):
        self.key, self.event, self.case, self.version = key, event, case, version
        self.status, self.begun, self.answered, self.tries = status, begun, answered, tries


class Ledger:
    """The writes with a certain answer, in the order of the answers."""

    def __init__(self):
        self.lock = threading.Lock()
        self.done, self.refused = [], []
        self.replayed = 0
        #: The number of answers of each status. 0 stands for no answer.
        self.answers = Counter()
        #: Every attempt: when it was sent, how many seconds it took, and its status.
        self.tries = []

    def faults(self):
        """Answers that say the service itself failed."""
        return sum(times for status, times in self.answers.items() if status >= 500 and status not in LATER)

    def acknowledged(self):
        """All writes acknowledged up to now."""
        with self.lock:
            return list(self.done)


class Play:
    """Writers over a server."""

    def __init__(self, address, people, database, writers=8, completes=True):
        self.run = f"h{random.randrange(16 ** 6):06x}"
        self.address, self.ledger, self.completes = address, Ledger(), completes
        self.college = next(who for part, who in people.items() if "of a college" in part)
        self.street = next(who for part, who in people.items() if "of a street" in part)
        self.base = database.rows("SELECT coalesce(max(id), 0) FROM transfers")[0][0]
        source, target = Caller(address, self.college), Caller(address, self.street)
        source.sign_in()
        target.sign_in()
        self.tokens = {self.college: source.token, self.street: target.token}
        self.target = target.office()
        branches = target.patiently("GET", "/v1/organizations?subtree=true&kind=branch&limit=50")[1]["items"]
        self.branches = [branch["id"] for branch in branches if branch["id"] != self.target]
        self.members = self.find_members(source)
        self.over, self.goes_on = threading.Event(), threading.Event()
        self.goes_on.set()
        self.faults = []
        self.writers = [Writer(self, number, self.members[number::writers]) for number in range(writers)]

    @staticmethod
    def find_members(source):
        branches = source.patiently("GET", "/v1/organizations?subtree=true&kind=branch&limit=100")[1]["items"]
        found = []
        for branch in branches:
            path = f"/v1/organizations/{branch['id']}/members?limit=100"
            status, page, _ = source.patiently("GET", path)
            if status == 200:
                found += [one["id"] for one in page["items"]
                          if one.get("standing") == "good" and one.get("certification") != "not_certified"]
        if not found:
            raise Broken("there is no member to transfer")
        return found

    def start(self):
        for writer in self.writers:
            writer.start()

    def wait_for(self, writes, seconds=60):
        """Waits until this many more writes are acknowledged."""
        goal = len(self.ledger.done) + writes
        until(f"{writes} more acknowledged writes", seconds, lambda: self.faults or len(self.ledger.done) >= goal)
        self.raise_faults()

    @contextlib.contextmanager
    def rest(self):
        """Lets the writers begin no new case, so that they do not fill the disk while a copy of it is examined."""
        self.goes_on.clear()
        try:
            yield
        finally:
            self.goes_on.set()

    def finish(self, seconds=90):
        """Lets every writer get its last certain answer."""
        self.over.set()
        for writer in self.writers:
            writer.join(seconds)
            if writer.is_alive():
                raise Broken("a write got no certain answer")
        self.raise_faults()

    def raise_faults(self):
        if self.faults:
            raise Broken("; ".join(self.faults[:3]))


class Writer(threading.Thread):
    """Proposes transfers of some members. They are withdrawn, refused, or approved and assigned."""

    def __init__(self, play, number, members):
        super().__init__(daemon=True)
        self.play, self.number, self.count, self.members = play, number, 0, members
        self.source, self.target = Caller(play.address, play.college), Caller(play.address, play.street)
        self.random = random.Random(number)

    def run(self):
        try:
            turn = 0
            while not self.play.over.is_set():
                self.play.goes_on.wait()
                turn += 1
                self.transfer(turn)
        except Exception as fault:
            self.play.faults.append(f"writer {self.number}: {fault!r}")

    def transfer(self, turn):
        place = turn % len(self.members)
        proposed = self.write(self.source, "proposed", "/v1/transfers", {
            "member": {"id": self.members[place]}, "reason": "unsettled", "target": self.play.target,
            "details": {"home_address": {"division_code": "420111001", "text": "珞喻路1037号"}}})
        if proposed is None:
            # The rules do not allow a transfer of this member. The others are enough.
            del self.members[place]
            return
        case = proposed["id"]
        if self.play.completes and len(self.members) > 8 and turn % 5 == 0:
            self.write(self.target, "approved", f"/v1/transfers/{case}/approve", {}, 1)
            self.write(self.target, "assigned", f"/v1/transfers/{case}/assign",
                       {"branch": self.random.choice(self.play.branches)}, 2)
            del self.members[place]
        elif turn % 2:
            self.write(self.target, "refused", f"/v1/transfers/{case}/refuse", {"reason": "no contract"}, 1)
        else:
            self.write(self.source, "withdrawn", f"/v1/transfers/{case}/withdraw", {}, 1)

    def write(self, caller, event, path, body, version=None):
        """Sends one write until its answer is certain. Returns the case after it, or None if it was refused."""
        self.count += 1
        key = f"{self.play.run}-{self.number}-{self.count}"
        headers = {"idempotency-key": key, "x-request-id": key}
        if version:
            headers["if-match"] = f'"{version}"'
        ledger, tries, begun = self.play.ledger, 0, time.monotonic()
        while True:
            tries += 1
            caller.token = self.play.tokens[caller.who]
            sent = time.monotonic()
            try:
                status, answer, found = caller.once("POST", path, body, headers)
            except NoAnswer:
                status = 0
            with ledger.lock:
                ledger.answers[status] += 1
                ledger.tries.append((sent, time.monotonic() - sent, status))
            if status == 401:
                caller.sign_in()
                self.play.tokens[caller.who] = caller.token
            elif status >= 500 or status in LATER or status == 0:
                if status == 503 and not found["retry-after"]:
                    self.play.faults.append("503 without Retry-After")
                time.sleep(0.02)
                if tries > 3000:
                    raise Broken(f"{path}: no certain answer after {tries} tries")
            else:
                break
        now = time.monotonic()
        case = answer.get("id") if 200 <= status < 300 else None
        done = Write(key, event, case, answer.get("version"), status, begun, now, tries)
        with ledger.lock:
            ledger.replayed += found["idempotent-replayed"] == "true"
            (ledger.done if case else ledger.refused).append(done)
        if case is None and event != "proposed":
            raise Broken(f"{event}: {status} {answer.get('code')}")
        return answer if case else None
