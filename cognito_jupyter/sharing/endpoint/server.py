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

LOOPBACK_HOSTS = (b"127.0.0.1", b"localhost", b"[::1]")
MAX_REQUEST_BYTES = 16384
"""Bytes of a request."""
CLIENT_TIMEOUT = 5.0
"""Seconds that a client has."""
MAX_CONNECTIONS = 128
"""Connections at once; one more costs the oldest its place."""
ACCEPT_BATCH = 32
"""Connections taken in before those that are there are looked at: fewer than the crowd, so that each has its turn."""
POLL_INTERVAL = 0.5
"""Seconds between two looks at whether the parent is still there."""
REPORT_INTERVAL = 0.2
"""Seconds between two reports."""

REASONS = {200: "OK", 403: "Forbidden", 404: "Not Found", 503: "Service Unavailable"}


def http_response(status: int, body: bytes) -> bytes:
    """An HTTP answer, after which the connection is closed."""
    head = (
        f"HTTP/1.1 {status} {REASONS.get(status, 'Error')}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body


FORBIDDEN = http_response(403, b'{"code":"AccessDenied","message":"Refused."}')
NOT_FOUND = http_response(404, b'{"code":"NotFound","message":"No role is shared here."}')
EXPIRED = http_response(
    503,
    b'{"code":"ExpiredToken","message":"The AWS keys shared here are over and no new ones have come. Look into the'
    b' notebook that shares them: is its kernel running, and is somebody signed in?"}',
)


class Responses:
    """What is answered to whom, and who asked; fed by one thread, read by another."""

    def __init__(self) -> None:
        self.token = b""
        self.by_path: dict[bytes, tuple[float, bytes]] = {}
        self.files_to_remove: list[bytes] = []
        self.requests: dict[bytes, tuple[float, int]] = {}
        self.unreported = _thread.allocate_lock()
        self.unreported.acquire()

    def handle_command(self, line: bytes) -> None:
        """Does what one line of standard input says."""
        command, _, arguments = line.partition(b" ")
        words = arguments.split(b" ", 3)
        if command == b"token":
            self.token = arguments
        elif command == b"put" and len(words) == 4:
            self.by_path[words[0]] = (float(words[2]), http_response(int(words[1]), words[3]))
        elif command == b"drop":
            self.by_path.pop(arguments, None)
        elif command == b"remove":
            self.files_to_remove.append(arguments)

    def respond(self, request: bytes) -> bytes:
        """The answer to a whole request's head."""
        path = self.authorized_path(request)
        if path is None:
            return FORBIDDEN
        until, response = self.by_path.get(path, (0.0, NOT_FOUND))
        if response is NOT_FOUND:
            return response
        now = time.time()
        self.requests[path] = (now, self.requests.get(path, (now, 0))[1] + 1)
        if self.unreported.locked():
            self.unreported.release()
        return response if now < until else EXPIRED

    def authorized_path(self, request: bytes) -> bytes | None:
        """Which path is asked for; None for whoever is not to be answered."""
        lines = request.split(b"\r\n")
        words = lines[0].split(b" ")
        fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines[1:])]
        hosts = [value for name, value in fields if name == b"host"]
        tokens = [value for name, value in fields if name == b"authorization"]
        if len(hosts) != 1 or len(tokens) != 1 or len(words) != 3:
            return None
        authenticated = bool(self.token) and compare_digest(tokens[0], self.token)
        host, colon, port = hosts[0].lower().rpartition(b":")
        is_loopback = hosts[0].lower() in LOOPBACK_HOSTS or (
            host in LOOPBACK_HOSTS and colon == b":" and port.isdigit()
        )
        return words[1] if authenticated and is_loopback and words[0] == b"GET" else None


class Connection:
    """One client: what it has sent, and what it still is to get."""

    def __init__(self, fileno: int, responses: Responses) -> None:
        self.responses = responses
        self.socket = _socket.socket(fileno=fileno)
        self.socket.setblocking(False)
        self.deadline = time.monotonic() + CLIENT_TIMEOUT
        self.received = b""
        self.to_send = b""

    def fileno(self) -> int:
        """For select."""
        return self.socket.fileno()

    def receive(self) -> bool:
        """Takes in what has come; returns whether the connection goes on."""
        chunk = self.socket.recv(MAX_REQUEST_BYTES)
        self.received += chunk
        head, end, _ = self.received.partition(b"\r\n\r\n")
        if end:
            self.to_send = self.responses.respond(head)
        elif len(self.received) > MAX_REQUEST_BYTES:
            self.to_send = FORBIDDEN
        elif chunk:
            return True
        return self.send()

    def send(self) -> bool:
        """Sends what fits; returns whether there is more."""
        self.to_send = self.to_send[self.socket.send(self.to_send) :] if self.to_send else b""
        return bool(self.to_send)


class Server:
    """The listener and its clients, none of which can hold up another.

    Args:
        responses: What it answers from.
        parent: The process without which there is nobody to serve for.
    """

    def __init__(self, responses: Responses, parent: int) -> None:
        self.responses = responses
        self.parent = parent
        self.connections: dict[int, Connection] = {}
        self.listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(MAX_CONNECTIONS)
        self.listener.setblocking(False)
        self.port: int = self.listener.getsockname()[1]

    def serve(self) -> None:
        """Answers until the parent is gone."""
        next_parent_check = time.monotonic() + POLL_INTERVAL
        while True:
            if time.monotonic() > next_parent_check:
                # Not sooner: what the parent said last has been heard by now.
                if os.getppid() != self.parent:
                    return
                next_parent_check = time.monotonic() + POLL_INTERVAL
            clients = list(self.connections.values())
            reading: list[_socket.socket | Connection] = [client for client in clients if not client.to_send]
            writing = [client for client in clients if client.to_send]
            readable, writable, _ = select.select([self.listener, *reading], writing, [], POLL_INTERVAL)
            for client in clients:
                if client in readable or client in writable:
                    self.step(client, client.send if client.to_send else client.receive)
            if self.listener in readable:
                self.accept()
            for client in [each for each in clients if each.deadline < time.monotonic()]:
                self.disconnect(client)

    def step(self, client: Connection, action: Callable[[], bool]) -> None:
        """Takes one step with a client, and closes the connection when that was the last."""
        try:
            if action():
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.disconnect(client)

    def accept(self) -> None:
        """Takes in those who wait."""
        for _ in range(ACCEPT_BATCH):
            try:
                # What socket.socket.accept calls; the stubs do not know it.
                fileno, _ = self.listener._accept()  # type: ignore[attr-defined]  # noqa: SLF001
            except OSError:
                return
            if len(self.connections) >= MAX_CONNECTIONS:
                self.disconnect(next(iter(self.connections.values())))
            self.connections[fileno] = Connection(fileno, self.responses)

    def disconnect(self, client: Connection) -> None:
        """Closes a connection."""
        if self.connections.pop(client.fileno(), None) is not None:
            client.socket.close()


def read_commands(responses: Responses) -> None:
    """Obeys standard input, and ends the process with it."""
    buffer = b""
    while True:
        try:
            chunk = os.read(0, 65536)
        except OSError:
            chunk = b""
        if not chunk:
            shut_down(responses)
        *lines, buffer = (buffer + chunk).split(b"\n")
        for line in lines:
            try:
                responses.handle_command(line)
            except ValueError:
                continue


def write_reports(responses: Responses) -> None:
    """Tells who asked; in a thread of its own, since nobody may be reading."""
    reported: dict[bytes, int] = {}
    while True:
        responses.unreported.acquire()
        for path, (last_request, count) in list(responses.requests.items()):
            if reported.get(path) != count:
                reported[path] = count
                write_line(f'{{"path": "{path.decode()}", "asked": {last_request:.3f}, "times": {count}}}')
        time.sleep(REPORT_INTERVAL)


def write_line(line: str) -> None:
    """Writes a line at once; a parent that reads no more misses nothing that it wanted."""
    try:
        os.write(1, line.encode() + b"\n")
    except OSError:
        return


def shut_down(responses: Responses) -> None:
    """Removes what is to be removed, and ends the process."""
    for name in responses.files_to_remove:
        for remove in (os.unlink, os.rmdir):
            try:
                remove(name)
            except OSError:
                continue
    os._exit(0)


def main() -> None:
    """Serves for as long as there is somebody to serve for."""
    responses = Responses()
    server = Server(responses, os.getppid())
    write_line(f'{{"port": {server.port}}}')
    _thread.start_new_thread(read_commands, (responses,))
    _thread.start_new_thread(write_reports, (responses,))
    try:
        server.serve()
    finally:
        shut_down(responses)


if __name__ == "__main__":
    main()
