"""What `%cognito_doctor` shows: the report as a table, and what only the front end can be asked.

The checks themselves are in `cognito_jupyter.doctor`.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..._printable import printable
from ..._util.terminal import print_text
from ...doctor.examine import examine
from ...doctor.report import SIGN_IN, Check, Report, Verdict, fail, note, ok, unknown, without_home
from ...doctor.sign_in_checks import check_sign_in
from ...doctor.version_checks import check_versions
from ...oauth.redirect_uri import parse_redirect_uris
from ...oauth.relay.listener import Relay
from ..kernel.frontend import Frontend, remote_kernel_reason
from .ipython import display_view
from .panel_output import wait_a_moment
from .views import Note, View

if TYPE_CHECKING:
    from ...settings import Settings
    from ...settings.trust import ConfirmTrust
    from ..model.state import NotebookState

_TOPIC = "this front end"
_CHECKING = Note(("Checking the set-up; this takes a few seconds.",))
_WAIT = 2.0
"""Seconds within which a front end reports what it draws."""
_COLOURS = {Verdict.FAIL: "#c5221f", Verdict.NOTE: "#8a6100", Verdict.OK: "#1e7e34", Verdict.UNKNOWN: "#5f6368"}


class ProbedPanel(Protocol):
    """A panel, as far as it matters here."""

    @property
    def has_view(self) -> bool:
        """Whether this kernel has an anywidget that can be used."""

    @property
    def creates_view(self) -> bool:
        """Whether a front end has reported that it has anywidget and can draw the view."""

    @property
    def creates_widgets(self) -> bool:
        """Whether a front end has reported that it can draw ipywidgets."""

    def close_all_parts(self) -> None:
        """Ends the panel, and every widget in it."""


MakePanel = Callable[[], ProbedPanel | None]


@dataclass(frozen=True)
class ReportView(View):
    """A report as a table.

    Attributes:
        report: The report.
    """

    report: Report

    def text(self) -> str:
        """Returns it as a terminal shows it."""
        return self.report.to_text()

    def html(self) -> str:
        """Returns a table with a row for each check, the failures in bold."""
        rows: list[str] = []
        topic = None
        for check in self.report.checks:
            if check.topic != topic:
                topic = check.topic
                rows.append(f'<tr><th scope="rowgroup" colspan="2" style="text-align:left">{_escape(topic)}</th></tr>')
            rows.append(_row(check))
        caption = f'<caption style="text-align:left;font-weight:bold">{_escape(self.report.conclusion)}</caption>'
        return f"<table>{caption}{''.join(rows)}</table>"


def show_report(  # noqa: PLR0913 - what the settings are made of, and the options
    state: NotebookState,
    overrides: Mapping[str, object],
    traits: Mapping[str, object],
    confirm_trust: ConfirmTrust | None,
    make_panel: MakePanel,
    *,
    sign_in: bool,
    as_json: bool,
) -> None:
    """Makes the checks and displays the report.

    Args:
        state: The notebook's state.
        overrides: The options of the magic that are settings.
        traits: The values of `c.CognitoMagics` that are settings.
        confirm_trust: Asks the user about a settings file; None: no user can be asked.
        make_panel: Makes a panel; it returns None in a kernel without widgets.
        sign_in: Whether to try each role of the current sign-in.
        as_json: Whether to print JSON.
    """
    shown = display_view(_CHECKING) if state.frontend.can_update_display and not as_json else None
    report, _ = examine(
        overrides,
        traits=traits,
        confirm_trust=confirm_trust,
        further_checks=lambda settings: (*_check_front_end(state, settings, make_panel), *check_versions()),
    )
    if sign_in:
        report = Report((*report.checks, *_check_sign_in(state)), report.requests)
    if as_json:
        print_text(json.dumps(report.to_json(), indent=2))
    elif shown is not None:
        shown.update(ReportView(report))
    else:
        display_view(ReportView(report))


def _check_sign_in(state: NotebookState) -> Iterator[Check]:
    if state.current is None:
        yield note(SIGN_IN, "You are not signed in, so no role was tried.", "Run %cognito_login, then this again.")
    else:
        yield from check_sign_in(state.current.manager)


def _check_front_end(state: NotebookState, settings: Settings | None, make_panel: MakePanel) -> Iterator[Check]:
    """Yields what this front end can show and ask, and whether the sign-in comes back to this kernel by itself.

    Args:
        state: The notebook's state.
        settings: The settings of the login; None: they cannot be used.
        make_panel: Makes a panel, which no output shows; None: the kernel has no widgets.
    """
    frontend = state.frontend
    if frontend.kernel is None:
        yield ok(_TOPIC, "This is a terminal: a login shows a link, and the browser's address can be pasted.")
    elif frontend.is_voila:
        yield ok(_TOPIC, "Voila shows this: a login is made by the panel.")
    elif frontend.is_console:
        yield ok(_TOPIC, "This is a console: a login shows a link, and the browser's address can be pasted.")
    else:
        if frontend.is_notebook:
            yield ok(_TOPIC, "The cell comes from a notebook.")
        else:
            yield note(_TOPIC, "The cell does not say that it comes from a notebook, so a login shows a link at first.")
        yield _check_widgets(frontend, make_panel)
    yield from _check_input(state, settings)
    yield _check_way_back(settings)


def _check_input(state: NotebookState, settings: Settings | None) -> Iterator[Check]:
    frontend = state.frontend
    if frontend.is_voila:
        return
    if frontend.can_prompt:
        yield ok(_TOPIC, "A user can be asked for input.")
    elif state.current is not None or (settings is not None and state.load_remembered(settings) is not None):
        yield note(_TOPIC, "No user can be asked for input here; the sign-in that is there is used.")
    else:
        yield fail(
            _TOPIC,
            "No user can be asked for input here, as in nbconvert and papermill, so that no user can sign in.",
            "Run %cognito_login --remember in JupyterLab first.",
        )


def _check_widgets(frontend: Frontend, make_panel: MakePanel) -> Check:
    """Returns whether the panel can be drawn: the front end reports it for a panel that no output shows."""
    if frontend.creates_widgets_late:
        return unknown(_TOPIC, "This front end tells only of a panel that it shows whether it can draw it.")
    panel = make_panel()
    if panel is None:
        return note(
            _TOPIC,
            "This kernel has no ipywidgets that can be used, so a login shows a link and no panel.",
            "In the kernel's environment, run: pip install ipywidgets anywidget",
        )
    try:
        # Both reports, if both come: ipykernel prints a warning into the cell for a message to a widget that is closed.
        wait_a_moment(frontend, lambda: panel.creates_widgets and (panel.creates_view or not panel.has_view), _WAIT)
        return _check_report(panel)
    finally:
        panel.close_all_parts()


def _check_report(panel: ProbedPanel) -> Check:
    if panel.creates_view:
        return ok(_TOPIC, "The front end draws the panel: it has a widgets manager and anywidget.")
    if not panel.creates_widgets:
        return note(
            _TOPIC,
            "The front end has reported no widgets manager that fits this kernel's ipywidgets, so a login shows a link "
            "and no panel.",
            "In the environment of the Jupyter server, run: pip install jupyterlab_widgets anywidget",
        )
    where = "the environment of the Jupyter server" if panel.has_view else "this kernel's environment"
    return note(
        _TOPIC,
        f"There is no anywidget that can be used in {where}, so ipywidgets alone draw the panel; a notebook that is "
        "saved with its widgets' state during a login holds the link.",
        f"In {where}, run: pip install anywidget",
    )


def _check_way_back(settings: Settings | None) -> Check:
    """Returns whether the browser comes back to this kernel by itself, or its address is pasted."""
    reason = remote_kernel_reason(settings.remote_kernel if settings is not None else None)
    relay = Relay.find()
    uris = parse_redirect_uris(settings.configuration.redirect_uri) if settings is not None else ()
    if relay is not None and any(relay.receives(uri) for uri in uris):
        return ok(_TOPIC, "The browser comes back to this kernel through its Jupyter server, wherever the browser is.")
    if reason is None:
        return ok(_TOPIC, "Nothing suggests that the browser is on another computer than this kernel.")
    if relay is not None and not any(uri.relay for uri in uris):
        remedy = f"This Jupyter server has a relay: register its own address, with {min(relay.paths, default='')}."
    else:
        remedy = "If it is on this one, set remote_kernel = false."
    return note(
        _TOPIC,
        f"The browser may be on another computer than this kernel ({reason}), so its address is pasted.",
        remedy,
    )


def _row(check: Check) -> str:
    weight = "bold" if check.verdict is Verdict.FAIL else "normal"
    style = f"text-align:left;vertical-align:top;color:{_COLOURS[check.verdict]};font-weight:{weight}"
    remedy = f"<br><em>{_escape(without_home(check.remedy))}</em>" if check.remedy else ""
    what = f'<td style="text-align:left">{_escape(without_home(check.what))}{remedy}</td>'
    return f'<tr><td style="{style}">{check.verdict.value}</td>{what}</tr>'


def _escape(text: str) -> str:
    return html.escape(printable(text))
