"""What the panel says, as HTML: pure functions of what is known, escaped, and readable in every theme.

The colours are JupyterLab's own where it is around, else the browser's; the bars move by themselves in the browser, so
that nothing in the kernel has to tick for them.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

STYLE = """<style>
.cognito-panel { --ink: var(--jp-ui-font-color1, CanvasText); --soft: var(--jp-ui-font-color2, GrayText);
  --act: var(--jp-brand-color1, LinkText); --line: var(--jp-border-color1, GrayText);
  max-width: 34rem; min-width: 0; padding: 1rem; border: 1px solid var(--line); border-radius: .5rem; overflow: hidden }
.cognito-panel .widget-html, .cognito-panel .widget-html-content { height: auto; min-width: 0; margin: 0;
  overflow-wrap: anywhere; white-space: normal; line-height: 1.45; color: var(--ink) }
.cognito-panel h4 { margin: 0 0 .25rem; font-size: 1.05em; line-height: 1.3 }
.cognito-panel p { margin: 0 0 .5rem }
.cognito-panel .soft { color: var(--soft) }
.cognito-panel .problem { margin: 0 0 .5rem; padding: .5rem .75rem;
  border-left: 3px solid var(--jp-error-color1, #c62828) }
.cognito-panel a.go { display: block; padding: .5rem 1rem; border-radius: .25rem; text-align: center; font-weight: 600;
  text-decoration: none; color: #fff; background: #1a56a8 }
.cognito-panel a.go:hover { background: #134487 }
.cognito-panel a.go:focus-visible { outline: 3px solid var(--act); outline-offset: 2px }
.cognito-panel .bar { height: .375rem; margin: .25rem 0 .5rem; border-radius: .25rem; overflow: hidden;
  background: var(--jp-border-color2, #8884) }
.cognito-panel .bar > i { display: block; height: 100%; width: 100%; background: var(--act); transform-origin: left;
  animation: cognito-shrink linear forwards }
.cognito-panel dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .125rem .75rem; margin: 0 }
.cognito-panel dt { color: var(--soft) } .cognito-panel dd { margin: 0 }
.cognito-panel svg { display: block; width: 100%; max-width: 26rem; height: auto; margin: .25rem 0 .5rem }
@keyframes cognito-shrink { to { transform: scaleX(0) } }
</style>"""

COPY_PICTURE = """<svg viewBox="0 0 420 56" role="img"
 aria-label="A browser with its address bar marked: copy all of it.">
<rect x="1" y="1" width="418" height="54" rx="8" fill="none" stroke="currentColor" stroke-opacity=".35"/>
<circle cx="18" cy="28" r="4" fill="currentColor" fill-opacity=".35"/><circle cx="32" cy="28" r="4" fill="currentColor"
 fill-opacity=".35"/><rect x="48" y="13" width="358" height="30" rx="15" fill="none" stroke="#1a56a8" stroke-width="2"/>
<text x="64" y="33" font-family="monospace" font-size="13" fill="currentColor">http://localhost:3000/?code=…&amp;state=…</text>
</svg>"""


def heading(title: str, problem: str | None = None, busy: str | None = None) -> str:
    """The panel's first lines: how it stands, announced by screen readers when it changes."""
    lines = f"<h4>{html.escape(title)}</h4>"
    if problem:
        lines += f'<p class="problem">{html.escape(problem)}</p>'
    if busy:
        lines += f'<p class="soft">{html.escape(busy)} …</p>'
    return f'{STYLE}<div role="status" aria-live="polite">{lines}</div>'


def link(url: str) -> str:
    """The button that is a real link, which no popup blocker stops, and where it leads."""
    host = html.escape(urlsplit(url).netloc)
    target = f'href="{html.escape(url)}" target="_blank" rel="noopener noreferrer"'
    return f'<a class="go" {target}>Sign in</a><p class="soft" style="margin-top:.375rem">opens <b>{host}</b></p>'


def countdown(seconds: float, whole: float) -> str:
    """The time that a login still has, as a bar."""
    minutes = max(1, round(seconds / 60))
    text = f"This attempt ends in about {minutes} minute{'s' if minutes > 1 else ''}."
    return f"{_bar(seconds, whole, 'Time left to sign in')}<p class='soft'>{text}</p>"


def help_with_paste(reason: str | None) -> str:
    """What to do where the browser cannot reach the notebook."""
    first = "" if reason is None else f"<p>The browser may be on another computer than this notebook: {reason}.</p>"
    return (
        f"{first}<p>If the page after your sign-in does not open, copy its whole address from the address bar and "
        f"paste it here.</p>{COPY_PICTURE}"
    )


def person(rows: Sequence[tuple[str, str]]) -> str:
    """Who is signed in, and what else is worth knowing."""
    return (
        "<dl>" + "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in rows) + "</dl>"
    )


def time_left(until: datetime, now: datetime, whole: float) -> str:
    """How long the keys still live, as a bar that moves."""
    left = (until - now).total_seconds()
    text = f"Keys until {until.astimezone():%H:%M}, renewed by themselves."
    return f"{_bar(left, whole, 'Time left of the AWS keys')}<p class='soft'>{text}</p>"


def _bar(left: float, whole: float, label: str) -> str:
    whole = max(whole, left, 1.0)
    style = f"animation-duration:{whole:.0f}s;animation-delay:-{whole - max(left, 0):.0f}s"
    return f'<div class="bar" role="img" aria-label="{label}"><i style="{style}"></i></div>'
