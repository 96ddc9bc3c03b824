"""The panel's face: what it says, and the paste box.

What an ipywidgets widget shows is part of its state, and a notebook can be saved with that state in it, also in the
middle of a sign-in. Measured in JupyterLab, an `ipywidgets.HTML` with the link leaves `state` and `nonce` in the file,
and a `Password` box what was pasted, for as long as the kernel is busy. So this part is a widget of ours (by
anywidget), whose state holds nothing: what it shows travels in messages, and so does what is pasted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
from traitlets import Unicode

from ..display.views import PANEL_PLACEHOLDER
from .style import STYLE


class PanelView(anywidget.AnyWidget):
    """Shows HTML that is in no widget state, and hands on what is pasted.

    Args:
        on_seen: Told when a front end has drawn it.
        on_paste: Told what was pasted, which the box has forgotten by then.

    Attributes:
        seen: Whether a front end has drawn it.
    """

    _esm = Path(__file__).with_name("view.js")
    stale = Unicode(PANEL_PLACEHOLDER.text()).tag(sync=True)

    def __init__(self, on_seen: Callable[[], None], on_paste: Callable[[str], None]) -> None:
        super().__init__()
        self._on_seen = on_seen
        self._on_paste = on_paste
        self.seen = False
        self.on_msg(self._on_message)

    def show_html(self, head: str, body: str) -> None:
        """Shows it wherever the face is drawn; a front end that draws it later asks for it.

        Args:
            head: HTML, announced by screen readers when it changes.
            body: HTML. Attributes `data-until` (milliseconds since the epoch) and `data-whole` (seconds) make an
                element count down.
        """
        if self.seen:
            self.send({"style": STYLE, "head": head, "body": body, "now": time.time() * 1000})

    def _on_message(self, _: Any, content: dict[str, Any], __: Any) -> None:
        if "pasted" in content:
            self._on_paste(str(content["pasted"]))
        else:
            self.seen = True
            self._on_seen()
