"""The panel's HTML, as pure functions of values; they make all text one printable line, and escape it.

panel/content.py calls them.

view.js counts down in elements with `data-until`. Where no JavaScript of this package runs, CSS still moves the bars.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from ..._printable import printable
from ..._util.durations import duration_in_words

_ADDRESS_BAR = Path(__file__).with_name("address_bar.svg").read_text(encoding="utf-8")
_ADDRESS_LENGTH = 30
"""Characters of the redirect URI that the picture of the address bar has room for."""
_PASTE_HELP = "Copy its whole address from the address bar and paste it here."
_BUSY_BAR = '<div class="bar busy" role="progressbar" aria-label="{label}"><i></i></div>'
_PASTE_BOX = """<label class="address">Address<input type="password" autocomplete="off" spellcheck="false"
 data-1p-ignore data-lpignore="true" placeholder="Paste it here"></label>"""


def heading(title: str, error: str | None = None, busy: str | None = None, *, neutral: bool = False) -> str:
    """Returns the panel's first lines: the status.

    Args:
        title: The status in a few words.
        error: What went wrong, and what to do.
        busy: What is being done at the moment.
        neutral: Whether the text of `error` is shown as information.
    """
    lines = f"<h4>{_escape(title)}</h4>"
    if error:
        lines += f'<p class="{"soft" if neutral else "problem"}">{_escape(error)}</p>'
    if busy:
        lines += f'<p class="soft">{_escape(busy)} …</p>{_BUSY_BAR.format(label=_escape(busy))}'
    return lines


@dataclass(frozen=True, repr=False)
class SignInOptions:
    """The two ways to finish a login, both always possible.

    Attributes:
        url: Where to sign in; it holds the login's state and nonce.
        redirect_uri: Where the browser ends up.
        paste_first_reason: Why the browser may not reach the kernel, so that pasting is explained step by step; None:
            there is no sign of that, and one line opens the paste box.
        listening: Whether a listener waits for the browser; otherwise pasting is the only way.
        notes: What else to know before typing a password.
    """

    url: str
    redirect_uri: str
    paste_first_reason: str | None
    listening: bool
    notes: tuple[str, ...] = ()


def sign_in_options(options: SignInOptions, *, paste_box: bool) -> str:
    """Returns the link and the paste box; both are always there, and one of them is likely to be needed.

    Args:
        options: The ways to finish the login.
        paste_box: Whether the HTML holds the paste box.
    """
    host = _escape(urlsplit(options.url).netloc)
    # A real link, which no popup blocker stops; no front end adds noopener.
    target = f'href="{html.escape(options.url)}" target="_blank" rel="noopener noreferrer"'
    link = f'<a class="go" {target}>Sign in</a><p class="soft under">opens <b>{host}</b> in a new tab</p>'
    link += "".join(map(note, options.notes))
    address = _escape(f"{_abbreviate(options.redirect_uri)}?code=…&state=…")
    paste = _ADDRESS_BAR.format(address=address) + (_PASTE_BOX if paste_box else "")
    if options.paste_first_reason is None:
        summary, paste_help = "Did the browser show an error page?", f"<p>{_PASTE_HELP}</p>{paste}"
        if paste_box:
            paste_help = f"<details><summary>{summary}</summary>{paste_help}</details>"
        else:
            # The box is a widget of its own below this HTML, which nothing here can hide.
            paste_help = f"<p>{summary}</p>{paste_help}"
        return f"<section>{link}</section><section>{paste_help}</section>"
    first = f"<p>{_escape(options.paste_first_reason)}. Sign in by these two steps instead.</p>"
    second = (
        "Copy the whole address of the page where you end up, which may be an error page, from the address bar and "
        "paste it here."
    )
    if options.listening:
        second += " If that page says that you are signed in, you do not need to paste anything."
    return (
        f"<section>{first}<p><b>1.</b> Sign in:</p>{link}</section><section><p><b>2.</b> {second}</p>{paste}</section>"
    )


def countdown(until: datetime, total: float, now: datetime | None = None) -> str:
    """Returns the time that a login has left, as a bar that moves.

    Args:
        until: When the login times out.
        total: The seconds that it had at its start.
        now: As for `time_left`.
    """
    label = "Time left to sign in"
    return _progress(until, total, label, f"{label}: {_time_left_text(until, total, now)}", now)


def facts(rows: Sequence[tuple[str, str]], code: Sequence[tuple[str, str]] = ()) -> str:
    """Returns names and values as a list.

    Args:
        rows: The names and values.
        code: More of them, whose values are code to type.
    """
    items = "".join(f"<dt>{_escape(name)}</dt><dd>{_escape(value)}</dd>" for name, value in rows)
    items += "".join(f"<dt>{_escape(name)}</dt><dd><code>{_escape(value)}</code></dd>" for name, value in code)
    return f"<dl>{items}</dl>"


def time_left(what: str, until: datetime, total: float, afterwards: str, now: datetime | None = None) -> str:
    """Returns how long something lasts, as a bar that moves.

    Args:
        what: What it is, such as "AWS keys".
        until: Its end.
        total: How long it lasts in all, in seconds.
        afterwards: What happens at its end.
        now: The current time, where CSS has to move the bar; None: view.js moves it.
    """
    left = _time_left_text(until, total, now)
    text = f"{_escape(what)}: {left} left, until {local_time(until)}; {_escape(afterwards)}"
    return _progress(until, total, f"Time left: {what}", text, now)


def note(text: str) -> str:
    """Returns a sentence that only explains."""
    return f'<p class="soft under">{_escape(text)}</p>'


def local_time(time: datetime) -> str:
    """Returns a point in time by the kernel's clock: only the time of day, or with the date if that is not today."""
    local = time.astimezone()
    return f"{local:%H:%M}" if local.date() == datetime.now(UTC).astimezone().date() else f"{local:%a %d %b, %H:%M}"


def _abbreviate(redirect_uri: str) -> str:
    """Returns a redirect URI; of a long one, its beginning and the end of its path."""
    parts = urlsplit(redirect_uri)
    path = parts.path or "/"
    whole = f"{parts.scheme}://{parts.netloc}{path}"
    if len(whole) <= _ADDRESS_LENGTH:
        return whole
    end = path[-_ADDRESS_LENGTH // 2 :]
    return f"{whole[: _ADDRESS_LENGTH - 1 - len(end)]}…{end}"


def _time_left_text(until: datetime, total: float, now: datetime | None) -> str:
    words = "" if now is None else duration_in_words((until - now).total_seconds(), in_minutes=True)
    return f"<span {_countdown_attributes(until, total)}>{words}</span>"


def _progress(until: datetime, total: float, label: str, text: str, now: datetime | None) -> str:
    style = ""
    if now is not None:
        passed = max(0.0, total - (until - now).total_seconds())
        style = f' style="animation: cognito-shrink {total:.0f}s linear -{passed:.0f}s forwards"'
    role = f'role="progressbar" aria-label="{_escape(label)}" aria-valuemin="0" aria-valuemax="100"'
    bar = f'<div class="bar" {role} aria-valuenow="100" {_countdown_attributes(until, total)}><i{style}></i></div>'
    return f'<div class="count">{bar}<p class="soft under">{text}</p></div>'


def _countdown_attributes(until: datetime, total: float) -> str:
    return f'data-until="{until.timestamp() * 1000:.0f}" data-total="{max(total, 1.0):.0f}"'


def _escape(text: str) -> str:
    return html.escape(printable(text))
