"""What the network did for each host that was contacted: the proxy, the CA certificates, TLS, the time, the clock."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import requests

from .._util.http.ca_bundle import botocore_ca_bundle, requests_ca_bundle
from ..oauth.discovery import override_notice
from .probe import HostContact, Probe
from .report import Check, fail, note, ok

TOPIC = "network"
_MAX_CLOCK_SKEW = 300.0
"""Seconds: AWS refuses signatures of a clock that is more than five minutes wrong."""
_SLOW = 3.0
"""Seconds."""


def check_network(probe: Probe) -> Iterator[Check]:
    """Yields a line for each host that was contacted, and one for this computer's clock.

    Args:
        probe: What was contacted.
    """
    if (notice := override_notice()) is not None:
        yield note(TOPIC, notice)
    for host, contact in probe.contacts.items():
        yield from _check_host(host, contact)
    if all(contact.error is not None for contact in probe.contacts.values()):
        return
    skew = probe.transport.clock_skew.total_seconds()
    if abs(skew) >= _MAX_CLOCK_SKEW:
        yield fail(
            TOPIC,
            f"This computer's clock is {abs(skew):.0f} seconds {'behind' if skew > 0 else 'ahead'}.",
            "Set the clock; AWS refuses signatures that are more than five minutes off.",
        )
    elif skew:
        yield note(TOPIC, f"This computer's clock is {abs(skew):.0f} seconds {'behind' if skew > 0 else 'ahead'}.")
    else:
        yield ok(TOPIC, "This computer's clock agrees with Cognito's to two seconds.")


def _check_host(host: str, contact: HostContact) -> Iterator[Check]:
    parts = urlsplit(contact.url)
    proxies = requests.utils.get_environ_proxies(contact.url, no_proxy=None)
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    way = f"through the proxy {_without_password(proxy)}" if proxy else "without a proxy"
    if parts.scheme == "https":
        bundle = botocore_ca_bundle() if contact.by_botocore else requests_ca_bundle()
        way += f", TLS verified by {bundle.path} ({bundle.source})" if bundle is not None else ", TLS verified"
    else:
        way += ", without TLS"
    if contact.error is not None:
        yield fail(TOPIC, f"{contact.error.what} It was contacted {way}.", contact.error.remedy)
        return
    sentence = f"{host} responded in {contact.seconds * 1000:.0f} ms, {way}."
    yield (
        note(TOPIC, sentence, "A login takes several such requests.")
        if contact.seconds > _SLOW
        else ok(TOPIC, sentence)
    )


def _without_password(proxy: str) -> str:
    parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    return parts.netloc.rpartition("@")[2] or "whose URL cannot be read"
