"""What a login displays: the link to the sign-in page, and a panel in front ends with and without widgets.

The login prompt and the panel build these values; nothing here displays them. Only `SignInLink` holds anything secret,
so a login replaces it when it ends.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..._printable import printable
from .views import Note, View, escape, paragraphs

UNCONFIRMED_RELAY = "It is not known whether your browser comes back to this notebook by itself"
"""The start of a sentence for a login at a relay that no browser is known to have reached."""


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
        return f"<p>{link} at <code>{escape(self._host)}</code></p>{paragraphs(self._notes())}"

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
