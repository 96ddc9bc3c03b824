"""The command `cognito-jupyter`."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # nothing is imported before it is needed: see `main`
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_MISSING_PACKAGES = "That needs packages that are not installed ({}). Run: pip install 'cognito_jupyter[demo]'"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: The arguments; None: the process's own.

    Returns:
        The exit code: 0 where all went well, 1 where something failed, 2 for wrong arguments.
    """
    argv = sys.argv[1:] if argv is None else argv
    try:
        if argv and argv[0] == "credential-process":
            # AWS's tools start it again and again, and wait for it: it does without argparse and all the rest.
            from . import credential_process as process

            return process.main(argv[1:])
        return _run(argv)
    except KeyboardInterrupt:
        return 130


def _run(argv: Sequence[str]) -> int:
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except ModuleNotFoundError as missing:
        _write_error(_MISSING_PACKAGES.format(missing.name))
    except (ValueError, OSError) as error:
        _write_error(str(error))
    return 1


def _parser() -> argparse.ArgumentParser:
    import argparse

    from . import local as command

    parser = argparse.ArgumentParser(
        prog="cognito-jupyter", description="One sign-in at Amazon Cognito, and a notebook can use AWS."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_sign_in_commands(commands)
    local = commands.add_parser("local", help="run a Cognito with S3 on this machine, and print the settings to export")
    command.add_local_arguments(local)
    local.set_defaults(run=_local)
    demo = commands.add_parser("demo", help="show it all: a local Cognito, S3, and JupyterLab with a notebook")
    demo.set_defaults(run=_demo)
    mode = demo.add_mutually_exclusive_group()
    mode.add_argument("--no-browser", action="store_true", help="print the address instead of opening it")
    mode.add_argument(
        "--check", action="store_true", help="without a screen: play the person, run the notebook, report"
    )
    return parser


def _add_sign_in_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from . import arguments

    login = commands.add_parser("login", help="sign in, and stay signed in on this computer")
    arguments.add_login_arguments(login)
    login.set_defaults(run=_login)
    logout = commands.add_parser("logout", help="end the sign-in that stays on this computer")
    arguments.add_logout_arguments(logout)
    logout.set_defaults(run=_logout)
    status = commands.add_parser("status", help="show who stays signed in on this computer, and the roles")
    arguments.add_status_arguments(status)
    status.set_defaults(run=_status)
    commands.add_parser(
        "credential-process", help="print a kept sign-in's AWS credentials for a profile of AWS's tools"
    )


def _login(arguments: argparse.Namespace) -> int:
    from .login import login

    return login(arguments)


def _logout(arguments: argparse.Namespace) -> int:
    from .logout import logout

    return logout(arguments)


def _status(arguments: argparse.Namespace) -> int:
    from .status import status

    return status(arguments)


def _local(arguments: argparse.Namespace) -> int:
    import threading

    from . import local as command

    _raise_keyboard_interrupt_on_sigterm()
    command.run_local(arguments, _write, threading.Event())
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from ..demo import demo
    from ..oauth.browser import open_in_browser

    _raise_keyboard_interrupt_on_sigterm()
    if arguments.check:
        return 0 if demo.check_demo(_write) else 1
    demo.run_demo(_write, None if arguments.no_browser else open_in_browser)
    return 0


def _raise_keyboard_interrupt_on_sigterm() -> None:
    """Lets `kill` end it as Ctrl-C does: cleanly, with its children."""
    import signal

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def _write(text: str) -> None:
    print(text, flush=True)


def _write_error(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
