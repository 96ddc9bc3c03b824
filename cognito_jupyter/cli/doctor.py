"""`cognito-jupyter doctor`: checks a set-up from this computer, and prints what it found as text or as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace

from ..doctor.examine import examine
from ..doctor.report import SIGN_IN, Check, Report, fail
from ..doctor.sign_in_checks import check_sign_in
from ..doctor.version_checks import check_versions
from ..errors import CognitoError
from ..settings import Settings
from ..signin.request import SignInRequest
from ..signin.service import LoginService
from .arguments import setting_overrides
from .login import trust_at_terminal, wait_for_user


def doctor(arguments: argparse.Namespace) -> int:
    """Prints the report.

    Returns:
        The exit code: 0, or 1 if a check failed.
    """
    print("Checking the set-up; this takes a few seconds.", file=sys.stderr, flush=True)
    report, settings = examine(
        setting_overrides(arguments),
        confirm_trust=trust_at_terminal(),
        further_checks=lambda _: check_versions(),
    )
    if arguments.sign_in and settings is not None:
        report = Report((*report.checks, *_sign_in(settings, arguments)), report.requests)
    print(json.dumps(report.to_json(), indent=2) if arguments.json else report.to_text(), flush=True)
    return 1 if report.failed else 0


def _sign_in(settings: Settings, arguments: argparse.Namespace) -> Iterator[Check]:
    """Yields what a sign-in tells; it is ended again, and nothing of it is stored."""
    from ..oauth.authenticator import CognitoOAuthAuthenticator

    settings = replace(settings, remember=False)
    service = LoginService(SignInRequest(settings, fresh=True), CognitoOAuthAuthenticator.from_settings(settings))
    try:
        with service.sign_in(lambda login: wait_for_user(login, arguments)) as result:
            manager = result.sign_in.manager
            try:
                yield from check_sign_in(manager)
            finally:
                manager.sign_out()
    except CognitoError as error:
        yield fail(SIGN_IN, error.what, error.remedy)
