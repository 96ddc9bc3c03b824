"""The command `cognito-jupyter`: parses the arguments and calls the function of one command.

Installed as a script; `python -m cognito_jupyter.cli` does the same. Nothing is imported before it is needed: AWS tools
start `cognito-jupyter credential-process` again and again, and wait for it. Errors become one line on stderr; this
module never shows a traceback for an error that the package raises on purpose.
"""

from __future__ import annotations

import sys

from .._util.terminal import escape_unencodable

TYPE_CHECKING = False  # typing itself takes long to load
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_MISSING_PACKAGES = 'This command needs packages that are not installed ({}). Run: pip install "cognito_jupyter[demo]"'

_UNUSED_ARGUMENT = (
    "An argument holds the address that follows a sign-in, or a token; it was not used. "
    "Run the command without it, and paste the address when it waits for you."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: The arguments; None: the process's own.

    Returns:
        The exit code: 0 for success, 1 for a failure, 2 for wrong arguments, 130 after Ctrl-C.
    """
    argv = sys.argv[1:] if argv is None else argv
    escape_unencodable()
    try:
        if argv and argv[0] == "credential-process":
            from . import credential_process  # before argparse and everything else is loaded

            return credential_process.main(argv[1:])
        from .._printable import holds_secret

        if any(map(holds_secret, argv)):
            # argparse's errors would repeat it.
            print(_UNUSED_ARGUMENT, file=sys.stderr, flush=True)
            return 2
        return _run(_parser(argv).parse_args(argv))
    except KeyboardInterrupt:
        return 130
    except ModuleNotFoundError as missing:
        error = _MISSING_PACKAGES.format(missing.name)
    except (ValueError, OSError) as failure:
        from .._printable import printable
        from ..errors import with_notes

        error = printable(with_notes(failure))
    print(error, file=sys.stderr, flush=True)
    return 1


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    from .._util.http.version import VERSION
    from . import arguments

    # The commands' own parsers are of the same class.
    parser = arguments.PrintableParser(
        prog="cognito-jupyter", description="Sign in at Amazon Cognito once, and a notebook can use AWS."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_command = commands.add_parser
    arguments.add_login_arguments(add_command("login", help="sign in, and stay signed in on this computer"))
    arguments.add_logout_arguments(add_command("logout", help="sign out, and remove the sign-in from this computer"))
    arguments.add_status_arguments(add_command("status", help="show who is signed in on this computer, and the roles"))
    arguments.add_doctor_arguments(add_command("doctor", help="check the settings, Cognito and this computer"))
    # Only for the list of commands: `main` runs it without this parser.
    add_command("credential-process", help="print a stored sign-in's AWS credentials for an AWS profile")
    local = add_command("local", help="run a Cognito with S3 on this machine, and print its settings")
    if "local" in argv:
        from .local import add_local_arguments

        add_local_arguments(local)
    demo = add_command("demo", help="show everything: a local Cognito, S3, and JupyterLab with a notebook")
    mode = demo.add_mutually_exclusive_group()
    mode.add_argument("--no-browser", action="store_true", help="print the URL instead of opening it")
    mode.add_argument(
        "--check", action="store_true", help="without a screen: sign in, run the notebooks, and report the result"
    )
    demo.add_argument(
        "--credentials-seconds",
        type=_credentials_seconds,
        metavar="SECONDS",
        help="how long AWS credentials are valid, from 2; default: 30, and 6 with --check",
    )
    return parser


def _run(arguments: argparse.Namespace) -> int:
    if arguments.command == "doctor":
        from .doctor import doctor

        return doctor(arguments)
    if arguments.command == "login":
        from .login import login

        return login(arguments)
    if arguments.command == "logout":
        from .logout import logout

        return logout(arguments)
    if arguments.command == "status":
        from .status import status

        return status(arguments)
    return _run_until_interrupted(arguments)


def _run_until_interrupted(arguments: argparse.Namespace) -> int:
    import signal

    # `kill` ends the command as Ctrl-C does, so that it ends its child processes too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if arguments.command == "local":
        import threading

        from .local import run_local

        run_local(arguments, _write, threading.Event())
        return 0
    from ..demo import demo
    from ..demo.check import CREDENTIALS_SECONDS as CHECK_CREDENTIALS_SECONDS
    from ..oauth.browser import open_page

    seconds = arguments.credentials_seconds
    if arguments.check:
        return 0 if demo.check_demo(_write, seconds or CHECK_CREDENTIALS_SECONDS) else 1
    demo.run_demo(_write, None if arguments.no_browser else open_page, seconds or demo.CREDENTIALS_SECONDS)
    return 0


def _credentials_seconds(text: str) -> float:
    """Parses the lifetime of the demo's credentials; 12 hours are the longest that AWS allows for a role."""
    import argparse
    from contextlib import suppress

    with suppress(ValueError):
        if 2 <= float(text) <= 43_200:
            return float(text)
    raise argparse.ArgumentTypeError("it takes a number of seconds from 2 to 43200")


def _write(text: str) -> None:
    print(text, flush=True)
