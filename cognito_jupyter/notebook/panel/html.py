"""What the panel says, as HTML: pure functions of what is known, escaped.

Elements with `data-until` count down in the browser; where nothing of ours runs there, the bars still move by CSS.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

_ADDRESS_BAR = """<svg viewBox="0 0 420 56" role="img"
 aria-label="A browser's address bar with all of its text marked."><rect x="1" y="1" width="418" height="54" rx="8"
 fill="none" stroke="currentColor" stroke-opacity=".35"/><g fill="currentColor" fill-opacity=".35"><circle cx="18"
 cy="28" r="4"/><circle cx="32" cy="28" r="4"/></g><rect x="48" y="12" width="360" height="32" rx="16" fill="none"
 stroke="var(--bar)" stroke-width="2"/><rect x="60" y="18" width="318" height="20" rx="3" fill="var(--bar)"
 fill-opacity=".25"/><text x="64" y="33" textLength="308" font-family="monospace" font-size="13"
 fill="currentColor">{address}</text></svg>"""
_PASTE_BOX = """<label class="address">Address<input type="password" autocomplete="off" spellcheck="false"
data-1p-ignore
 data-lpignore="true" placeholder="Paste it here"></label>"""


def heading(title: str, error: str | None = None, busy: str | None = None, *, neutral: bool = False) -> str:
    """The panel's first lines: how it stands.

    Args:
        title: That, in a few words.
        error: What went wrong, and what to do.
        busy: What is being done just now.
        neutral: Whether the problem is none, and is only said.
    """
    lines = f"<h4>{html.escape(title)}</h4>"
    if error:
        lines += f'<p class="{"soft" if neutral else "problem"}">{html.escape(error)}</p>'
    if busy:
        lines += f'<p class="soft">{html.escape(busy)} …</p>'
    return lines


@dataclass(frozen=True, repr=False)
class SignInOptions:
    """The two ways to finish a sign-in, both always open.

    Attributes:
        url: Where to sign in; it holds state and nonce.
        redirect_uri: Where the browser ends up.
        paste_first_reason: Why the browser may not reach the kernel; None: nothing speaks for it, and the link stands
            first.
        listening: Whether anything waits for the browser; else pasting is the only way.
        notes: What else to know before a password is typed.
    """

    url: str
    redirect_uri: str
    paste_first_reason: str | None
    listening: bool
    notes: tuple[str, ...] = ()


def sign_in_options(options: SignInOptions, box: str = _PASTE_BOX) -> str:
    """The link, and the paste box beside it; which of the two is thought to be needed, and why."""
    notes = "".join(f'<p class="soft under">{html.escape(note)}</p>' for note in options.notes)
    link, picture = _link(options.url) + notes, _address_bar(options.redirect_uri)
    if options.paste_first_reason is None:
        paste_help = (
            "If the page after your sign-in does not open, copy its whole address from the address bar and paste it "
            "here."
        )
        return f"<section>{link}</section><section><p>{paste_help}</p>{picture}{box}</section>"
    if_reachable = "Should that page say that you are signed in, nothing needs pasting." if options.listening else ""
    first = f"<p>{html.escape(options.paste_first_reason)}, so it takes two steps.</p><p><b>1.</b> Sign in:</p>{link}"
    second = (
        "<p><b>2.</b> Copy the whole address of the page where you end up, which may be an error page, from the "
        f"address bar and paste it here. {if_reachable}</p>"
    )
    return f"<section>{first}</section><section>{second}{picture}{box}</section>"


def _link(url: str) -> str:
    """The button that is a real link, which no popup blocker stops, and where it leads; no front end adds noopener."""
    host = html.escape(urlsplit(url).netloc)
    target = f'href="{html.escape(url)}" target="_blank" rel="noopener noreferrer"'
    return f'<a class="go" {target}>Sign in</a><p class="soft under">opens <b>{host}</b> in a new tab</p>'


def _address_bar(redirect_uri: str) -> str:
    parts = urlsplit(redirect_uri)
    start = f"{parts.scheme}://{parts.netloc}"
    if len(start) > 26:
        start = f"{start[:25]}…"
    return _ADDRESS_BAR.format(address=html.escape(f"{start}/?code=…&state=…"))


def countdown(until: datetime, total: float, now: datetime | None = None) -> str:
    """The time that a login still has; `now` as for `time_left`."""
    left, bar = _time_left_text(until, total, now), _progress_bar(until, total, "Time left to sign in", now)
    return f'<div class="count">{bar}<p class="soft under">Time left to sign in: {left}</p></div>'


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """Who is signed in, and what else is worth knowing."""
    return (
        "<dl>" + "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in rows) + "</dl>"
    )


def time_left(what: str, until: datetime, total: float, afterwards: str, now: datetime | None = None) -> str:
    """How long something still lasts, as a bar that moves.

    Args:
        what: What it is, such as "AWS keys".
        until: Its end.
        total: How long it lasts in all, in seconds.
        afterwards: What happens at its end.
        now: Where nothing of ours runs in the browser to move the bar: from when CSS is to move it.
    """
    left, bar = _time_left_text(until, total, now), _progress_bar(until, total, f"Time left: {what}", now)
    text = f"{html.escape(what)}: {left} left, until {local_time(until)}; {html.escape(afterwards)}"
    return f'<div class="count">{bar}<p class="soft under">{text}</p></div>'


def note(text: str) -> str:
    """A sentence that only explains."""
    return f'<p class="soft under">{html.escape(text)}</p>'


def local_time(time: datetime) -> str:
    """A point in time by the kernel's clock: the time alone, with the day where it is another one."""
    local = time.astimezone()
    return f"{local:%H:%M}" if local.date() == datetime.now(UTC).astimezone().date() else f"{local:%a %d %b, %H:%M}"


def format_duration(seconds: float) -> str:
    """A length of time as a person says it; panel_face.js says it the same way, and counts the last minutes."""
    if seconds < 7200:
        minutes = max(0, round(seconds / 60))
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"{round(seconds / 3600)} hours" if seconds < 172_800 else f"{round(seconds / 86_400)} days"


def _time_left_text(until: datetime, total: float, now: datetime | None) -> str:
    words = "" if now is None else format_duration((until - now).total_seconds())
    return f"<span {_countdown_attributes(until, total)}>{words}</span>"


def _progress_bar(until: datetime, total: float, label: str, now: datetime | None) -> str:
    style = ""
    if now is not None:
        passed = max(0.0, total - (until - now).total_seconds())
        style = f' style="animation: cognito-shrink {total:.0f}s linear -{passed:.0f}s forwards"'
    role = f'role="progressbar" aria-label="{html.escape(label)}" aria-valuemin="0" aria-valuemax="100"'
    return f'<div class="bar" {role} aria-valuenow="100" {_countdown_attributes(until, total)}><i{style}></i></div>'


def _countdown_attributes(until: datetime, total: float) -> str:
    return f'data-until="{until.timestamp() * 1000:.0f}" data-whole="{max(total, 1.0):.0f}"'
