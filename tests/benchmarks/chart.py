"""Draws the figures as SVG: each one's ratio to its floor, here and in the reference, on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from .table import Figure, Group, number

_WIDTH, _LABELS, _RIGHT = 960, 410, 110
_ROW, _HEAD, _TOP = 34, 34, 64
_BAR = 10
_LEAST = 0.1
# The colours have a contrast of 3:1 on white, and of 4.5:1 as text; the dark ones likewise on GitHub's dark grey.
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328; paint-order: stroke; stroke: #ffffff; stroke-width: 3px }
.title { font-weight: 600 }
.quiet { fill: #59636e }
.middle { text-anchor: middle }
.here { fill: #0969da }
.reference { fill: #bc4c00 }
line { stroke: #818b98; stroke-width: 1 }
.paper { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; stroke: #0d1117 }
  .quiet { fill: #9198a1 }
  .here { fill: #4493f8 }
  .reference { fill: #f0883e }
  line { stroke: #656c76 }
  .paper { fill: #0d1117 }
}
"""


def write_chart(path: Path, groups: Sequence[Group]) -> None:
    """Writes the chart.

    Args:
        path: The SVG file.
        groups: The figures.
    """
    path.write_text(chart_of(groups), encoding="utf-8")


def chart_of(groups: Sequence[Group]) -> str:
    """Returns the chart as SVG; an image of it follows the reader's light or dark mode."""
    height = _TOP + sum(_HEAD + _ROW * len(group.figures) for group in groups) + 12
    most = max((ratio for group in groups for figure in group.figures for ratio in _ratios(figure)), default=1.0)
    scale = _Scale(max(10.0, most))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
            "<title>Benchmarks: how many times the floor, on a logarithmic scale</title>",
            f"<style>{_STYLE}</style>",
            f'<rect class="paper" width="{_WIDTH}" height="{height}"/>',
            *_legend(scale, height),
            *_groups(groups, scale),
            "</svg>",
            "",
        ]
    )


class _Scale:
    """Converts a ratio to pixels.

    Attributes:
        most: The largest ratio.
    """

    def __init__(self, most: float) -> None:
        self.most = most
        self._span = math.log10(most / _LEAST)

    def x(self, ratio: float) -> float:
        """Returns the x coordinate of a ratio."""
        share = math.log10(max(ratio, _LEAST) / _LEAST) / self._span
        return _LABELS + min(1.0, share) * (_WIDTH - _LABELS - _RIGHT)


def _legend(scale: _Scale, height: int) -> Iterator[str]:
    one = scale.x(1.0)
    yield _text(
        12, 24, "Times the floor (the vertical line), on a logarithmic scale cut at 0.1; shorter is better", "title"
    )
    yield f'<rect class="here" x="12" y="36" width="{_BAR}" height="{_BAR}"/>'
    yield _text(28, 45, "cognito_jupyter")
    yield f'<rect class="reference" x="140" y="36" width="{_BAR}" height="{_BAR}"/>'
    yield _text(156, 45, "reference")
    yield f'<line x1="{one:.1f}" x2="{one:.1f}" y1="{_TOP - 2}" y2="{height - 8}"/>'
    for power in range(round(math.log10(_LEAST)), math.floor(math.log10(scale.most)) + 1):
        yield _text(round(scale.x(10.0**power)), 58, f"{10.0**power:g} x", "quiet middle")


def _groups(groups: Sequence[Group], scale: _Scale) -> Iterator[str]:
    y = _TOP
    for group in groups:
        yield _text(12, y + 20, group.title, "title")
        y += _HEAD
        for figure in group.figures:
            yield from _bars(figure, scale, y)
            y += _ROW


def _bars(figure: Figure, scale: _Scale, y: int) -> Iterator[str]:
    yield _text(12, y + 15, figure.name)
    values = [("here", figure.ratio, figure.median), ("reference", *_reference(figure))]
    for place, (name, ratio, value) in enumerate(values):
        if ratio is None or value is None:
            continue
        top = y + place * (_BAR + 3)
        end = scale.x(ratio)
        yield f'<rect class="{name}" x="{_LABELS}" y="{top}" width="{end - _LABELS:.1f}" height="{_BAR}"/>'
        yield _text(round(end) + 5, top + _BAR - 1, number(value, figure.unit), "quiet")


def _reference(figure: Figure) -> tuple[float | None, float | None]:
    value = figure.reference_median
    return (value / figure.floor_median if value is not None and figure.floor_median else None), value


def _ratios(figure: Figure) -> list[float]:
    reference_ratio, _ = _reference(figure)
    return [ratio for ratio in (figure.ratio, reference_ratio) if ratio is not None and math.isfinite(ratio)]


def _text(x: int, y: int, text: str, kind: str = "") -> str:
    return f'<text x="{x}" y="{y}"{f" class={kind!r}" if kind else ""}>{escape(text)}</text>'
