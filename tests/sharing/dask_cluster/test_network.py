"""Where credentials may travel to a cluster's workers."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from cognito_jupyter._printable import printable
from cognito_jupyter.errors import ClusterRefusedError
from cognito_jupyter.sharing.dask_cluster.network import refuse_plaintext


@pytest.mark.parametrize(
    "address",
    [
        "tls://10.0.0.5:8786",
        "tls://scheduler.example:8786",
        "wss://scheduler.example:443",
        "gateway://hub.example:443/cluster-1",
        "tcp://127.0.0.1:8786",
        "tcp://127.0.0.2:8786",
        "tcp://[::1]:8786",
        "tcp://localhost:8786",
        "ws://localhost:8787",
        "127.0.0.1:8786",
        "inproc://10.0.0.5/1234/1",
    ],
)
def test_encrypted_and_loopback_addresses_are_accepted(address: str) -> None:
    refuse_plaintext([address])


@pytest.mark.parametrize(
    "address",
    [
        "tcp://10.0.0.5:8786",
        "tcp://scheduler.example:8786",
        "tcp://[2001:db8::1]:8786",
        "tcp://0.0.0.0:8786",
        "tcp://127.0.0.1.example:8786",
        "tcp://localhost.example:8786",
        "tcp://127.0.0.1@scheduler.example:8786",
        "tcp://[::1",
        "ws://scheduler.example:8787",
        "ucx://10.0.0.5:8786",
        "10.0.0.5:8786",
        "",
    ],
)
def test_plaintext_networks_are_refused_with_the_address_and_a_remedy(address: str) -> None:
    with pytest.raises(ClusterRefusedError, match=r"TLS.*allow_plaintext=True") as caught:
        refuse_plaintext([address])
    assert address in str(caught.value)


def test_a_tunnel_to_a_scheduler_hides_none_of_its_workers() -> None:
    with pytest.raises(ClusterRefusedError, match=r"10\.0\.0\.7"):
        refuse_plaintext(["tcp://127.0.0.1:8786", "tls://10.0.0.6:40000", "tcp://10.0.0.7:40000"])


@given(st.text())
def test_every_address_is_accepted_or_refused(text: str) -> None:
    try:
        refuse_plaintext([f"tcp://{text}"])
    except ClusterRefusedError as error:
        assert printable(text) in error.what
