"""The container-credentials endpoint: a process of its own that serves AWS SDKs on loopback, from memory.

`EndpointProcess` runs it as `python -I -S -E server.py`. It never calls AWS or Cognito, writes no file, and imports
nothing of this package: this one file can be copied to a machine that has only Python 3.8, and run there. It is a
process because an endpoint in a thread would not respond while the interpreter is in one long C call. It imports
neither socket nor json, which would double its start time.

Standard input, one command per line, the words separated by one space:

    token TOKEN                    what clients must send as Authorization; until then every request is refused
    set PATH STATUS UNTIL BODY     respond to PATH with BODY; after UNTIL, in seconds since the epoch, with 503.
                                   BODY is JSON on one line, in ASCII: credentials, or {"code": ..., "message": ...}
    remove FILE                    a file, or a folder that is empty by then, to remove when this process ends

PATH begins with a slash and is written as in a URL. Unknown and malformed commands are ignored.

Standard output, one JSON object per line:

    {"port": 43211}                                        first, and once: the port on 127.0.0.1
    {"path": "/Analyst", "last": 1764000000.0, "count": 3}
                                                           the time of the last request and the number of requests;
                                                           soon after the first one, then at most five times a second

The parent need not read the reports: while the pipe is full, only the reports wait. The process ends at the end of
standard input, and also when its parent has ended, because a process forked from the parent may hold the pipe open. The
parent starts it in a session of its own, so that it does not receive the signals sent to the parent's group.

A refused client learns nothing: a wrong token, a Host that is not a loopback name (a web page by DNS rebinding), a
method other than GET, and anything malformed all get the same response. Source of the response's form:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

import _socket
import _thread
import os
import select
import time
from _operator import _compare_digest as compare_digest  # what hmac falls back on, without OpenSSL's 4 MB

LOOPBACK_HOSTS = (b"127.0.0.1", b"localhost", b"[::1]")
MAX_REQUEST_BYTES = 16384
CLIENT_TIMEOUT = 5.0
"""Seconds after which a connection is closed."""
MAX_CONNECTIONS = 128
"""Open connections; one more closes the oldest."""
ACCEPT_BATCH = 32
"""Connections accepted before the open ones are served: fewer than the maximum, so that each is served once."""
POLL_INTERVAL = 0.5
"""Seconds between two checks whether the parent still runs."""
REPORT_INTERVAL = 0.2
"""Seconds between two reports."""

REASONS = {200: "OK", 403: "Forbidden", 404: "Not Found", 503: "Service Unavailable"}


def http_response(status: int, body: bytes) -> bytes:
    """Returns an HTTP response that closes the connection.

    Args:
        status: The HTTP status.
        body: JSON.
    """
    head = (
        f"HTTP/1.1 {status} {REASONS.get(status, 'Error')}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body


FORBIDDEN = http_response(403, b'{"code":"AccessDenied","message":"Refused."}')
NOT_FOUND = http_response(404, b'{"code":"NotFound","message":"No role is shared at this path."}')
EXPIRED = http_response(
    503,
    b'{"code":"ExpiredToken","message":"The shared AWS credentials have expired, and no new ones have come. Check the'
    b' notebook that shares them: is its kernel running, and are you signed in?"}',
)


class Responses:
    """The response for each path, and how often each was requested.

    The thread of `read_commands` writes the responses; the main thread reads them and counts the requests.

    Attributes:
        token: The bearer token; empty until the parent has sent it.
        by_path: For each path the time until which its response is valid, and the response.
        files_to_remove: What to remove when the process ends.
        requests: For each path the time of the last request and the number of requests.
        unreported: A lock that is released when there is something to report, and so works as an event.
    """

    def __init__(self) -> None:
        self.token = b""
        self.by_path: dict[bytes, tuple[float, bytes]] = {}
        self.files_to_remove: list[bytes] = []
        self.requests: dict[bytes, tuple[float, int]] = {}
        self.unreported = _thread.allocate_lock()
        self.unreported.acquire()

    def handle_command(self, line: bytes) -> None:
        """Executes one line of standard input."""
        command, _, arguments = line.partition(b" ")
        words = arguments.split(b" ", 3)
        if command == b"token":
            self.token = arguments
        elif command == b"set" and len(words) == 4:
            self.by_path[words[0]] = (float(words[2]), http_response(int(words[1]), words[3]))
        elif command == b"remove":
            self.files_to_remove.append(arguments)

    def respond(self, request: bytes) -> bytes:
        """Returns the response to a complete request head."""
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
        """Returns the requested path; None for a request that must be refused."""
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
    """One client: what it has sent, and what is still to be sent to it.

    Args:
        fileno: The accepted socket.
        responses: The responses to serve.
    """

    def __init__(self, fileno: int, responses: Responses) -> None:
        self.responses = responses
        self.socket = _socket.socket(fileno=fileno)
        self.socket.setblocking(False)
        self.deadline = time.monotonic() + CLIENT_TIMEOUT
        self.received = b""
        self.to_send = b""

    def fileno(self) -> int:
        """Returns the file descriptor, for select."""
        return self.socket.fileno()

    def receive(self) -> bool:
        """Reads what the client has sent; returns whether to keep the connection open."""
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
        """Sends as much as the socket accepts; returns whether there is more."""
        self.to_send = self.to_send[self.socket.send(self.to_send) :] if self.to_send else b""
        return bool(self.to_send)


class Server:
    """The listener and its clients, none of which can delay another.

    Args:
        responses: The responses to serve.
        parent: The process id of the parent; the server ends with it.
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
        """Serves until the parent has ended."""
        next_parent_check = time.monotonic() + POLL_INTERVAL
        while True:
            if time.monotonic() > next_parent_check:
                # Not at once: by now the commands that the parent sent last have been read.
                if os.getppid() != self.parent:
                    return
                next_parent_check = time.monotonic() + POLL_INTERVAL
            clients = list(self.connections.values())
            reading: list[_socket.socket | Connection] = [client for client in clients if not client.to_send]
            writing = [client for client in clients if client.to_send]
            readable, writable, _ = select.select([self.listener, *reading], writing, [], POLL_INTERVAL)
            for client in clients:
                if client in readable or client in writable:
                    self.step(client)
            if self.listener in readable:
                self.accept()
            for client in [each for each in clients if each.deadline < time.monotonic()]:
                self.disconnect(client)

    def step(self, client: Connection) -> None:
        """Receives from or sends to a client, and disconnects it when it is done or has failed."""
        try:
            if client.send() if client.to_send else client.receive():
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.disconnect(client)

    def accept(self) -> None:
        """Accepts the waiting connections."""
        for _ in range(ACCEPT_BATCH):
            try:
                # What socket.socket.accept calls; the stubs do not know it.
                fileno, _ = self.listener._accept()  # type: ignore[attr-defined]  # noqa: SLF001 - see above
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
    """Executes the commands on standard input, and ends the process at its end; runs in a thread."""
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
    """Reports the requests; runs in a thread, which blocks while the parent does not read."""
    reported: dict[bytes, int] = {}
    while True:
        responses.unreported.acquire()
        for path, (last, count) in list(responses.requests.items()):
            if reported.get(path) != count:
                reported[path] = count
                write_line(f'{{"path": "{path.decode()}", "last": {last:.3f}, "count": {count}}}')
        time.sleep(REPORT_INTERVAL)


def write_line(line: str) -> None:
    """Writes a line to standard output; a closed pipe is ignored, since then the parent does not want the reports."""
    try:
        os.write(1, line.encode() + b"\n")
    except OSError:
        return


def shut_down(responses: Responses) -> None:
    """Removes the files, and ends the process."""
    for name in responses.files_to_remove:
        for remove in (os.unlink, os.rmdir):
            try:
                remove(name)
            except OSError:
                continue
    os._exit(0)


def main() -> None:
    """Serves until the parent ends."""
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
