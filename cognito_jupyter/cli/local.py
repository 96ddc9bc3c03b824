"""`cognito-jupyter local`: runs a Cognito that other programs can use, until it is interrupted.

It prints the settings that those programs need. The server itself is `cognito_jupyter.local`, which knows no command.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, get_args

from .._printable import printable
from .._util.threads.waiting import wait_in_slices
from ..local.model import REGION, IssuerType, Knobs

if TYPE_CHECKING:
    from ..local.server import LocalCognito

_NUMERIC_KNOBS = tuple(each.name for each in fields(Knobs) if each.type == "float")


def add_local_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `cognito-jupyter local`."""
    parser.add_argument("--port", type=int, default=0, help="the port of the user pool; default: a free one")
    parser.add_argument("--aws-port", type=int, default=0, help="the port of S3, STS and IAM; default: a free one")
    parser.add_argument(
        "--bind", metavar="ADDRESS", help="listen on this address, such as 0.0.0.0 in a container; default: loopback"
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--settings", metavar="FILE", help="take the ids and the redirect URIs of this cognito.toml")
    kind.add_argument("--template", metavar="FILE", help="be what this CloudFormation template describes")
    parser.add_argument("--profile", metavar="NAME", help="of the file of settings")
    parser.add_argument(
        "--parameter", action="append", default=[], metavar="NAME=VALUE", help="of the template; may be repeated"
    )
    parser.add_argument("--tls", action="store_true", help="serve https, with a certificate of a new CA")
    parser.add_argument("--no-aws", action="store_true", help="without S3, STS and IAM: the credentials open nothing")
    parser.add_argument("--redirect-uri", action="append", metavar="URI", help="a URI to register; may be repeated")
    parser.add_argument("--region", help=f"the Region of the user pool; default: {REGION}")
    parser.add_argument("--identity-pool-region", metavar="REGION", help="default: that of the user pool")
    parser.add_argument("--client-secret", action="store_true", help="give the app client a secret")
    parser.add_argument(
        "--issuer-type",
        choices=get_args(IssuerType),
        default=Knobs.issuer_type,
        help="the form of the issuer; LOCAL is this server, so that all URLs in its documents can be followed",
    )
    parser.add_argument("--json", action="store_true", help="print the settings as one line of JSON")
    knobs = parser.add_argument_group("knobs, in seconds")
    for name in _NUMERIC_KNOBS:
        knobs.add_argument(f"--{name.replace('_', '-')}", type=float, metavar="SECONDS")
    knobs.add_argument("--rotation", action="store_true", help="a refresh returns a new refresh token")
    knobs.add_argument("--latency", action="append", default=[], metavar="ENDPOINT=SECONDS", help="'*' for all")


def run_local(arguments: argparse.Namespace, write: Callable[[str], None], stop: threading.Event) -> None:
    """Runs a local Cognito until `stop` is set or Ctrl-C is pressed.

    Args:
        arguments: The options that `add_local_arguments` adds.
        write: Prints the settings.
        stop: Ends it.

    Raises:
        ValueError: An option's value is malformed.
        OSError: The port is in use.
        ModuleNotFoundError: The extra `local` is not installed.
    """
    with _make_cognito(arguments) as cognito:
        write(_as_json(cognito) if arguments.json else _as_shell(cognito))
        wait_in_slices(stop)


def _make_cognito(arguments: argparse.Namespace) -> LocalCognito:
    from ..local.server import LocalCognito  # late: needs the packages of the extra, which the command line does not
    from ..local.settings_file import read_arguments

    given = {} if arguments.settings is None else read_arguments(arguments.settings, arguments.profile)
    if arguments.redirect_uri:
        given["redirect_uris"] = arguments.redirect_uri
    if arguments.region:
        given["region"] = arguments.region
    if arguments.client_secret:
        given.setdefault("client_secret", True)
    given |= {
        "port": arguments.port,
        "aws_port": arguments.aws_port,
        "bind_address": arguments.bind,
        "tls": arguments.tls,
        "aws": not arguments.no_aws,
        "identity_pool_region": arguments.identity_pool_region,
    }
    knobs = _knobs_from_arguments(arguments)
    if arguments.template is None:
        return LocalCognito(**given, knobs=Knobs(**knobs))
    parameters = dict(_split_pair("--parameter", pair, "NAME=VALUE") for pair in arguments.parameter)
    cognito = LocalCognito.from_template(arguments.template, parameters, **given)
    for name, value in knobs.items():
        setattr(cognito.knobs, name, value)
    return cognito


def _knobs_from_arguments(arguments: argparse.Namespace) -> dict[str, Any]:
    """Returns the knobs that were given, so that others have their default, or are the template's."""
    knobs = {name: getattr(arguments, name) for name in (*_NUMERIC_KNOBS, "issuer_type")}
    knobs = {name: value for name, value in knobs.items() if value is not None}
    if arguments.rotation:
        knobs["rotation"] = True
    latency = dict(_split_pair("--latency", pair, "ENDPOINT=SECONDS") for pair in arguments.latency)
    return knobs | {"latency": {endpoint: float(seconds) for endpoint, seconds in latency.items()}}


def _split_pair(option: str, pair: str, form: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not equals:
        raise ValueError(f"{option} {pair} is not {form}.")
    return name, value


def _as_json(cognito: LocalCognito) -> str:
    return json.dumps(
        {
            "environment": cognito.environment,
            "user": {"username": cognito.demo_user.username, "password": cognito.demo_user.password},
            "admin": {"url": cognito.admin_url, "token": cognito.admin_token},
            "outputs": dict(cognito.outputs),
        }
    )


def _for_windows(environment: Mapping[str, str]) -> str:
    """Returns the lines for each of the two shells of Windows."""
    powershell = [f"$env:{name} = {quote_for_powershell(value)}" for name, value in environment.items()]
    cmd = [f'set "{name}={value}"' for name, value in environment.items()]
    return "\n".join(["# In PowerShell:", *powershell, "# In cmd:", *cmd])


def quote_for_powershell(value: str) -> str:
    """Returns a value as a string of PowerShell in which nothing is replaced.

    Args:
        value: One line.
    """
    return "'{}'".format(re.sub("(['\u2018-\u201b])", r"\1\1", value))


def _as_shell(cognito: LocalCognito) -> str:
    environment = {name: printable(value) for name, value in cognito.environment.items()}
    exports = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in environment.items())
    if sys.platform == "win32":
        exports = _for_windows(environment)
    lines = [f"{name}: {line}" for name, value in cognito.outputs.items() for line in value.splitlines()]
    outputs = "".join(f"# {printable(line)}\n" for line in lines)
    return f"""\
# A Cognito on this machine. Export these variables where your notebook runs:
{exports}
# Sign in as {cognito.demo_user.username} with the password {cognito.demo_user.password}
# Knobs, faults and counts: {cognito.admin_url}/knobs
#   with the header X-Admin-Token: {cognito.admin_token}
{outputs}# Ctrl-C ends it."""
