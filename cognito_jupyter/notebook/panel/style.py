"""The panel's CSS, for the view and for the panel that does without it."""

from __future__ import annotations

from pathlib import Path

from ..display.login_views import PANEL_PLACEHOLDER

_STYLE = (
    Path(__file__)
    .with_name("style.css")
    .read_text(encoding="utf-8")
    .replace("PANEL_PLACEHOLDER", PANEL_PLACEHOLDER.text())
)


def panel_style(panel_class: str) -> str:
    """Returns the CSS of one panel; a page may hold panels of other kernels, and of other versions of this package.

    Args:
        panel_class: The class that only this panel has.
    """
    return _STYLE.replace(".cognito-panel", f".{panel_class}")
