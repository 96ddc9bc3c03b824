"""What the panel says, as HTML: pure functions of what is known, escaped.

Elements with `data-until` count down in the browser; where nothing of ours runs there, the bars still move by CSS.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

_PICTURE = """<svg viewBox="0 0 420 56" role="img"
 aria-label="A browser's address bar with all of its text marked."><rect x="1" y="1" width="418" height="54" rx="8"
 fill="none" stroke="currentColor" stroke-opacity=".35"/><g fill="currentColor" fill-opacity=".35"><circle cx="18"
 cy="28" r="4"/><circle cx="32" cy="28" r="4"/></g><rect x="48" y="12" width="360" height="32" rx="16" fill="none"
 stroke="var(--bar)" stroke-width="2"/><rect x="60" y="18" width="318" height="20" rx="3" fill="var(--bar)"
 fill-opacity=".25"/><text x="64" y="33" textLength="308" font-family="monospace" font-size="13"
 fill="currentColor">{address}</text></svg>"""
_BOX = """<label class="address">Address<input type="password" autocomplete="off" spellcheck="false" data-1p-ignore
 data-lpignore="true" placeholder="Paste it here"></label>"""


def heading(title: str, problem: str | None = None, busy: str | None = None, *, calm: bool = False) -> str:
    """The panel's first lines: how it stands.

    Args:
        title: That, in a few words.
        problem: What went wrong, and what to do.
        busy: What is being done just now.
        calm: Whether the problem is none, and is only said.
    """
    lines = f"<h4>{html.escape(title)}</h4>"
    if problem:
        lines += f'<p class="{"soft" if calm else "problem"}">{html.escape(problem)}</p>'
    if busy:
        lines += f'<p class="soft">{html.escape(busy)} …</p>'
    return lines


@dataclass(frozen=True, repr=False)
class Ways:
    """The two ways to finish a sign-in, both always open.

    Attributes:
        url: Where to sign in; it holds state and nonce.
        redirect_uri: Where the browser ends up.
        distance: Why the browser may not reach the kernel; None: nothing speaks for it, and the link stands first.
        listening: Whether anything waits for the browser; else pasting is the only way.
        notes: What else to know before a password is typed.
    """

    url: str
    redirect_uri: str
    distance: str | None
    listening: bool
    notes: tuple[str, ...] = ()


def ways(these: Ways, box: str = _BOX) -> str:
    """The link, and the paste box beside it; which of the two is thought to be needed, and why."""
    notes = "".join(f'<p class="soft under">{html.escape(note)}</p>' for note in these.notes)
    link, picture = _link(these.url) + notes, _picture(these.redirect_uri)
    if these.distance is None:
        help_with_it = (
            "If the page after your sign-in does not open, copy its whole address from the address bar and paste it "
            "here."
        )
        return f"<section>{link}</section><section><p>{help_with_it}</p>{picture}{box}</section>"
    way = "Should that page say that you are signed in, nothing needs pasting." if these.listening else ""
    first = f"<p>{html.escape(these.distance)}, so it takes two steps.</p><p><b>1.</b> Sign in:</p>{link}"
    second = (
        "<p><b>2.</b> Copy the whole address of the page where you end up, which may be an error page, from the "
        f"address bar and paste it here. {way}</p>"
    )
    return f"<section>{first}</section><section>{second}{picture}{box}</section>"


def _link(url: str) -> str:
    """The button that is a real link, which no popup blocker stops, and where it leads; no front end adds noopener."""
    host = html.escape(urlsplit(url).netloc)
    target = f'href="{html.escape(url)}" target="_blank" rel="noopener noreferrer"'
    return f'<a class="go" {target}>Sign in</a><p class="soft under">opens <b>{host}</b> in a new tab</p>'


def _picture(redirect_uri: str) -> str:
    where = urlsplit(redirect_uri)
    start = f"{where.scheme}://{where.netloc}"
    if len(start) > 26:
        start = f"{start[:25]}…"
    return _PICTURE.format(address=html.escape(f"{start}/?code=…&state=…"))


def countdown(until: datetime, whole: float, now: datetime | None = None) -> str:
    """The time that a login still has; `now` as for `time_left`."""
    left, bar = _left(until, whole, now), _bar(until, whole, "Time left to sign in", now)
    return f'<div class="count">{bar}<p class="soft under">Time left to sign in: {left}</p></div>'


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """Who is signed in, and what else is worth knowing."""
    return (
        "<dl>" + "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in rows) + "</dl>"
    )


def time_left(what: str, until: datetime, whole: float, then: str, now: datetime | None = None) -> str:
    """How long something still lasts, as a bar that moves.

    Args:
        what: What it is, such as "AWS keys".
        until: Its end.
        whole: How long it lasts in all, in seconds.
        then: What happens at its end.
        now: Where nothing of ours runs in the browser to move the bar: from when CSS is to move it.
    """
    left, bar = _left(until, whole, now), _bar(until, whole, f"Time left: {what}", now)
    text = f"{html.escape(what)}: {left} left, until {clock(until)}; {html.escape(then)}"
    return f'<div class="count">{bar}<p class="soft under">{text}</p></div>'


def note(text: str) -> str:
    """A sentence that only explains."""
    return f'<p class="soft under">{html.escape(text)}</p>'


def clock(when: datetime) -> str:
    """A point in time by the kernel's clock: the time alone, with the day where it is another one."""
    local = when.astimezone()
    return f"{local:%H:%M}" if local.date() == datetime.now(UTC).astimezone().date() else f"{local:%a %d %b, %H:%M}"


def in_words(seconds: float) -> str:
    """A length of time as a person says it; panel_face.js says it the same way, and counts the last minutes."""
    if seconds < 7200:
        minutes = max(0, round(seconds / 60))
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"{round(seconds / 3600)} hours" if seconds < 172_800 else f"{round(seconds / 86_400)} days"


def _left(until: datetime, whole: float, now: datetime | None) -> str:
    words = "" if now is None else in_words((until - now).total_seconds())
    return f"<span {_counts(until, whole)}>{words}</span>"


def _bar(until: datetime, whole: float, label: str, now: datetime | None) -> str:
    style = ""
    if now is not None:
        passed = max(0.0, whole - (until - now).total_seconds())
        style = f' style="animation: cognito-shrink {whole:.0f}s linear -{passed:.0f}s forwards"'
    role = f'role="progressbar" aria-label="{html.escape(label)}" aria-valuemin="0" aria-valuemax="100"'
    return f'<div class="bar" {role} aria-valuenow="100" {_counts(until, whole)}><i{style}></i></div>'


def _counts(until: datetime, whole: float) -> str:
    return f'data-until="{until.timestamp() * 1000:.0f}" data-whole="{max(whole, 1.0):.0f}"'
