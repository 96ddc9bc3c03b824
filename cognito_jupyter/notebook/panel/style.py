"""The panel's CSS, for the view and for the panel that does without it."""

from __future__ import annotations

from pathlib import Path

from ..display.views import PANEL_PLACEHOLDER

STYLE = (
    Path(__file__)
    .with_name("style.css")
    .read_text(encoding="utf-8")
    .replace("PANEL_PLACEHOLDER", PANEL_PLACEHOLDER.text())
)
"""The panel's CSS."""
