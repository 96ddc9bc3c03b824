"""The command `cognito-jupyter`."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # nothing is imported before it is needed: see `main`
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_INSTALL = "That needs packages that are not installed ({}). Run: pip install 'cognito_jupyter[demo]'"


def main(words: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        words: The arguments; None: the process's own.

    Returns:
        The exit code: 0 where all went well, 1 where something failed, 2 for wrong arguments.
    """
    words = sys.argv[1:] if words is None else words
    try:
        if words and words[0] == "credential-process":
            # AWS's tools start it again and again, and wait for it: it does without argparse and all the rest.
            from .credentials import process

            return process.main(words[1:])
        return _run(words)
    except KeyboardInterrupt:
        return 130


def _run(words: Sequence[str]) -> int:
    arguments = _parser().parse_args(words)
    try:
        return int(arguments.run(arguments))
    except ModuleNotFoundError as missing:
        _complain(_INSTALL.format(missing.name))
    except (ValueError, OSError) as error:
        _complain(str(error))
    return 1


def _parser() -> argparse.ArgumentParser:
    import argparse

    from .local import command

    parser = argparse.ArgumentParser(
        prog="cognito-jupyter", description="One sign-in at Amazon Cognito, and a notebook can use AWS."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_terminal(commands)
    local = commands.add_parser("local", help="run a Cognito with S3 on this machine, and print the settings to export")
    command.add_arguments(local)
    local.set_defaults(run=_local)
    demo = commands.add_parser("demo", help="show it all: a local Cognito, S3, and JupyterLab with a notebook")
    demo.set_defaults(run=_demo)
    how = demo.add_mutually_exclusive_group()
    how.add_argument("--no-browser", action="store_true", help="print the address instead of opening it")
    how.add_argument("--check", action="store_true", help="without a screen: play the person, run the notebook, report")
    return parser


def _add_terminal(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from .terminal import arguments

    login = commands.add_parser("login", help="sign in, and stay signed in on this computer")
    arguments.add_login(login)
    login.set_defaults(run=_login)
    logout = commands.add_parser("logout", help="end the sign-in that stays on this computer")
    arguments.add_logout(logout)
    logout.set_defaults(run=_logout)
    status = commands.add_parser("status", help="show who stays signed in on this computer, and the roles")
    arguments.add_status(status)
    status.set_defaults(run=_status)
    commands.add_parser(
        "credential-process", help="print a kept sign-in's AWS credentials for a profile of AWS's tools"
    )


def _login(arguments: argparse.Namespace) -> int:
    from .terminal.sign_in import login

    return login(arguments)


def _logout(arguments: argparse.Namespace) -> int:
    from .terminal.sign_out import logout

    return logout(arguments)


def _status(arguments: argparse.Namespace) -> int:
    from .terminal.report import status

    return status(arguments)


def _local(arguments: argparse.Namespace) -> int:
    import threading

    from .local import command

    _end_by_signal()
    command.serve(arguments, _say, threading.Event())
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from .local import demo
    from .oauth.browser import open_in_browser

    _end_by_signal()
    if arguments.check:
        return 0 if demo.check(_say) else 1
    demo.demo(_say, None if arguments.no_browser else open_in_browser)
    return 0


def _end_by_signal() -> None:
    """Lets `kill` end it as Ctrl-C does: cleanly, with its children."""
    import signal

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def _say(text: str) -> None:
    print(text, flush=True)


def _complain(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
