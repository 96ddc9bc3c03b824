"""Where credentials may travel to a Ray cluster's workers."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from cognito_jupyter.errors import ClusterRefusedError
from cognito_jupyter.sharing.ray_cluster.network import refuse_plaintext

TOKEN = {"RAY_AUTH_MODE": "token"}


@pytest.mark.parametrize(
    ("addresses", "environ"),
    [
        (["127.0.0.1"], {}),
        (["127.0.0.1", "::1", "localhost"], {}),
        (["10.0.0.5", "ray.example"], {"RAY_USE_TLS": "1"}),
        (["10.0.0.5"], {"RAY_USE_TLS": "True"}),
        (["127.0.0.2"], TOKEN),
    ],
)
def test_loopback_and_rays_tls_are_accepted(addresses: list[str], environ: dict[str, str]) -> None:
    refuse_plaintext(addresses, environ)


@pytest.mark.parametrize(
    ("addresses", "environ", "named"),
    [
        (["192.0.2.77"], {}, "192.0.2.77"),
        (["127.0.0.1", "192.0.2.77"], {}, "192.0.2.77"),
        (["192.0.2.77"], TOKEN, "192.0.2.77"),
        (["ray.example"], TOKEN, "ray.example"),
        (["2001:db8::1"], {}, "2001:db8::1"),
        (["0.0.0.0"], {}, "0.0.0.0"),
        (["10.0.0.5"], {"RAY_USE_TLS": "0"}, "10.0.0.5"),
    ],
)
def test_a_plain_network_is_refused_with_the_address_and_the_remedies(
    addresses: list[str], environ: dict[str, str], named: str
) -> None:
    with pytest.raises(ClusterRefusedError, match="allow_plaintext=True") as caught:
        refuse_plaintext(addresses, environ)
    assert named in caught.value.what
    assert "RAY_USE_TLS=1" in caught.value.remedy


@given(st.text())
def test_no_address_is_accepted_by_mistake(address: str) -> None:
    try:
        refuse_plaintext([address], {})
    except ClusterRefusedError:
        return
    assert address in {"localhost", "::1"} or address.startswith("127.")
