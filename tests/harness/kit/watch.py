"""A client that sends the same request again and again, and records the time, the status and the duration of each."""

import http.client
import threading
import time

#: What an administrator reads.
READS = ("/v1/me", "/v1/transfers?limit=20", "/v1/inbox?kind=approval_in&limit=20")


class Watch(threading.Thread):
    """Requests one path at an interval in seconds, and waits for each answer."""

    def __init__(self, server, path, every, token=None, timeout=30):
        super().__init__(daemon=True)
        self.address, self.path, self.every, self.timeout = server.address, path, every, timeout
        self.headers = {"authorization": f"Bearer {token}"} if token else {}
        self.over = threading.Event()
        #: (instant of the request, seconds, status or 0 for no answer), in order.
        self.answers = []
        self.start()

    def run(self):
        connection = None
        while not self.over.is_set():
            begun = time.monotonic()
            try:
                connection = connection or http.client.HTTPConnection(*self.address, timeout=self.timeout)
                connection.request("GET", self.path, headers=self.headers)
                answer = connection.getresponse()
                answer.read()
                status = answer.status
                if answer.will_close:
                    connection = None
            except (OSError, http.client.HTTPException):
                connection, status = None, 0
            self.answers.append((begun, time.monotonic() - begun, status))
            self.over.wait(max(0, begun + self.every - time.monotonic()))

    def finish(self):
        self.over.set()
        self.join(self.timeout + 5)

    def between(self, begin, end):
        """The answers to requests sent in a span of time."""
        return [answer for answer in list(self.answers) if begin <= answer[0] < end]


def greatest(answers):
    return max((seconds for _, seconds, _ in answers), default=float("nan"))


def others(answers, *expected):
    """Answers with another status than expected."""
    return [answer for answer in answers if answer[2] not in expected]
