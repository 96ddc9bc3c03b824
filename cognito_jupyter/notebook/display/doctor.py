"""What `%cognito_doctor` shows: the report as a table, and what only the front end can be asked.

The checks themselves are in `cognito_jupyter.doctor`.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..._printable import printable
from ..._util.terminal import print_text
from ...doctor.examine import examine
from ...doctor.report import SIGN_IN, Check, Report, Verdict, note, ok, without_home
from ...doctor.sign_in_checks import check_sign_in
from ...doctor.version_checks import check_versions
from ..kernel.frontend import Frontend, remote_kernel_reason
from .ipython import display_view
from .views import Note, View

if TYPE_CHECKING:
    from ...settings import Settings
    from ...settings.trust import ConfirmTrust
    from ..model.state import NotebookState

_TOPIC = "this front end"
_CHECKING = Note(("Checking the set-up; this takes a few seconds.",))
_COLOURS = {Verdict.FAIL: "#c5221f", Verdict.NOTE: "#8a6100", Verdict.OK: "#1e7e34", Verdict.UNKNOWN: "#5f6368"}


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
        sign_in: Whether to try each role of the current sign-in.
        as_json: Whether to print JSON.
    """
    shown = display_view(_CHECKING) if state.frontend.can_update_display and not as_json else None
    report, _ = examine(
        overrides,
        traits=traits,
        confirm_trust=confirm_trust,
        further_checks=lambda settings: (*_check_front_end(state.frontend, settings), *check_versions()),
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


def _check_front_end(frontend: Frontend, settings: Settings | None) -> Iterator[Check]:
    """Yields what this front end can show and ask, and whether the browser may be on another computer.

    Args:
        frontend: The front end.
        settings: The settings of the login; None: they cannot be used.
    """
    if frontend.kernel is None:
        yield ok(_TOPIC, "This is a terminal: a login shows a link, and the browser's address can be pasted.")
    elif frontend.is_voila:
        yield ok(_TOPIC, "Voila shows this: a login is made by the panel.")
    elif frontend.is_notebook:
        yield ok(_TOPIC, "The cell comes from a notebook, which can show the panel.")
    else:
        yield note(_TOPIC, "The cell comes from no notebook, so a login shows a link and no panel.")
    if not frontend.can_prompt and not frontend.is_voila:
        yield note(
            _TOPIC, "No user can be asked for input here.", "Run %cognito_login in JupyterLab, or sign in there first."
        )
    reason = remote_kernel_reason(settings.remote_kernel if settings is not None else None)
    if reason is None:
        yield ok(_TOPIC, "Nothing suggests that the browser is on another computer than this kernel.")
    else:
        yield note(
            _TOPIC,
            f"The browser may be on another computer than this kernel ({reason}), so its address is pasted.",
            "If it is on this one, set remote_kernel = false.",
        )


def _row(check: Check) -> str:
    weight = "bold" if check.verdict is Verdict.FAIL else "normal"
    style = f"text-align:left;vertical-align:top;color:{_COLOURS[check.verdict]};font-weight:{weight}"
    remedy = f"<br><em>{_escape(without_home(check.remedy))}</em>" if check.remedy else ""
    what = f'<td style="text-align:left">{_escape(without_home(check.what))}{remedy}</td>'
    return f'<tr><td style="{style}">{check.verdict.value}</td>{what}</tr>'


def _escape(text: str) -> str:
    return html.escape(printable(text))
