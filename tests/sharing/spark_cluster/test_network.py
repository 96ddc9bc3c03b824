"""Which networks may carry credentials between the processes of a Spark application."""

from __future__ import annotations

import pytest

from cognito_jupyter.errors import ClusterRefusedError
from cognito_jupyter.sharing.spark_cluster.network import refuse_open_network

AUTHENTICATED = {"spark.authenticate": "true"}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "localhost", "::1", "[::1]"])
def test_loopback_needs_no_encryption(host: str) -> None:
    refuse_open_network([host], {})


@pytest.mark.parametrize("host", ["10.0.0.7", "driver.example", "0.0.0.0", "localhost.example", "2001:db8::1", ""])
def test_a_host_on_a_network_is_refused_by_name_and_with_a_remedy(host: str) -> None:
    with pytest.raises(ClusterRefusedError, match=r"at .*unencrypted") as refused:
        refuse_open_network(["127.0.0.1", host], {})
    assert host in str(refused.value)
    assert "spark.network.crypto.enabled" in str(refused.value)
    assert "allow_plaintext=True" in str(refused.value)


@pytest.mark.parametrize(
    "encryption",
    ["spark.network.crypto.enabled", "spark.authenticate.enableSaslEncryption", "spark.ssl.rpc.enabled"],
)
def test_a_network_on_which_spark_authenticates_and_encrypts_is_accepted(encryption: str) -> None:
    refuse_open_network(["10.0.0.7"], AUTHENTICATED | {encryption: " True "})


@pytest.mark.parametrize(
    "settings",
    [
        AUTHENTICATED,
        {"spark.network.crypto.enabled": "true"},
        AUTHENTICATED | {"spark.network.crypto.enabled": "false"},
        {"spark.authenticate": "false", "spark.ssl.rpc.enabled": "true"},
    ],
)
def test_either_of_the_two_is_not_enough(settings: dict[str, str]) -> None:
    with pytest.raises(ClusterRefusedError):
        refuse_open_network(["10.0.0.7"], settings)
