"""Spark with a local master: a share that was there before it is enough; and which networks are refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import ClusterRefusedError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.aws.seed import demo_objects
from cognito_jupyter.sharing import share, spark
from tests.sharing.conftest import run_python, run_until_expired

from .applications import spark_application, spark_environment

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

URL = "s3a://cognito-jupyter-demo/stars/measurements.csv"
LIFETIME = 10.0
PROGRAM = """
import os
from pyspark.sql import SparkSession

def read_by_boto3(_):
    import boto3
    body = boto3.client("s3").get_object(Bucket="cognito-jupyter-demo", Key="stars/measurements.csv")["Body"]
    yield len(body.read().splitlines())

url = "s3a://cognito-jupyter-demo/stars/measurements.csv"
spark = SparkSession.builder.master("local[2]").getOrCreate()
frame, lines = spark.read.csv(url, header=True), spark.sparkContext.textFile(url, 2)
counts, stopping = set(), False
while not stopping:
    stopping = os.path.exists(os.environ["STOP"])
    counts |= {len(frame.collect()) + 1, lines.count(), spark.read.csv(url).count()}
    counts |= set(spark.sparkContext.parallelize(range(2), 2).mapPartitions(read_by_boto3).collect())
print(sorted(counts))
"""


ON_A_NETWORK = {"spark.driver.host": "driver.example", "spark.driver.bindAddress": "127.0.0.1"}
"""A driver that says that others reach it at that name; nothing looks the name up."""
ENCRYPTED = {"spark.authenticate": "true", "spark.network.crypto.enabled": "true"}


@pytest.mark.parametrize("settings", [ON_A_NETWORK, ON_A_NETWORK | ENCRYPTED], ids=["plain", "encrypted"])
def test_an_application_on_a_network_is_refused_unless_it_is_encrypted_or_trusted(
    manager: CognitoCredentialsManager, cognito: LocalCognito, tmp_path: Path, settings: dict[str, str]
) -> None:
    with spark_application("local[1]", cognito, tmp_path, settings) as session:
        if settings == ON_A_NETWORK:
            with pytest.raises(ClusterRefusedError, match=r"Spark at driver\.example unencrypted"):
                spark(manager, session, "Analyst")
            assert session.sparkContext._jsc.hadoopConfiguration().get("fs.s3a.impl.disable.cache") is None
        with spark(manager, session, "Analyst", allow_plaintext=settings == ON_A_NETWORK):
            assert session.read.text(URL).count() == len(demo_objects()[cognito.data_key].splitlines())


def test_the_share_alone_is_enough_across_three_expiries(
    manager: CognitoCredentialsManager, cognito: LocalCognito, tmp_path: Path
) -> None:
    """Also for Python functions that read by boto3, in Spark's own Python processes."""
    cognito.knobs.credentials_seconds = LIFETIME
    stop = tmp_path / "stop"
    with share(manager, ["Analyst"]):
        environment = os.environ | spark_environment(cognito, tmp_path) | {"STOP": str(stop)}
        run = run_until_expired(cognito, 3, lambda: run_python(PROGRAM, environment, timeout=250), stop)
    lines = len(demo_objects()[cognito.data_key].splitlines())
    assert json.loads(run.stdout) == [lines], run.stderr[-3000:]
    requests = list(cognito.aws.proxy.requests)
    assert [request for request in requests if request.status in {400, 401, 403}] == []
    keys = [cognito.aws.issued_keys.get(key) for key in {request.access_key_id for request in requests}]
    assert {key and key.role_arn for key in keys} == {cognito.roles["Analyst"]}
