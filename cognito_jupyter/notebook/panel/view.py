"""The widget that shows the panel's text and its paste box. view.js draws it; `LoginPanel` makes one and fills it.

What an ipywidgets widget shows is part of its state, and a notebook can be saved with that state in it, also in the
middle of a login. Measured in JupyterLab, an `ipywidgets.HTML` with the link leaves `state` and `nonce` in the file,
and a `Password` box what was pasted, for as long as the kernel is busy. So this widget (by anywidget) never has any of
it in its state: what it shows travels in messages, and so does what is pasted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
from traitlets import Unicode

from ...oauth.authorization_response import CallbackOutcome
from ..display.login_views import PANEL_PLACEHOLDER
from ..kernel.comm_logs import new_model_id

_FOLDER = Path(__file__).parent


class PanelView(anywidget.AnyWidget):
    """Shows HTML that is in no widget state, and passes on what is pasted.

    Args:
        on_report: Called when a front end has created the view, and when it has drawn it.
        on_paste: Called with what was pasted, which the box no longer holds by then.
        on_relayed: Called with the address of a page that received a redirect, whichever login's it is; returns what it
            meant to the kernel's own, or None if it is another one's.
        style: The panel's CSS.

    Attributes:
        alive: Whether a front end has created the view, so that it can draw it.
        seen: Whether a front end has drawn the view.
        placeholder: Shown where no kernel replies.
    """

    _esm = _FOLDER / "view.js"
    placeholder = Unicode(PANEL_PLACEHOLDER.text()).tag(sync=True)

    def __init__(
        self,
        on_report: Callable[[], None],
        on_paste: Callable[[str], None],
        on_relayed: Callable[[str], CallbackOutcome | None],
        style: str,
    ) -> None:
        super().__init__(model_id=new_model_id())
        self._on_report = on_report
        self._on_paste = on_paste
        self._on_relayed = on_relayed
        self._style = style
        self.alive = self.seen = False
        self.on_msg(self._on_message)

    def show_html(self, head: str, body: str) -> None:
        """Shows HTML wherever the view is drawn; a front end that draws it later requests it.

        Args:
            head: Announced by screen readers when it changes.
            body: An element with the attributes `data-until` (milliseconds since the epoch) and `data-total` (seconds)
                counts down.
        """
        if self.seen:
            self.send({"style": self._style, "head": head, "body": body, "now": time.time() * 1000})

    def _on_message(self, _: Any, content: dict[str, Any], __: Any) -> None:
        if "pasted" in content:
            self._on_paste(str(content["pasted"]))
        elif "relayed" in content:
            outcome = self._on_relayed(str(content["relayed"]))
            if outcome is not None:
                self.send({"outcome": outcome.value, "to": str(content.get("from"))})
        else:
            self.alive = True
            self.seen = self.seen or "seen" in content
            self._on_report()
