"""What a cell displays, each thing as text and as HTML.

The magics, the login prompt and `cognito-jupyter status` build these values; nothing here displays or prints them.
Each line and each cell becomes one printable line here, whatever it was made of; a URL is one already.
Only `SignInLink` holds anything secret, so a login replaces it when it ends.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from ..._printable import printable
from ..._util.durations import duration_in_words
from ..._util.terminal import encodable

UNCONFIRMED_RELAY = "It is not known whether your browser comes back to this notebook by itself"
"""The start of a sentence for a login at a relay that no browser is known to have reached."""


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
        return _paragraphs(self.lines)


PANEL_PLACEHOLDER = Note(
    ("A sign-in panel was shown here. It works only with its own kernel: run %cognito_panel for a new one.",)
)
"""What a saved notebook holds in place of a panel."""


@dataclass(frozen=True, repr=False)
class SignInLink(View):
    """The link to the sign-in page, with the time left. The link holds the login's state and nonce.

    Attributes:
        url: The authorization URL.
        seconds_left: Seconds until the login times out; None: no cell waits for it and counts them.
        hints: Sentences that help.
        paste_error: What was wrong with the text that was pasted last.
    """

    url: str
    seconds_left: int | None
    hints: tuple[str, ...] = ()
    paste_error: str | None = None

    def text(self) -> str:
        """Returns the URL on a line of its own, so that it can be copied."""
        first = f"To sign in at {self._host}, open this address in your browser:"
        return "\n".join((first, "", self.url, "", *map(printable, self._notes())))

    def html(self) -> str:
        """Returns a real link, which no popup blocker stops, with the noopener that no front end adds."""
        link = f'<a href="{html.escape(self.url)}" target="_blank" rel="noopener noreferrer"><b>Sign in</b></a>'
        return f"<p>{link} at <code>{_escape(self._host)}</code></p>{_paragraphs(self._notes())}"

    @property
    def _host(self) -> str:
        """The host at which the user is about to type a password."""
        return printable(urlsplit(self.url).netloc)

    def _notes(self) -> tuple[str, ...]:
        time_left = "Waiting for your sign-in."
        if self.seconds_left is not None:
            minutes, seconds = divmod(self.seconds_left, 60)
            time_left = f"Waiting for your sign-in: {minutes}:{seconds:02d} left. Stop the cell to cancel."
        return (time_left, *((self.paste_error,) if self.paste_error else ()), *self.hints)


@dataclass(frozen=True, repr=False)
class WidgetFallback:
    """A widget, and a view for front ends that show no widgets.

    Attributes:
        view: What those front ends show.
        model_id: The id of the widget's model.
    """

    view: View
    model_id: str

    def _repr_mimebundle_(self, **options: object) -> dict[str, Any]:
        widget = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {**self.view._repr_mimebundle_(**options), "application/vnd.jupyter.widget-view+json": widget}


@dataclass(frozen=True, repr=False)
class UntilPanelIsDrawn(View):
    """A view that a page hides as soon as it has drawn a panel, for Voila, where no output is ever replaced.

    Attributes:
        view: The view.
    """

    view: View

    def text(self) -> str:
        """Returns the text of the view."""
        return self.view.text()

    def html(self) -> str:
        """Returns the view, with a rule for it alone."""
        rule = "body:has(.cognito-panel h4) .cognito-until-panel { display: none }"
        return f'<style>{rule}</style><div class="cognito-until-panel">{self.view.html()}</div>'


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
        caption = f'<caption style="text-align:left;font-weight:bold">{_escape(self.title)}</caption>'
        table = f"<table>{caption}{''.join(f'<tr>{row}</tr>' for row in rows)}</table>{_paragraphs(self.notes)}"
        if self.link is None:
            return table
        text, url = _escape(self.link[0]), html.escape(self.link[1])
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


def _paragraphs(lines: tuple[str, ...]) -> str:
    return "".join(f"<p>{_escape(line)}</p>" for line in lines)


def _cell(tag: str, text: str, scope: str = "") -> str:
    scoped = f' scope="{scope}"' if scope else ""
    return f'<{tag}{scoped} style="text-align:left">{_escape(text)}</{tag}>'


def _escape(text: str) -> str:
    return html.escape(printable(text))
