"""What a cell shows: each thing once as text and once as HTML, and never a secret that outlives the login."""

from __future__ import annotations

import html
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from ..panel.widget import LoginPanel


class View:
    """Something to display, by IPython's own protocol."""

    def text(self) -> str:
        """For a terminal, and for front ends without HTML."""
        raise NotImplementedError

    def html(self) -> str:
        """For a notebook; whatever came from outside is escaped."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": self.text(), "text/html": self.html()}


@dataclass(frozen=True)
class Note(View):
    """A few sentences, one a line."""

    lines: tuple[str, ...]

    def text(self) -> str:
        """The lines as they are."""
        return "\n".join(self.lines)

    def html(self) -> str:
        """A paragraph each."""
        return "".join(f"<p>{html.escape(line)}</p>" for line in self.lines)


PANEL_PLACEHOLDER = Note(
    ("A sign-in panel was shown here. It works beside its own kernel alone: run %cognito_panel for a new one.",)
)
"""What a saved notebook holds beside a panel."""


@dataclass(frozen=True, repr=False)
class SignInLink(View):
    """The link to the sign-in page, and how the login stands. It holds state and nonce: always replaced at the end.

    Attributes:
        url: The authorization URL.
        seconds_left: Until the login times out.
        hints: Sentences that help.
        paste_error: What was wrong with what was pasted last.
    """

    url: str
    seconds_left: int
    hints: tuple[str, ...] = ()
    paste_error: str | None = None

    @property
    def host(self) -> str:
        """Where the person is about to type a password."""
        return urlsplit(self.url).netloc

    @property
    def _time_left(self) -> str:
        minutes, seconds = divmod(self.seconds_left, 60)
        return f"Waiting for your sign-in: {minutes}:{seconds:02d} left. Stopping the cell gives up."

    def _notes(self) -> tuple[str, ...]:
        return (*((self.paste_error,) if self.paste_error else ()), *self.hints)

    def text(self) -> str:
        """The URL on a line of its own, so that it can be copied."""
        return "\n".join(
            [
                f"To sign in at {self.host}, open this address in your browser:",
                "",
                self.url,
                "",
                self._time_left,
                *self._notes(),
            ]
        )

    def html(self) -> str:
        """A real link, which no popup blocker stops; noopener, as no front end adds it for us."""
        link = f'<a href="{html.escape(self.url)}" target="_blank" rel="noopener noreferrer"><b>Sign in</b></a>'
        after = "".join(f"<p>{html.escape(line)}</p>" for line in self._notes())
        return f"<p>{link} at <code>{html.escape(self.host)}</code></p><p>{html.escape(self._time_left)}</p>{after}"


@dataclass(frozen=True, repr=False)
class WidgetFallback(View):
    """A view for front ends that show no widgets; those that do show the panel in its place."""

    view: View
    panel: LoginPanel

    def text(self) -> str:
        """The view's."""
        return self.view.text()

    def html(self) -> str:
        """The view's."""
        return self.view.html()

    def _repr_mimebundle_(self, **how: object) -> dict[str, Any]:
        widget = {"version_major": 2, "version_minor": 0, "model_id": self.panel.model_id}
        return {**super()._repr_mimebundle_(**how), "application/vnd.jupyter.widget-view+json": widget}


@dataclass(frozen=True)
class Table(View):
    """Rows under a title.

    Attributes:
        header: The names of the columns; without them the first column names each row.
        link: A text and where it leads, under the table.
    """

    title: str
    rows: tuple[tuple[str, ...], ...]
    header: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    link: tuple[str, str] | None = None

    def text(self) -> str:
        """Columns padded with spaces."""
        lines = [*([self.header] if self.header else []), *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))] if lines else []
        padded = [
            "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
        ]
        after = [*self.notes, *([f"{self.link[0]}: {self.link[1]}"] if self.link else [])]
        return "\n".join(line.rstrip() for line in [self.title, *padded, *after])

    def html(self) -> str:
        """A table with a caption, which screen readers announce."""
        head = _row("th", self.header, scope="col") if self.header else ""
        if self.header:
            body = "".join(_row("td", row) for row in self.rows)
        else:
            body = "".join(f"<tr>{_cell('th', row[0], 'row')}{_cells('td', row[1:])}</tr>" for row in self.rows)
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        caption = f'<caption style="text-align:left;font-weight:bold">{html.escape(self.title)}</caption>'
        return f"<table>{caption}{head}{body}</table>{notes}{self._html_link()}"

    def _html_link(self) -> str:
        if self.link is None:
            return ""
        text, url = (html.escape(part) for part in self.link)
        return f'<p><a href="{url}" target="_blank" rel="noopener noreferrer">{text}</a></p>'


def format_time(time: datetime, now: datetime) -> str:
    """A point in time as a person reads it: by the kernel's clock, with its zone, and how far away it is."""
    minutes = round((time - now).total_seconds() / 60)
    relative = (
        f"in {_minutes(minutes)}" if minutes >= 1 else "about now" if minutes > -1 else f"{_minutes(-minutes)} ago"
    )
    return f"{time.astimezone():%Y-%m-%d %H:%M %Z} ({relative})"


def _minutes(count: int) -> str:
    if count >= 120:
        return f"{round(count / 60)} hours"
    return f"{count} minute{'' if count == 1 else 's'}"


def _row(tag: str, cells: tuple[str, ...], scope: str = "") -> str:
    return f"<tr>{_cells(tag, cells, scope)}</tr>"


def _cells(tag: str, cells: tuple[str, ...], scope: str = "") -> str:
    return "".join(_cell(tag, cell, scope) for cell in cells)


def _cell(tag: str, cell: str, scope: str = "") -> str:
    scoped = f' scope="{scope}"' if scope else ""
    return f'<{tag}{scoped} style="text-align:left">{html.escape(cell)}</{tag}>'
