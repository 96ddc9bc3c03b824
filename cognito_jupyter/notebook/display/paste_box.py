"""The input box into which the user pastes the address that follows the sign-in; it is neither echoed nor stored.

`LoginPrompt` opens it. In a kernel the box is open while the listener listens: this module sends the request for input
itself and polls for the reply. A kernel or a terminal where that is impossible uses getpass, which blocks.
"""

from __future__ import annotations

import getpass
import sys
from typing import Any

from ..._util.redaction import SecretText
from ...errors import LoginCancelledError
from ..kernel.frontend import Frontend
from ..kernel.interrupts import interruptible

_END_OF_INPUT = "\x04"


def make_paste_box(frontend: Frontend) -> PasteBox:
    """Returns the best box that the front end has."""
    kernel = frontend.kernel
    try:
        # ipykernel's own attributes, the same in 6.31 and in 7.x; for a kernel without them getpass asks.
        kernel.session.send, kernel.session.recv, kernel.stdin_socket, kernel._parent_ident["shell"]  # noqa: SLF001 - see above
    except (AttributeError, KeyError, TypeError, LookupError):
        return GetpassPasteBox()
    return KernelPasteBox(kernel)


class KernelPasteBox:
    """The front end's password box, which does not block the cell.

    Args:
        kernel: The ipykernel.

    Attributes:
        blocks: Whether `poll_input` returns only after the user has replied.
    """

    blocks = False

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._request_id: str | None = None

    def request_input(self, prompt: str) -> None:
        """Shows the box: sends the request for input, and discards replies to older requests."""
        sys.stdout.flush()
        sys.stderr.flush()
        while self._receive() is not None:
            pass
        request = self._kernel.session.send(
            self._kernel.stdin_socket,
            "input_request",
            {"prompt": prompt, "password": True},
            self._kernel.get_parent("shell"),
            ident=self._kernel._parent_ident["shell"],  # noqa: SLF001 - the only way to the client that ran the cell
        )
        self._request_id = request["header"]["msg_id"]

    def poll_input(self) -> str | None:
        """Returns what was pasted since; None: nothing.

        Only a reply to this request counts: the box of an older one may still be open in the notebook.

        Raises:
            LoginCancelledError: The user ended the input instead.
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
            # Not a message, or not signed with this kernel's key: skipped, as ipykernel does.
            return {"parent_header": {"msg_id": ""}}
        return reply


class GetpassPasteBox:
    """getpass, with the same methods: in a terminal, and in kernels that have their own getpass."""

    blocks = True

    def __init__(self) -> None:
        self._prompt = ""

    def request_input(self, prompt: str) -> None:
        """Stores the prompt for the next call of `poll_input`."""
        self._prompt = f"{prompt} (or press Enter when the browser says that you are signed in) "

    def poll_input(self) -> str | None:
        """Asks, and blocks until the user has replied."""
        try:
            with interruptible():
                return getpass.getpass(self._prompt)
        except EOFError:
            return _pasted_text(_END_OF_INPUT)


PasteBox = KernelPasteBox | GetpassPasteBox
"""A box that asks for one text."""


def _pasted_text(value: str) -> str:
    if value == _END_OF_INPUT:
        raise LoginCancelledError("The sign-in was cancelled.", "Nothing has changed; sign in again when you like.")
    return SecretText(value)
