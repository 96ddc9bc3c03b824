"""The CA certificates that verify Cognito's and AWS's servers, and the setting that names them.

requests and botocore look for them in different places, and both take an empty variable for a file without a name. So
both halves of a sign-in ask this module: an empty variable counts as unset, `ca_bundle` of the AWS config file counts
for both, and an error names the setting that was used.

Sources: https://docs.aws.amazon.com/sdkref/latest/guide/feature-gen-config.html (ca_bundle); requests' documentation,
"SSL Cert Verification"; `EndpointCreator._get_verify_value` of botocore.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass

_CHECK_TLS = "Check the domain; if your network inspects TLS, set REQUESTS_CA_BUNDLE or AWS_CA_BUNDLE to its CA."


@dataclass(frozen=True)
class CaBundle:
    """A file, or a folder, of CA certificates.

    Attributes:
        path: Where it is.
        source: The variable or the file that names it.
    """

    path: str
    source: str


def requests_ca_bundle() -> CaBundle | None:
    """Returns what verifies the user pool's servers: what requests would use, or else botocore; None: requests' own."""
    return _from_environment("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE") or _from_config_file()


def botocore_ca_bundle() -> CaBundle | None:
    """Returns what verifies AWS's servers: what botocore would use, empty variables apart; None: its own."""
    return _from_environment("AWS_CA_BUNDLE") or _from_config_file() or _from_environment("REQUESTS_CA_BUNDLE")


def explain_tls_error(bundle: CaBundle | None) -> tuple[str, str]:
    """Returns why a certificate could not be verified, to follow "... could not be verified", and what to do.

    Args:
        bundle: The CA certificates that were used; None: requests' or botocore's own.
    """
    if bundle is None:
        return "", _CHECK_TLS
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if os.path.isdir(bundle.path):
            context.load_verify_locations(capath=bundle.path)
        else:
            context.load_verify_locations(cafile=bundle.path)
    except OSError:  # ssl.SSLError is one
        problem = f": {bundle.source} names {bundle.path}, which cannot be read as CA certificates"
        return problem, f"Correct {bundle.source}, or remove it."
    return (
        f" by {bundle.path}, which {bundle.source} names",
        f"Add your network's CA to it, or correct {bundle.source}.",
    )


def _from_environment(*names: str) -> CaBundle | None:
    return next((CaBundle(path, name) for name in names if (path := os.environ.get(name, "").strip())), None)


def _from_config_file() -> CaBundle | None:
    """Returns the `ca_bundle` of the selected profile; a file that cannot be read is botocore's to complain about."""
    path = os.path.expanduser(os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config")
    if not os.path.isfile(path):
        return None
    from botocore.configloader import load_config  # late: most users have no such file
    from botocore.exceptions import BotoCoreError

    try:
        profiles = load_config(path)["profiles"]
    except BotoCoreError:
        return None
    name = os.environ.get("AWS_DEFAULT_PROFILE") or os.environ.get("AWS_PROFILE") or "default"
    bundle = profiles.get(name, {}).get("ca_bundle")
    return CaBundle(bundle, f"ca_bundle in {path}") if isinstance(bundle, str) and bundle.strip() else None
