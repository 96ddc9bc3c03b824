"""The container-credentials endpoint: a process of its own that serves AWS SDKs on loopback, from memory.

`EndpointProcess` runs it as `python -I -S -E server.py LISTENER`. LISTENER is the descriptor of a listening socket that
the parent keeps open too: if this process is killed, no other program can take the port, and the next process goes on
with the connections that wait there. On Windows, where a descriptor is not inherited, it is `-`, and the first line of
standard input is the socket, as `socket.share` gives it, in hexadecimal. Without LISTENER it binds a port itself.

It never calls AWS or Cognito, writes no file, and imports nothing of this package: this one file can be copied to a
machine that has only Python 3.8, and run there. It is a process because an endpoint in a thread would not respond while
the interpreter is in one long C call. It imports neither socket nor json, which would double its start time.

Standard input, one command per line, the words separated by one space:

    token TOKEN                    what clients must send as Authorization; until then every request is refused
    set PATH STATUS UNTIL BODY     respond to PATH with BODY; after UNTIL, in seconds since the epoch, with 503.
                                   BODY is JSON on one line, in ASCII: credentials, or {"code": ..., "message": ...}.
                                   The path * stands for all paths that have no response of their own; without it,
                                   they get 404
    sync NUMBER                    report all requests so far and then the number, once the commands before are executed
    remove FILE                    a file, or a folder that is empty by then, to remove when this process ends
    serve                          begin to serve; it is needed only with LISTENER, where clients may wait already that
                                   must not be refused because the token or a response is not known yet

PATH begins with a slash and is written as in a URL. Unknown and malformed commands are ignored.

Standard output, one JSON object per line:

    {"port": 43211}                                        once, and first unless "sync" comes before it has begun:
                                                           it serves this port on 127.0.0.1
    {"path": "/Analyst", "last": 1764000000.0, "count": 3}
                                                           the time of the last request and the number of requests;
                                                           soon after the first one, then at most five times a second
    {"handled": 7}                                         the commands before "sync 7" are executed

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
import sys
import time
from _operator import _compare_digest as compare_digest  # what hmac falls back on, without OpenSSL's 4 MB

LOOPBACK_HOSTS = (b"127.0.0.1", b"localhost", b"[::1]")
MAX_REQUEST_BYTES = 16384
CLIENT_TIMEOUT = 5.0
"""Seconds after which a connection is closed."""
MAX_CONNECTIONS = 4000 if hasattr(select, "poll") else 400
"""Open connections; one more closes the oldest. Where there is only `select`, it takes 512."""
SPARE_DESCRIPTORS = 32
"""Descriptors that are not connections; the limit of open files may leave fewer connections."""
ACCEPT_BATCH = 256
"""Connections accepted before the open ones are served."""
BACKLOG = 4096
"""Connections that the system lets wait; more of them would wait for a second or longer until they try again."""
POLL_INTERVAL = 0.5
"""Seconds between two checks whether the parent still runs."""
REPORT_INTERVAL = 0.2
"""Seconds between two reports."""

READ: int = getattr(select, "POLLIN", 1)
WRITE: int = getattr(select, "POLLOUT", 4)

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
OTHER_PATHS = b"*"
"""Stands for all paths without a response of their own."""


class Responses:
    """The response for each path, and how often each was requested.

    The thread of `read_commands` writes the responses; the main thread reads them and counts the requests.

    Attributes:
        token: The bearer token; empty until the parent has sent it.
        by_path: For each path the time until which its response is valid, and the response.
        files_to_remove: What to remove when the process ends.
        requests: For each path the time of the last request and the number of requests.
        unreported: A lock that is released when there is something to report, and so works as an event.
        ready: A lock that is released when serving may begin, likewise.
    """

    def __init__(self) -> None:
        self.token = b""
        self.by_path: dict[bytes, tuple[float, bytes]] = {}
        self.files_to_remove: list[bytes] = []
        self.requests: dict[bytes, tuple[float, int]] = {}
        self.unreported = _thread.allocate_lock()
        self.unreported.acquire()
        self.ready = _thread.allocate_lock()
        self.ready.acquire()

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
        elif command == b"sync":
            number = int(arguments)
            # First, so that the parent knows of every request before it goes on.
            for path in list(self.requests):
                self.report(path)
            write_line(f'{{"handled": {number}}}')
        elif command == b"serve" and self.ready.locked():
            self.ready.release()

    def report(self, path: bytes) -> None:
        """Reports the requests for a path so far; the same report twice does no harm."""
        last, count = self.requests[path]
        write_line(f'{{"path": "{path.decode()}", "last": {last:.3f}, "count": {count}}}')

    def respond(self, request: bytes) -> bytes:
        """Returns the response to a complete request head."""
        path = self.authorized_path(request)
        if path is None:
            return FORBIDDEN
        if path not in self.by_path or path == OTHER_PATHS:
            return self.by_path.get(OTHER_PATHS, (0.0, NOT_FOUND))[1]
        until, response = self.by_path[path]
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


class SelectPoll:
    """Does what `select.poll` does, for Windows, which has only `select`."""

    def __init__(self) -> None:
        self.events: dict[int, int] = {}

    def register(self, fileno: int, event: int) -> None:
        """Waits for an event of a socket, in place of an earlier one.

        Args:
            fileno: The socket.
            event: READ or WRITE.
        """
        self.events[fileno] = event

    def unregister(self, fileno: int) -> None:
        """Waits no longer for a socket."""
        del self.events[fileno]

    def poll(self, milliseconds: float) -> list[tuple[int, int]]:
        """Returns the sockets whose event has come, each with the event."""
        reading = [fileno for fileno, event in self.events.items() if event == READ]
        writing = [fileno for fileno, event in self.events.items() if event == WRITE]
        readable, writable, _ = select.select(reading, writing, [], milliseconds / 1000)
        return [(fileno, READ) for fileno in readable] + [(fileno, WRITE) for fileno in writable]


class Server:
    """The listener and its clients, none of which can delay another.

    A client that has already sent its request when it is accepted, as most have, is served at once. So a crowd of
    silent clients cannot push it out.

    Args:
        responses: The responses to serve.
        parent: The process id of the parent; the server ends with it.
        listener: The listening socket.
    """

    def __init__(self, responses: Responses, parent: int, listener: _socket.socket) -> None:
        self.responses = responses
        self.parent = parent
        self.connections: dict[int, Connection] = {}  # the oldest first
        self.max_connections = max(16, min(MAX_CONNECTIONS, raise_descriptor_limit() - SPARE_DESCRIPTORS))
        self.listener = listener
        self.listener.setblocking(False)
        self.poll = select.poll() if hasattr(select, "poll") else SelectPoll()
        self.poll.register(self.listener.fileno(), READ)

    def serve(self) -> None:
        """Serves until the parent has ended."""
        next_parent_check = time.monotonic() + POLL_INTERVAL
        while True:
            if time.monotonic() > next_parent_check:
                # Not at once: by now the commands that the parent sent last have been read.
                if os.getppid() != self.parent:
                    return
                next_parent_check = time.monotonic() + POLL_INTERVAL
            ready = [fileno for fileno, _ in self.poll.poll(POLL_INTERVAL * 1000)]
            for client in [self.connections[fileno] for fileno in ready if fileno in self.connections]:
                self.step(client)
            if self.listener.fileno() in ready:
                self.accept()
            while self.connections and next(iter(self.connections.values())).deadline < time.monotonic():
                self.disconnect(next(iter(self.connections.values())))

    def step(self, client: Connection) -> None:
        """Receives from or sends to a client, and disconnects it when it is done or has failed."""
        try:
            open_still = client.send() if client.to_send else client.receive()
        except BlockingIOError:
            open_still = True
        except OSError:
            open_still = False
        if open_still:
            self.poll.register(client.fileno(), WRITE if client.to_send else READ)
        else:
            self.disconnect(client)

    def accept(self) -> None:
        """Accepts the waiting connections."""
        for _ in range(ACCEPT_BATCH):
            try:
                # What socket.socket.accept calls; the stubs do not know it.
                fileno, _ = self.listener._accept()  # type: ignore[attr-defined]  # noqa: SLF001 - see above
            except BlockingIOError:
                return
            except OSError:
                # No descriptor is free, or the client has gone.
                self.make_room(len(self.connections) - 1)
                return
            self.make_room(self.max_connections - 1)
            client = self.connections[fileno] = Connection(fileno, self.responses)
            self.poll.register(fileno, READ)
            self.step(client)

    def make_room(self, limit: int) -> None:
        """Closes the oldest connections above a limit; each is served first if its request has come by now."""
        while len(self.connections) > max(limit, 0):
            oldest = next(iter(self.connections.values()))
            self.step(oldest)
            self.disconnect(oldest)

    def disconnect(self, client: Connection) -> None:
        """Closes a connection; a second call does nothing."""
        fileno = client.fileno()
        if self.connections.get(fileno) is not client:
            return
        del self.connections[fileno]
        self.poll.unregister(fileno)
        client.socket.close()


def raise_descriptor_limit() -> int:
    """Lets this process open as many files as it needs, if the system allows it; returns how many it may open."""
    try:
        import resource
    except ImportError:
        return MAX_CONNECTIONS + SPARE_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + SPARE_DESCRIPTORS
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    limit = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    except (OSError, ValueError):
        return soft
    return limit


def open_listener(argument: str) -> tuple[_socket.socket, bytes]:
    """Returns the listening socket, and what was read of standard input behind it.

    Args:
        argument: The descriptor of the parent's socket; "-": it is on standard input; empty: there is none.
    """
    if argument == "-":
        line, end, rest = b"", b"", b""
        while not end:
            line, end, rest = (line + os.read(0, 65536)).partition(b"\n")
        return _socket.socket(0, 0, 0, bytes.fromhex(line.decode())), rest  # type: ignore[arg-type]  # socket.fromshare
    if argument:
        return _socket.socket(fileno=int(argument)), b""
    listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen(BACKLOG)
    return listener, b""


def read_commands(responses: Responses, listener: _socket.socket, buffer: bytes) -> None:
    """Executes the commands on standard input, and ends the process at its end; runs in a thread.

    Args:
        responses: The responses, which commands change.
        listener: The listening socket, which no longer listens at the end.
        buffer: What was read of standard input before.
    """
    while True:
        *lines, buffer = buffer.split(b"\n")
        for line in lines:
            try:
                responses.handle_command(line)
            except ValueError:
                continue
        try:
            chunk = os.read(0, 65536)
        except OSError:
            chunk = b""
        if not chunk:
            shut_down(responses, listener)
        buffer += chunk


def write_reports(responses: Responses) -> None:
    """Reports the requests; runs in a thread, which blocks while the parent does not read."""
    reported: dict[bytes, int] = {}
    while True:
        responses.unreported.acquire()
        for path, (_, count) in responses.requests.copy().items():
            if reported.get(path) != count:
                reported[path] = count
                responses.report(path)
        time.sleep(REPORT_INTERVAL)


def write_line(line: str) -> None:
    """Writes a line to standard output; a closed pipe is ignored, since then the parent does not want the reports."""
    try:
        os.write(1, line.encode() + b"\n")
    except OSError:
        return


def shut_down(responses: Responses, listener: _socket.socket) -> None:
    """Removes the files, and ends the process and the listening.

    A process that was forked from the parent may still have the socket. Clients are to be refused nevertheless, and not
    to wait in vain.

    Args:
        responses: Holds the files to remove.
        listener: The listening socket.
    """
    try:
        listener.shutdown(_socket.SHUT_RDWR)
    except OSError:
        listener.close()  # macOS does not shut down what only listens
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
    argument, parent = "".join(sys.argv[1:]), os.getppid()
    listener, rest = open_listener(argument)
    _thread.start_new_thread(read_commands, (responses, listener, rest))
    _thread.start_new_thread(write_reports, (responses,))
    if argument:
        responses.ready.acquire()
    server = Server(responses, parent, listener)
    write_line(f'{{"port": {listener.getsockname()[1]}}}')
    try:
        server.serve()
    finally:
        shut_down(responses, listener)


if __name__ == "__main__":
    main()
