"""The container-credentials endpoint: a process of its own that answers AWS SDKs on loopback, from memory.

Run as `python -I -S -E endpoint.py`. This one file is all it needs: it can be written to a machine that has nothing
but Python 3.8, and run there. It is a process because an endpoint in a thread does not answer while its interpreter
sits in one long C call. It imports neither socket nor json, which would double the time it takes to start.

Standard input, one command a line, the words parted by one space:

    token TOKEN                    what clients must send as Authorization; until it is here, all are refused
    put PATH STATUS UNTIL BODY     from now on answer PATH with BODY; after UNTIL, seconds since the epoch, with 503.
                                   BODY is JSON in one line, in ASCII: credentials, or {"code": ..., "message": ...}
    drop PATH                      answer PATH no more
    remove FILE                    a file, or a folder empty by then, to be removed when this process ends

PATH begins with a slash and is written as in a URL. What is no command is skipped.

Standard output, one JSON object a line:

    {"port": 43211}                                        once, first: it listens on 127.0.0.1 there
    {"path": "/Analyst", "asked": 1764000000.0, "times": 3}
                                                           asked for when last, and how often since it began; soon
                                                           after the first time, then at most five times a second

Nobody needs to read that: while the pipe is full, only the reports wait. The process ends at the end of standard
input, and also when its parent is gone, for a process forked from the parent may hold the pipe open. Put into a
session of its own by its parent, it does not hear the signals that are sent to the parent's group.

Who is refused learns nothing: a wrong token, a Host that is not a loopback name (a web page by DNS rebinding), another
method than GET and nonsense all get the same answer. The shape of the answers:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

import _socket
import _thread
import os
import select
import time
from _operator import _compare_digest as compare_digest  # what hmac falls back on, without OpenSSL's 4 MB

TYPE_CHECKING = False  # as in typing, which would take longer to import than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable

HOSTS = (b"127.0.0.1", b"localhost", b"[::1]")
LONGEST = 16384
"""Bytes of a request."""
PATIENCE = 5.0
"""Seconds that a client has."""
CROWD = 128
"""Connections at once; one more costs the oldest its place."""
AT_ONCE = 32
"""Connections taken in before those that are there are looked at: fewer than the crowd, so that each has its turn."""
LOOK_ROUND = 0.5
"""Seconds between two looks at whether the parent is still there."""
REPORT_PAUSE = 0.2
"""Seconds between two reports."""

REASONS = {200: "OK", 403: "Forbidden", 404: "Not Found", 503: "Service Unavailable"}


def response(status: int, body: bytes) -> bytes:
    """An HTTP answer, after which the connection is closed."""
    head = (
        f"HTTP/1.1 {status} {REASONS.get(status, 'Error')}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body


REFUSED = response(403, b'{"code":"AccessDenied","message":"Refused."}')
UNKNOWN = response(404, b'{"code":"NotFound","message":"No role is shared here."}')
OVER = response(
    503,
    b'{"code":"ExpiredToken","message":"The AWS keys shared here are over and no new ones have come. Look into the'
    b' notebook that shares them: is its kernel running, and is somebody signed in?"}',
)


class Answers:
    """What is answered to whom, and who asked; fed by one thread, read by another."""

    def __init__(self) -> None:
        self.token = b""
        self.by_path: dict[bytes, tuple[float, bytes]] = {}
        self.remove: list[bytes] = []
        self.asked: dict[bytes, tuple[float, int]] = {}
        self.news = _thread.allocate_lock()
        self.news.acquire()

    def obey(self, line: bytes) -> None:
        """Does what one line of standard input says."""
        verb, _, rest = line.partition(b" ")
        words = rest.split(b" ", 3)
        if verb == b"token":
            self.token = rest
        elif verb == b"put" and len(words) == 4:
            self.by_path[words[0]] = (float(words[2]), response(int(words[1]), words[3]))
        elif verb == b"drop":
            self.by_path.pop(rest, None)
        elif verb == b"remove":
            self.remove.append(rest)

    def answer(self, request: bytes) -> bytes:
        """The answer to a whole request's head."""
        path = self.allowed_path(request)
        if path is None:
            return REFUSED
        until, answer = self.by_path.get(path, (0.0, UNKNOWN))
        if answer is UNKNOWN:
            return answer
        now = time.time()
        self.asked[path] = (now, self.asked.get(path, (now, 0))[1] + 1)
        if self.news.locked():
            self.news.release()
        return answer if now < until else OVER

    def allowed_path(self, request: bytes) -> bytes | None:
        """Which path is asked for; None for whoever is not to be answered."""
        lines = request.split(b"\r\n")
        words = lines[0].split(b" ")
        fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines[1:])]
        hosts = [value for name, value in fields if name == b"host"]
        tokens = [value for name, value in fields if name == b"authorization"]
        if len(hosts) != 1 or len(tokens) != 1 or len(words) != 3:
            return None
        known = bool(self.token) and compare_digest(tokens[0], self.token)
        host, colon, port = hosts[0].lower().rpartition(b":")
        local = hosts[0].lower() in HOSTS or (host in HOSTS and colon == b":" and port.isdigit())
        return words[1] if known and local and words[0] == b"GET" else None


class Connection:
    """One client: what it has sent, and what it still is to get."""

    def __init__(self, fileno: int, answers: Answers) -> None:
        self.answers = answers
        self.socket = _socket.socket(fileno=fileno)
        self.socket.setblocking(False)
        self.until = time.monotonic() + PATIENCE
        self.received = b""
        self.to_send = b""

    def fileno(self) -> int:
        """For select."""
        return self.socket.fileno()

    def read(self) -> bool:
        """Takes in what has come; returns whether the connection goes on."""
        part = self.socket.recv(LONGEST)
        self.received += part
        head, end, _ = self.received.partition(b"\r\n\r\n")
        if end:
            self.to_send = self.answers.answer(head)
        elif len(self.received) > LONGEST:
            self.to_send = REFUSED
        elif part:
            return True
        return self.send()

    def send(self) -> bool:
        """Sends what fits; returns whether there is more."""
        self.to_send = self.to_send[self.socket.send(self.to_send) :] if self.to_send else b""
        return bool(self.to_send)


class Server:
    """The listener and its clients, none of which can hold up another.

    Args:
        answers: What it answers from.
        parent: The process without which there is nobody to serve for.
    """

    def __init__(self, answers: Answers, parent: int) -> None:
        self.answers = answers
        self.parent = parent
        self.connections: dict[int, Connection] = {}
        self.listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(CROWD)
        self.listener.setblocking(False)
        self.port: int = self.listener.getsockname()[1]

    def serve(self) -> None:
        """Answers until the parent is gone."""
        look_at = time.monotonic() + LOOK_ROUND
        while True:
            if time.monotonic() > look_at:
                # Not sooner: what the parent said last has been heard by now.
                if os.getppid() != self.parent:
                    return
                look_at = time.monotonic() + LOOK_ROUND
            clients = list(self.connections.values())
            reading: list[_socket.socket | Connection] = [client for client in clients if not client.to_send]
            writing = [client for client in clients if client.to_send]
            readable, writable, _ = select.select([self.listener, *reading], writing, [], LOOK_ROUND)
            for client in clients:
                if client in readable or client in writable:
                    self.go_on(client, client.send if client.to_send else client.read)
            if self.listener in readable:
                self.take_in()
            for client in [each for each in clients if each.until < time.monotonic()]:
                self.leave(client)

    def go_on(self, client: Connection, step: Callable[[], bool]) -> None:
        """Takes one step with a client, and closes the connection when that was the last."""
        try:
            if step():
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.leave(client)

    def take_in(self) -> None:
        """Takes in those who wait."""
        for _ in range(AT_ONCE):
            try:
                # What socket.socket.accept calls; the stubs do not know it.
                fileno, _ = self.listener._accept()  # type: ignore[attr-defined]  # noqa: SLF001
            except OSError:
                return
            if len(self.connections) >= CROWD:
                self.leave(next(iter(self.connections.values())))
            self.connections[fileno] = Connection(fileno, self.answers)

    def leave(self, client: Connection) -> None:
        """Closes a connection."""
        if self.connections.pop(client.fileno(), None) is not None:
            client.socket.close()


def hear(answers: Answers) -> None:
    """Obeys standard input, and ends the process with it."""
    waiting = b""
    while True:
        try:
            part = os.read(0, 65536)
        except OSError:
            part = b""
        if not part:
            end(answers)
        *lines, waiting = (waiting + part).split(b"\n")
        for line in lines:
            try:
                answers.obey(line)
            except ValueError:
                continue


def report(answers: Answers) -> None:
    """Tells who asked; in a thread of its own, since nobody may be reading."""
    told: dict[bytes, int] = {}
    while True:
        answers.news.acquire()
        for path, (asked, times) in list(answers.asked.items()):
            if told.get(path) != times:
                told[path] = times
                say(f'{{"path": "{path.decode()}", "asked": {asked:.3f}, "times": {times}}}')
        time.sleep(REPORT_PAUSE)


def say(line: str) -> None:
    """Writes a line at once; a parent that reads no more misses nothing that it wanted."""
    try:
        os.write(1, line.encode() + b"\n")
    except OSError:
        return


def end(answers: Answers) -> None:
    """Removes what is to be removed, and ends the process."""
    for name in answers.remove:
        for remove in (os.unlink, os.rmdir):
            try:
                remove(name)
            except OSError:
                continue
    os._exit(0)


def main() -> None:
    """Serves for as long as there is somebody to serve for."""
    answers = Answers()
    server = Server(answers, os.getppid())
    say(f'{{"port": {server.port}}}')
    _thread.start_new_thread(hear, (answers,))
    _thread.start_new_thread(report, (answers,))
    try:
        server.serve()
    finally:
        end(answers)


if __name__ == "__main__":
    main()
