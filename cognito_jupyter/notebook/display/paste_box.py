"""The box into which a person pastes the address that follows the sign-in: never echoed, never kept.

In a kernel the box stands open while the listener goes on listening: we send the request for input ourselves and look
for the reply in between. Where that cannot be, getpass asks, and blocks meanwhile.
"""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Any, Protocol

from ...errors import LoginCancelledError

if TYPE_CHECKING:
    from ..kernel.frontend import Frontend

_END_OF_INPUT = "\x04"


class PasteBox(Protocol):
    """Asks for one text."""

    blocks: bool
    """Whether `poll` returns only when somebody has answered."""

    def request_input(self, prompt: str) -> None:
        """Shows the box."""

    def poll_input(self) -> str | None:
        """What was pasted since; None while nobody has."""


def make_paste_box(frontend: Frontend) -> PasteBox:
    """The best box that the front end has."""
    kernel = frontend.kernel
    try:
        # Of ipykernel's own, and the same in 6.31 and in 7.x; a kernel without them asks through getpass.
        kernel.session.send, kernel.session.recv, kernel.stdin_socket, kernel._parent_ident["shell"]  # noqa: SLF001
    except (AttributeError, KeyError, TypeError, LookupError):
        return GetpassPasteBox()
    return KernelPasteBox(kernel)


class KernelPasteBox:
    """The front end's input box, password-style, which does not block the cell."""

    blocks = False

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._request_id: str | None = None

    def request_input(self, prompt: str) -> None:
        """Sends the request for input, after throwing away replies to older ones."""
        sys.stdout.flush()
        sys.stderr.flush()
        while self._receive() is not None:
            pass
        request = self._kernel.session.send(
            self._kernel.stdin_socket,
            "input_request",
            {"prompt": prompt, "password": True},
            self._kernel.get_parent("shell"),
            ident=self._kernel._parent_ident["shell"],  # noqa: SLF001 - the only way to the one who asked
        )
        self._request_id = request["header"]["msg_id"]

    def poll_input(self) -> str | None:
        """The reply to this box, and to no other: an earlier one may still stand open in the notebook.

        Raises:
            LoginCancelledError: The person ended the input instead.
        """
        while (reply := self._receive()) is not None:
            request_id = (reply.get("parent_header") or {}).get("msg_id", self._request_id)
            if request_id == self._request_id:
                return _pasted_text(str(reply["content"].get("value", "")))
        return None

    def _receive(self) -> dict[str, Any] | None:
        try:
            reply: dict[str, Any] | None = self._kernel.session.recv(self._kernel.stdin_socket)[1]
        except ValueError:
            # Not signed with this kernel's key, or not a message: ipykernel too goes on.
            return {"parent_header": {"msg_id": ""}}
        return reply


class GetpassPasteBox:
    """getpass: in a terminal, and in kernels that do it their own way."""

    blocks = True

    def __init__(self) -> None:
        self._prompt = ""

    def request_input(self, prompt: str) -> None:
        """Keeps the prompt for the next look."""
        self._prompt = f"{prompt} (or press Enter when the browser says that you are signed in) "

    def poll_input(self) -> str | None:
        """Asks, and waits for the answer.

        Raises:
            LoginCancelledError: The person ended the input instead.
        """
        try:
            return getpass.getpass(self._prompt)
        except EOFError:
            return _pasted_text(_END_OF_INPUT)


def _pasted_text(value: str) -> str:
    if value == _END_OF_INPUT:
        raise LoginCancelledError("The sign-in was cancelled.", "Nothing has changed; sign in again when you like.")
    return value
