"""What a user pool holds, and the knobs that a test turns while the server runs."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

REGION = "us-east-1"
ACCOUNT = "123456789012"

FaultKind = Literal["status", "label", "drop", "reset", "stall", "drip", "truncate"]


@dataclass(frozen=True)
class Group:
    """A user pool group.

    Attributes:
        role_arn: The role that its members may take.
        precedence: The lower, the stronger; None counts as weakest.
    """

    name: str
    role_arn: str | None = None
    precedence: int | None = None


@dataclass(frozen=True, repr=False)
class User:
    """Somebody who can sign in."""

    username: str
    password: str
    email: str
    groups: tuple[str, ...] = ()
    sub: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True, repr=False)
class AppClient:
    """An app client.

    Attributes:
        secret: None for a public client.
        redirect_uris: Compared to the character.
    """

    client_id: str
    redirect_uris: tuple[str, ...]
    logout_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    secret: str | None = None
    code_grant: bool = True


@dataclass
class Fault:
    """Something that goes wrong at an endpoint.

    Attributes:
        kind: "status" answers `status` and `body`; "label" calls the real answer's body a `content_type`; "drop" closes
            the connection without a word, "reset" by a TCP reset; "stall" holds the answer back for `seconds`, and for
            good from a client that goes meanwhile; "drip" sends the real answer a byte at a time, so many `seconds`
            apart; "truncate" drops the connection midway.
        midway: Whether a drop, a reset or a stall comes in the middle of the real answer's body. Before an answer,
            nothing has been done of what was asked.
        times: How often; None: until it is taken away.
    """

    kind: FaultKind = "status"
    status: int = 500
    body: str = ""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 5.0
    midway: bool = False
    times: int | None = 1


@dataclass
class Knobs:
    """What can be changed while the server runs; all times in seconds.

    Attributes:
        rotation: Whether a refresh answers a new refresh token.
        grace: How long the rotated-out one stays good.
        clock_offset: The server's clock minus this machine's.
        latency: By endpoint name, as in the call counts; "*" for all.
        faults: By endpoint name.
    """

    id_token_seconds: float = 3600
    access_token_seconds: float = 3600
    refresh_token_seconds: float = 30 * 86_400
    code_seconds: float = 300
    cookie_seconds: float = 3600
    credentials_seconds: float = 3600
    rotation: bool = False
    grace: float = 0
    clock_offset: float = 0
    latency: dict[str, float] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def now(self) -> float:
        """The server's clock, in seconds since the epoch."""
        return time.time() + self.clock_offset

    def next_fault(self, endpoint: str) -> Fault | None:
        """The next fault of an endpoint, counted down."""
        with self._lock:
            pending = self.faults.get(endpoint) or self.faults.get("*") or []
            if not pending:
                return None
            fault = pending[0]
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    pending.pop(0)
            return fault

    def latency_of(self, endpoint: str) -> float:
        """The latency of an endpoint."""
        return self.latency.get(endpoint, self.latency.get("*", 0.0))

    def fail(self, endpoint: str, **how: Any) -> Fault:
        """Adds a fault; the arguments are `Fault`'s."""
        fault = Fault(**how)
        with self._lock:
            self.faults.setdefault(endpoint, []).append(fault)
        return fault
