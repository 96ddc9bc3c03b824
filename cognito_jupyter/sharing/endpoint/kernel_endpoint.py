"""The one endpoint of a process: one address and one token, from the first share to the end of the process.

Each `Share` publishes at it. Whatever has found it once, such as an SDK's client or a worker process, finds it again
after the next sign-in. While nothing is shared, it responds to every path with 403. It never calls Cognito.
"""

from __future__ import annotations

import atexit
import sys
import threading
import weakref
from collections.abc import Callable, Mapping, MutableMapping
from types import ModuleType
from typing import cast
from urllib.parse import quote

from ..._util.closing import NotPicklable
from ..._util.process_local import ProcessLocal
from .process import OTHER_PATHS, EndpointProcess
from .shared_environment import SharedEnvironment

_REGISTRY_NAME = "_cognito_jupyter_kernel_endpoint"

_NOT_SHARED = {
    "code": "AccessDenied",
    "message": "No AWS credentials are shared here now. Sign in, and share them again in the notebook.",
}
_UNKNOWN_PATH = {"code": "NotFound", "message": "No role is shared at this path."}

_Response = tuple[Mapping[str, str], int, float]
"""The body, the status, and until when it is valid, in seconds since the epoch."""


class Publication(NotPicklable):
    """The right of one share to publish the credentials of one user in one role.

    `KernelEndpoint.open_publication` makes it.

    Args:
        endpoint: The endpoint.
        path: The path, as in the URL.

    Attributes:
        path: As given.
        response: What was published last; None: nothing yet.
    """

    pickle_error = "A publication cannot be pickled or copied: it belongs to this process."

    def __init__(self, endpoint: KernelEndpoint, path: str) -> None:
        self._endpoint = endpoint
        self.path = path
        self.response: _Response | None = None

    def __repr__(self) -> str:
        return f"<Publication at {self.path}>"

    def publish(self, body: Mapping[str, str], *, status: int = 200, until: float = float("inf")) -> None:
        """Sets the response to later requests; does nothing after `withdraw`.

        Args:
            body: The JSON object to respond with.
            status: The HTTP status.
            until: The time, in seconds since the epoch, after which the response says that the credentials have
                expired.
        """
        self._endpoint.publish(self, (body, status, until))

    def withdraw(self) -> None:
        """Ends it for good; a second call does nothing.

        Clients are refused from now on, unless another share publishes at the same path.
        """
        self._endpoint.withdraw(self)


class KernelEndpoint(NotPicklable):
    """The endpoint of this process, and what is published there; `get_kernel_endpoint` returns it.

    A path belongs to one user in one role for as long as the process lives. So a program that found it under one
    sign-in goes on under the next one of the same user, and never continues as another user or in another role.

    Lock order: `_lock` is held while the endpoint process is started or written to.
    """

    pickle_error = "An endpoint cannot be pickled or copied: its token stays in this process."

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: EndpointProcess | None = None
        self._paths: dict[str, str] = {}
        self._publications: list[Publication] = []
        self._listeners: list[Callable[[], None]] = []
        self._environments: weakref.WeakSet[SharedEnvironment] = weakref.WeakSet()

    def __repr__(self) -> str:
        return f"<KernelEndpoint: {self._process or 'not started'}>"

    def start(self) -> EndpointProcess:
        """Starts the child process, unless it runs, and returns it; it always has the same address and token.

        Raises:
            UnavailableError: It could not be started (a ConnectionError).
        """
        with self._lock:
            if self._process is None:
                process = EndpointProcess(self._on_report)
                process.set_response(OTHER_PATHS, _NOT_SHARED, status=403)
                atexit.register(process.close)
                self._process = process
            self._process.ensure_alive()
            return self._process

    def subscribe(self, on_report: Callable[[], None]) -> Callable[[], None]:
        """Has a function called at each report of the child process.

        Args:
            on_report: The function, which must return at once.

        Returns:
            A function that ends the calls; its second call does nothing.
        """
        self._listeners.append(on_report)

        def unsubscribe() -> None:
            if on_report in self._listeners:
                self._listeners.remove(on_report)

        return unsubscribe

    def environment_of(self, environ: MutableMapping[str, str]) -> SharedEnvironment:
        """Returns what the shares that change an environment have in common.

        Args:
            environ: The environment.
        """
        with self._lock:
            known = next((each for each in self._environments if each.environ is environ), None)
            if known is None:
                known = SharedEnvironment(environ)
                self._environments.add(known)
            return known

    def open_publication(self, principal: str, role_name: str) -> Publication:
        """Returns the right to publish a user's credentials in a role, at the same path as ever.

        Args:
            principal: A digest that tells this user in this role from all others.
            role_name: What the path is named after; it gets a number where another principal's has that name.
        """
        with self._lock:
            if principal not in self._paths:
                path, used = "/" + quote(role_name, safe=""), set(self._paths.values())
                numbered = (f"{path}-{number}" for number in range(2, len(used) + 3))
                self._paths[principal] = next(each for each in (path, *numbered) if each not in used)
            publication = Publication(self, self._paths[principal])
            self._publications.append(publication)
            return publication

    def publish(self, publication: Publication, response: _Response) -> None:
        """Sets a publication's response, unless it is withdrawn.

        Args:
            publication: The publication.
            response: The response.
        """
        with self._lock:
            if publication in self._publications:
                publication.response = response
                self._respond(publication.path)

    def withdraw(self, publication: Publication) -> None:
        """Removes a publication; clients are refused unless there is another one at the same path.

        Args:
            publication: The publication.
        """
        with self._lock:
            if publication in self._publications:
                self._publications.remove(publication)
                self._respond(publication.path)

    def _respond(self, path: str) -> None:
        """Sends the child process what it must respond now; the caller holds the lock."""
        if self._process is None:
            return
        responses = [each.response for each in self._publications if each.path == path and each.response is not None]
        # Of several shares of one user in one role, the one with the newest credentials.
        valid = [response for response in responses if response[1] == 200]
        body, status, until = max(valid or responses[-1:], key=lambda each: each[2], default=(_NOT_SHARED, 403, None))
        self._process.set_response(path, body, status=status, until=until if until is not None else float("inf"))
        if any(each.response is not None for each in self._publications):
            self._process.set_response(OTHER_PATHS, _UNKNOWN_PATH, status=404)
        else:
            self._process.set_response(OTHER_PATHS, _NOT_SHARED, status=403)

    def _on_report(self) -> None:
        for listener in list(self._listeners):
            listener()


def get_kernel_endpoint() -> KernelEndpoint:
    """Returns the endpoint of this process; a forked one has another.

    It lives in sys.modules, so that it is still the same one after this package was imported again, as IPython's
    %autoreload and %reset do.
    """
    registry = sys.modules.setdefault(_REGISTRY_NAME, ModuleType(_REGISTRY_NAME))
    of_process = vars(registry).setdefault("endpoint", ProcessLocal(KernelEndpoint))
    return cast("ProcessLocal[KernelEndpoint]", of_process)()
