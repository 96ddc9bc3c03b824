"""What a cell displays, each thing as text and as HTML.

The magics, the login prompt and `cognito-jupyter status` build these values; nothing here displays or prints them.
Each line and each cell becomes one printable line here, whatever it was made of; a URL is one already. None of it is
secret; what a login displays is in `login_views`.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..._printable import printable
from ..._util.durations import duration_in_words
from ..._util.terminal import encodable


class View:
    """Something to display, by IPython's own protocol."""

    def text(self) -> str:
        """Returns it for a terminal, and for front ends without HTML."""
        raise NotImplementedError

    def html(self) -> str:
        """Returns it for a notebook; text from outside is escaped."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return {"text/plain": encodable(self.text()), "text/html": self.html()}


@dataclass(frozen=True)
class Note(View):
    """A few sentences.

    Attributes:
        lines: The sentences, one a line.
    """

    lines: tuple[str, ...]

    def text(self) -> str:
        """Returns the lines."""
        return "\n".join(map(printable, self.lines))

    def html(self) -> str:
        """Returns a paragraph for each line."""
        return paragraphs(self.lines)


@dataclass(frozen=True)
class Table(View):
    """Rows under a title.

    Attributes:
        title: The caption.
        rows: The cells, row by row.
        header: The names of the columns; without them the first cell of a row names the row.
        notes: Sentences under the table.
        link: A text and the URL that it leads to, under the notes.
    """

    title: str
    rows: tuple[tuple[str, ...], ...]
    header: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    link: tuple[str, str] | None = None

    def text(self) -> str:
        """Returns columns padded with spaces."""
        rows = [tuple(map(printable, row)) for row in ((self.header, *self.rows) if self.header else self.rows)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        padded = ["  " + "  ".join(map(str.ljust, row, widths)) for row in rows]
        link = [f"{printable(self.link[0])}: {self.link[1]}"] if self.link else []
        lines = (printable(self.title), *padded, *map(printable, self.notes), *link)
        return "\n".join(line.rstrip() for line in lines)

    def html(self) -> str:
        """Returns a table with a caption and header cells, which screen readers announce."""
        rows = ["".join(_cell("th", name, "col") for name in self.header)] if self.header else []
        for first, *others in self.rows:
            name = _cell("td", first) if self.header else _cell("th", first, "row")
            rows.append(name + "".join(_cell("td", text) for text in others))
        caption = f'<caption style="text-align:left;font-weight:bold">{escape(self.title)}</caption>'
        table = f"<table>{caption}{''.join(f'<tr>{row}</tr>' for row in rows)}</table>{paragraphs(self.notes)}"
        if self.link is None:
            return table
        text, url = escape(self.link[0]), html.escape(self.link[1])
        return f'{table}<p><a href="{url}" target="_blank" rel="noopener noreferrer">{text}</a></p>'


def format_time(time: datetime, now: datetime) -> str:
    """Returns a point in time by the kernel's clock, with its zone and how far away it is.

    Args:
        time: The point in time.
        now: The current time.
    """
    seconds = (time - now).total_seconds()
    if abs(seconds) < 60:
        relative = "in less than a minute" if seconds > 0 else "just now"
    else:
        duration = duration_in_words(abs(seconds), in_minutes=True)
        relative = f"in {duration}" if seconds > 0 else f"{duration} ago"
    return f"{time.astimezone():%Y-%m-%d %H:%M %Z} ({relative})"


def paragraphs(lines: tuple[str, ...]) -> str:
    """Returns a paragraph of HTML for each line."""
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def _cell(tag: str, text: str, scope: str = "") -> str:
    scoped = f' scope="{scope}"' if scope else ""
    return f'<{tag}{scoped} style="text-align:left">{escape(text)}</{tag}>'


def escape(text: str) -> str:
    """Returns text from outside as one printable line of HTML."""
    return html.escape(printable(text))
