"""The pages that a person sees: the login form, and what is said when there is nothing to sign in to."""

from __future__ import annotations

from flask import render_template_string

_PAGE_TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title><style>
:root { color-scheme: light dark; --ink: #1b2430; --soft: #5b6675; --ground: #f5f6f8; --sheet: #fff; --line: #c4cbd6;
  --act: #1f5fbf; --on-act: #fff; --bad: #a3261d; --bad-ground: #fdecea }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf0; --soft: #a4adba; --ground: #14181e; --sheet: #1e242c;
  --line: #475060; --act: #7fb0f5; --on-act: #10151c; --bad: #ffb4ab; --bad-ground: #3d1d1b } }
* { box-sizing: border-box }
html, body { min-height: 100%; margin: 0 }
body { min-height: 100vh; display: grid; grid-template-columns: 100%; place-items: center; overflow-wrap: anywhere; padding: 1rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }
main { width: min(24rem, 100%); padding: 2rem 1.75rem; background: var(--sheet); border-radius: .75rem }
h1 { margin: 0 0 .25rem; font-size: 1.375rem; line-height: 1.25 }
p { margin: 0 0 1.25rem; color: var(--soft) }
label { display: block; margin: 0 0 .25rem; font-weight: 600 }
input { width: 100%; margin: 0 0 1rem; padding: .625rem .75rem; font: inherit; color: inherit; background: transparent;
  border: 1px solid var(--line); border-radius: .375rem }
button { width: 100%; margin: .5rem 0 0; padding: .6875rem; font: inherit; font-weight: 600; color: var(--on-act);
  background: var(--act); border: 0; border-radius: .375rem; cursor: pointer }
input:focus-visible, button:focus-visible { outline: 3px solid var(--act); outline-offset: 2px }
[role=alert] { margin: 0 0 1rem; padding: .625rem .75rem; color: var(--bad); background: var(--bad-ground); border-radius: .375rem }
small { display: block; margin: 1.25rem 0 0; color: var(--soft) }
</style></head><body><main>{% block main %}{% endblock %}</main></body></html>
"""

_LOGIN_TEMPLATE = _PAGE_TEMPLATE.replace(
    "{% block main %}{% endblock %}",
    """<h1>Sign in</h1><p>at a Cognito on this computer, for the app client {{ app }}</p>
{% if problem %}<div role="alert" id="problem">{{ problem }}</div>{% endif %}
<form method="post" action="{{ action }}" autocomplete="on">
<input type="hidden" name="_csrf" value="{{ csrf }}">
<label for="username">User name</label>
<input id="username" name="username" value="{{ username }}" autocomplete="username" autocapitalize="none" spellcheck="false"
 required {{ "" if username else "autofocus" }} {% if problem %}aria-describedby="problem"{% endif %}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required {{ "autofocus" if username else "" }}>
<button type="submit">Sign in</button></form>
<small>This is a stand-in for Amazon Cognito. It runs on this computer alone; no password leaves it.</small>""",
)

_NOTICE_TEMPLATE = _PAGE_TEMPLATE.replace("{% block main %}{% endblock %}", "<h1>{{ title }}</h1><p>{{ text }}</p>")


def login_page(*, app: str, action: str, csrf: str, username: str = "", problem: str = "") -> str:
    """The login form, with a message where the last try was wrong."""
    return render_template_string(
        _LOGIN_TEMPLATE, title="Sign in", app=app, action=action, csrf=csrf, username=username, problem=problem
    )


def notice_page(title: str, text: str) -> str:
    """A page that says one thing."""
    return render_template_string(_NOTICE_TEMPLATE, title=title, text=text)
