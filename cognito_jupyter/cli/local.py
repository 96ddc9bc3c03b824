"""What `cognito-jupyter local` does: a Cognito that other programs can use, until it is interrupted."""

from __future__ import annotations

import argparse
import json
import shlex
import threading
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING

from ..local.model import Knobs

if TYPE_CHECKING:
    from ..local.server import LocalCognito

_NUMERIC_KNOBS = tuple(each.name for each in fields(Knobs) if each.type == "float")


def add_local_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `cognito-jupyter local`."""
    parser.add_argument("--port", type=int, default=0, help="the port of the user pool; a free one if not given")
    parser.add_argument("--tls", action="store_true", help="answer https, with a CA of its own")
    parser.add_argument("--no-aws", action="store_true", help="leave out S3, STS and IAM: the keys open nothing")
    parser.add_argument("--redirect-uri", action="append", metavar="URI", help="register this one; may be repeated")
    parser.add_argument("--json", action="store_true", help="print the settings as JSON, in one line")
    knobs = parser.add_argument_group("knobs, in seconds")
    for name in _NUMERIC_KNOBS:
        knobs.add_argument(f"--{name.replace('_', '-')}", type=float, metavar="SECONDS")
    knobs.add_argument("--rotation", action="store_true", help="a refresh answers a new refresh token")
    knobs.add_argument("--latency", action="append", default=[], metavar="ENDPOINT=SECONDS", help="'*' for all")


def run_local(arguments: argparse.Namespace, write: Callable[[str], None], stop: threading.Event) -> None:
    """Runs until `stop` is set or Ctrl-C is pressed.

    Raises:
        ValueError: An option's value makes no sense.
        OSError: The port is taken.
        ModuleNotFoundError: The extra `local` is not installed.
    """
    from ..local.server import LocalCognito  # late: it needs the packages of the extra, and the command line does not

    with LocalCognito(
        port=arguments.port,
        tls=arguments.tls,
        aws=not arguments.no_aws,
        redirect_uris=arguments.redirect_uri,
        knobs=_knobs_from_arguments(arguments),
    ) as cognito:
        write(_as_json(cognito) if arguments.json else _as_shell(cognito))
        stop.wait()


def _knobs_from_arguments(arguments: argparse.Namespace) -> Knobs:
    given = {name: getattr(arguments, name) for name in _NUMERIC_KNOBS}
    knobs = Knobs(**{name: value for name, value in given.items() if value is not None}, rotation=arguments.rotation)
    for pair in arguments.latency:
        endpoint, equals, seconds = pair.partition("=")
        if not equals:
            raise ValueError(f"--latency {pair} is not ENDPOINT=SECONDS.")
        knobs.latency[endpoint] = float(seconds)
    return knobs


def _as_json(cognito: LocalCognito) -> str:
    user = cognito.demo_user
    admin = {"url": cognito.admin_url, "token": cognito.admin_token}
    return json.dumps(
        {
            "environment": cognito.environment,
            "user": {"username": user.username, "password": user.password},
            "admin": admin,
        }
    )


def _as_shell(cognito: LocalCognito) -> str:
    user = cognito.demo_user
    lines = [f"export {name}={shlex.quote(value)}" for name, value in cognito.environment.items()]
    return "\n".join(
        [
            "# A Cognito on this machine. Export these where your notebook runs:",
            *lines,
            f"# Sign in as {user.username} with the password {user.password}",
            f"# Knobs, faults and counts: {cognito.admin_url}/knobs",
            f"#   with the header X-Admin-Token: {cognito.admin_token}",
            "# Ctrl-C ends it.",
        ]
    )
