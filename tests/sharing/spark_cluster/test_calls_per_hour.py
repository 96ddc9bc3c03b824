"""How often Cognito is called for a Spark application, for any number of executors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.sharing import spark
from tests.sharing.calls_per_hour import WORKERS, check, measure_calls, shorten_the_hour
from tests.support.polling import wait_until

from .applications import LOCAL_CLUSTER, spark_application
from .stand_ins import executor_count, stand_in_executors

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def application(local_cognito: LocalCognito, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    with spark_application(LOCAL_CLUSTER, local_cognito, tmp_path_factory.mktemp("spark")) as session:
        wait_until(lambda: executor_count(session) == 2, "The executors have not started.")
        yield session


@pytest.mark.parametrize("workers", WORKERS)
def test_cognito_is_called_once_per_refresh_for_any_number_of_workers(
    application: SparkSession, cognito: LocalCognito, manager: CognitoCredentialsManager, workers: int
) -> None:
    """All but two of them are stand-ins, to which the driver sends what it sends to each executor."""
    shorten_the_hour(cognito, manager)
    before = cognito.counts[LocalCognito.EXCHANGE]
    with stand_in_executors(application, workers - 2), spark(manager, application, "Analyst") as share:
        wait_until(lambda: share.pusher.workers == workers, "An executor is not counted.")
        measurement = measure_calls(cognito, "Spark", workers, lambda: share.pusher.pushes)
        assert share.warning is None
    assert cognito.counts[LocalCognito.EXCHANGE] - before == share.pusher.pushes
    check(measurement)
