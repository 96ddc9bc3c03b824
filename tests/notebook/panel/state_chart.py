"""Draws the panel's states from TRANSITIONS: `python -m tests.notebook.panel.state_chart` writes docs/panel.svg."""

from __future__ import annotations

import html
from pathlib import Path

from cognito_jupyter.notebook.model.controller import TRANSITIONS, Phase

PICTURE = Path(__file__).parents[3] / "docs" / "panel.svg"
WIDTH, HEIGHT = 190, 46
# The middle of each phase's box.
PLACES = {
    Phase.IDLE: (115, 220),
    Phase.STARTING: (415, 220),
    Phase.WAITING: (715, 220),
    Phase.FINISHING: (1015, 220),
    Phase.SIGNED_IN: (1015, 400),
    Phase.UNFINISHED: (715, 60),
    Phase.ENDED: (715, 400),
}
# The path of each arrow, and the middle of its label.
ROUTES: dict[tuple[Phase, Phase], tuple[str, int, int]] = {
    (Phase.IDLE, Phase.STARTING): ("M210 220H320", 265, 224),
    (Phase.STARTING, Phase.WAITING): ("M510 220H620", 565, 212),
    (Phase.STARTING, Phase.SIGNED_IN): ("M480 243V330H960V377", 715, 334),
    (Phase.WAITING, Phase.FINISHING): ("M810 220H920", 865, 208),
    (Phase.WAITING, Phase.WAITING): ("M685 243C665 283 765 283 745 243", 715, 292),
    (Phase.STARTING, Phase.UNFINISHED): ("M450 197V75H620", 535, 79),
    (Phase.UNFINISHED, Phase.STARTING): ("M620 45H380V197", 500, 49),
    (Phase.WAITING, Phase.UNFINISHED): ("M715 197V83", 715, 146),
    (Phase.FINISHING, Phase.UNFINISHED): ("M1000 197V75H810", 1000, 132),
    (Phase.UNFINISHED, Phase.SIGNED_IN): ("M810 45H1180V400H1110", 1000, 49),
    (Phase.FINISHING, Phase.SIGNED_IN): ("M1015 243V377", 1015, 314),
    (Phase.SIGNED_IN, Phase.SIGNED_IN): ("M1045 423C1035 463 1105 463 1085 423", 1075, 472),
    (Phase.SIGNED_IN, Phase.ENDED): ("M920 400H810", 865, 366),
    (Phase.ENDED, Phase.STARTING): ("M620 400H450V243", 535, 404),
    (Phase.SIGNED_IN, Phase.STARTING): ("M980 423V455H415V243", 715, 459),
    (Phase.SIGNED_IN, Phase.IDLE): ("M1010 423V500H115V243", 565, 504),
}
STYLE = """
svg { font-family: system-ui, sans-serif; font-size: 13px }
rect { fill: #fff; stroke: #1a56a8; stroke-width: 1.5 } .box { fill: #14284b; font-weight: 600; text-anchor: middle }
path { fill: none; stroke: #667; stroke-width: 1.3; marker-end: url(#tip) }
.by { fill: #334; text-anchor: middle; paint-order: stroke; stroke: #fff; stroke-width: 6px }
"""


def draw() -> str:
    """Returns the chart as SVG."""
    arrows = "\n".join(_arrow(*edge) for edge in TRANSITIONS)
    boxes = "\n".join(_box(phase) for phase in Phase)
    labels = "\n".join(_label(*edge) for edge in TRANSITIONS)
    name = "The states of the panel and what leads from one to the next"
    tip = '<marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 530" role="img" aria-label="{name}">\n'
        f"<style>{STYLE}</style>\n"
        f'<defs>{tip}<polygon points="0,1 10,5 0,9" fill="#667"/></marker></defs>\n'
        f'<rect width="1200" height="530" style="stroke:none"/>\n{arrows}\n{boxes}\n{labels}\n</svg>\n'
    )


def _box(phase: Phase) -> str:
    x, y = PLACES[phase]
    box = f'<rect x="{x - WIDTH // 2}" y="{y - HEIGHT // 2}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
    return f'{box}<text class="box" x="{x}" y="{y + 5}">{html.escape(phase.value)}</text>'


def _arrow(start: Phase, _: str, end: Phase) -> str:
    return f'<path d="{ROUTES[start, end][0]}"/>'


def _label(start: Phase, trigger: str, end: Phase) -> str:
    _, x, y = ROUTES[start, end]
    lines = trigger.split(", ")
    first = y - 8 * (len(lines) - 1)
    return "".join(
        f'<text class="by" x="{x}" y="{first + 16 * i}">{html.escape(line)}</text>' for i, line in enumerate(lines)
    )


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(draw(), encoding="utf-8")
