"""One sign-in in a Spark application: a real driver, executors that are processes, S3A, S3 behind the proxy."""

from __future__ import annotations

import json
import logging
import os
import pickle
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import SettingError, UnavailableError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.aws.seed import demo_objects
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.sharing import SparkShare, spark
from tests.conftest import manager_for
from tests.sharing.conftest import LONG_LIFETIME
from tests.support.polling import TEST_TIMEOUT, wait_until

from .applications import LOCAL_CLUSTER, spark_application

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

URL = "s3a://cognito-jupyter-demo/stars/measurements.csv"
LIFETIME = 8.0
SETTINGS = ("fs.s3a.aws.credentials.provider", "fs.s3a.impl.disable.cache", "fs.s3a.security.credential.provider.path")
REFUSED = {400, 401, 403}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spark")


@pytest.fixture(scope="module")
def application(local_cognito: LocalCognito, folder: Path) -> Iterator[SparkSession]:
    with spark_application(LOCAL_CLUSTER, local_cognito, folder) as session:
        yield session


@pytest.fixture
def session(application: SparkSession, cognito: LocalCognito) -> Iterator[SparkSession]:
    """A session whose Hadoop configuration each test must leave as it was."""
    before = hadoop_settings(application)
    cognito.aws.proxy.requests.clear()
    yield application
    wait_until(lambda: hadoop_settings(application) == before, "The Hadoop configuration was not restored.")


@pytest.fixture
def warm_session(
    session: SparkSession, cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> SparkSession:
    """The same, after both executors have loaded what reads S3: a first task may take longer than credentials live."""
    with spark(manager_for(cognito, authenticator), session, "Analyst"):
        data_frame(session).collect()
        session.sparkContext.textFile(URL, 4).count()
    cognito.aws.proxy.requests.clear()
    return session


def hadoop_settings(session: SparkSession) -> dict[str, str | None]:
    configuration: Any = session.sparkContext._jsc.hadoopConfiguration()
    return {name: configuration.get(name) for name in SETTINGS}


def data_frame(session: SparkSession) -> DataFrame:
    return session.read.csv(URL, header=True)


def rows_of_data(cognito: LocalCognito) -> int:
    return len(demo_objects()[cognito.data_key].splitlines()) - 1


def executors() -> list[int]:
    """Returns the ids of the executors' processes."""
    return [pid for pid, (arguments, _) in spark_processes().items() if "CoarseGrainedExecutorBackend" in arguments]


def spark_processes() -> dict[int, tuple[str, str]]:
    """Returns the arguments and the environment of each process below this one, by its id."""
    processes = {}
    for process in psutil.Process().children(recursive=True):
        # It may have ended by now, and its parent may not have noticed.
        with suppress(psutil.NoSuchProcess):
            processes[process.pid] = (" ".join(process.cmdline()), json.dumps(process.environ()))
    return processes


def refused_requests(cognito: LocalCognito) -> list[object]:
    return [request for request in cognito.aws.proxy.requests if request.status in REFUSED]


def why_it_fails(query: Any) -> str:
    """Runs a query that must fail; returns the reason."""
    with pytest.raises(Exception, match=r"(?s).") as failed:
        query()
    return str(failed.value)


# -- what a query sees


def test_a_data_frame_an_rdd_a_stream_and_a_long_query_continue_across_five_expiries(
    warm_session: SparkSession, manager: CognitoCredentialsManager, cognito: LocalCognito, tmp_path: Path
) -> None:
    """All were made at the beginning: what they found then is not what their later tasks sign with."""
    uploads = manager.make_session("Uploader").client("s3")
    uploads.put_object(Bucket=cognito.bucket, Key="spark/stream/first.txt", Body=b"first\n")
    cognito.knobs.credentials_seconds = LIFETIME
    calls = cognito.counts[LocalCognito.EXCHANGE]

    def read_slowly(lines_of_a_file: Iterator[str]) -> Iterator[str]:
        time.sleep(LIFETIME / 2)
        return lines_of_a_file

    with spark(manager, warm_session, "Analyst") as share:
        frame, lines = data_frame(warm_session), warm_session.sparkContext.textFile(URL, 2)
        rows = frame.collect()
        with streamed_lines(warm_session, f"s3a://{cognito.bucket}/spark/stream", tmp_path) as streamed:
            # One query, whose last tasks start long after the credentials of its first ones have expired.
            paths = ",".join([URL] * 12)
            slow = warm_session.sparkContext.textFile(paths, 1).mapPartitions(read_slowly)
            assert slow.count() >= 12 * len(rows)
            until = time.time() + LIFETIME
            while time.time() < until:
                assert frame.collect() == rows
                assert lines.count() == len(rows) + 1
                assert data_frame(warm_session).count() == len(rows)
            uploads.put_object(Bucket=cognito.bucket, Key="spark/stream/second.txt", Body=b"second\n")
            wait_until(lambda: streamed() == {"first", "second"}, lambda: f"The stream has read {streamed()}.")
        assert share.warning is None
        assert share.pusher.pushes == cognito.counts[LocalCognito.EXCHANGE] - calls
    assert len(rows) == rows_of_data(cognito)
    assert refused_requests(cognito) == []
    signers = {request.access_key_id for request in cognito.aws.proxy.requests}
    keys = [key for signer in signers if (key := cognito.aws.issued_keys.get(signer))]
    analysts = [key for key in keys if key.role_arn == cognito.roles["Analyst"]]
    assert len(keys) - len(analysts) <= 1  # the uploads
    assert sum(key.expires < time.time() for key in analysts) >= 5


@contextmanager
def streamed_lines(session: SparkSession, folder: str, checkpoint: Path) -> Iterator[Callable[[], set[str]]]:
    """Streams the lines of the files in a folder; yields a function that returns those that have been read."""
    frame = session.readStream.text(folder)
    writer = frame.writeStream.format("memory").queryName("streamed").option("checkpointLocation", checkpoint.as_uri())
    query = writer.trigger(processingTime="1 second").start()
    try:
        yield lambda: {row["value"] for row in session.sql("SELECT value FROM streamed").collect()}
    finally:
        query.stop()


def test_an_executor_that_replaces_a_killed_one_has_the_credentials(
    session: SparkSession, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    with spark(manager, session, "Analyst") as share:
        wait_until(lambda: share.pusher.workers == 2, "The executors have not started.")
        first = executors()
        assert len(first) == 2
        for executor in first:
            os.kill(executor, signal.SIGKILL)
        wait_until(lambda: not {*first} & {*executors()}, "The executors have not ended.")
        lines = session.sparkContext.textFile(URL, 4)
        assert lines.count() == rows_of_data(cognito) + 1
        assert {*executors()} - {*first}
    assert refused_requests(cognito) == []


def test_signing_out_ends_what_a_session_a_data_frame_and_an_rdd_can_read(
    session: SparkSession, manager: CognitoCredentialsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, and not only when the thread looks again: here that would be after a quarter of an hour."""
    monkeypatch.setattr("cognito_jupyter.sharing.cluster.share._MAX_DELAY", 900.0)
    share = spark(manager, session, "Analyst")
    frame, lines = data_frame(session), session.sparkContext.textFile(URL, 2)
    frame.collect()
    lines.count()
    manager.sign_out()
    wait_until(lambda: share.closed and share.until is None, "The share is still open.")
    for query in (frame.collect, lines.count, lambda: data_frame(session)):
        assert "No AWS Credentials" in why_it_fails(query)


def test_a_data_frame_of_an_earlier_share_is_read_again_under_the_next_one(
    session: SparkSession, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    with spark(manager, session, "Analyst"):
        frame = data_frame(session)
        rows = frame.collect()
    with spark(manager, session, "Analyst"):
        assert frame.collect() == rows


def test_a_second_call_returns_the_same_share_and_another_role_replaces_it(
    session: SparkSession, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    first = spark(manager, session, "Analyst")
    assert spark(manager, session, "Analyst") is first
    with spark(manager, session, "Uploader") as second:
        assert first.closed
        assert not second.closed
        data_frame(session).count()
        written = f"s3a://{cognito.bucket}/spark/written"
        session.range(3).write.mode("overwrite").csv(written)
        assert session.read.csv(written).count() == 3
        assert {request.role_arn for request in cognito.aws.proxy.requests} == {cognito.roles["Uploader"]}


def test_another_users_sign_in_closes_the_share(
    session: SparkSession,
    manager: CognitoCredentialsManager,
    cognito: LocalCognito,
    authenticator: CognitoOAuthAuthenticator,
) -> None:
    share = spark(manager, session, "Analyst")
    cognito.add_user("other", "pass-word-1", ("Analyst",))
    manager.auth_tokens = manager_for(cognito, authenticator, "other").auth_tokens
    wait_until(lambda: share.closed and share.until is None, "The share is still open.")
    assert "No AWS Credentials" in why_it_fails(lambda: data_frame(session))


def test_while_cognito_is_unreachable_spark_reads_on_and_the_share_warns(
    warm_session: SparkSession,
    manager: CognitoCredentialsManager,
    cognito: LocalCognito,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Without botocore's retries, which may last longer than the credentials live.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    cognito.knobs.credentials_seconds = LONG_LIFETIME
    with spark(manager, warm_session, "Analyst") as share:
        cognito.knobs.fail(LocalCognito.EXCHANGE, status=503, times=None)
        wait_until(lambda: isinstance(share.warning, UnavailableError), "The share does not warn.")
        assert data_frame(warm_session).count() == rows_of_data(cognito)
        cognito.knobs.faults.clear()
        wait_until(lambda: share.warning is None and share.pusher.pushes > 1, "The share has not recovered.")


def test_a_share_is_neither_pickled_nor_sent_to_an_executor(
    session: SparkSession, manager: CognitoCredentialsManager
) -> None:
    with spark(manager, session, "Analyst") as share:
        with pytest.raises(TypeError, match="belongs to the kernel"):
            pickle.dumps(share)
        assert "Could not serialize" in why_it_fails(
            lambda: session.sparkContext.range(1).map(lambda _: repr(share)).collect()
        )
        assert repr(share).startswith(f"<SparkShare of {share.role_arn} with {LOCAL_CLUSTER}: until ")


# -- what others see


def test_no_setting_page_log_or_argument_of_spark_holds_a_secret(
    session: SparkSession,
    manager: CognitoCredentialsManager,
    cognito: LocalCognito,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Also py4j's log at DEBUG, which holds what Python sends to the JVM."""
    caplog.set_level(logging.DEBUG, "py4j")
    with spark(manager, session, "Analyst") as share:
        first = keys_of(share)
        data_frame(session).collect()
        session.sparkContext.textFile(URL, 4).count()
        manager.get_credentials(role_suffix="Analyst")
        secrets = first | keys_of(share) | tokens_of(manager)
        places = places_of(session, folder) | {
            "py4j's log": "\n".join(record.getMessage() for record in caplog.records)
        }
        assert len(secrets) > 6
        assert found(secrets, places) == set()
        assert "hadoopConfiguration" in places["py4j's log"]
        # The search finds what is there.
        session.sparkContext.setJobDescription(" ".join(secrets))
        session.range(1).count()
        session.sparkContext.setJobDescription(None)
        session.sparkContext.getConf().get("spark.app.id")
        session.conf.set("spark.leaked", min(secrets))
        leaked = places_of(session, folder)
        session.conf.unset("spark.leaked")
        assert found(secrets, leaked) >= {"event log", "jobs", "session"}


def keys_of(share: SparkShare) -> set[str]:
    frozen = share.manager.credentials_for_role(share.role_arn).get_frozen_credentials()
    return {str(frozen.secret_key), str(frozen.token)}


def tokens_of(manager: CognitoCredentialsManager) -> set[str]:
    assert manager.auth_tokens is not None
    tokens = [str(manager.auth_tokens[name]) for name in ("id_token", "access_token", "refresh_token")]
    return {part for token in tokens for part in token.split(".")[1:] or [token]}


def places_of(session: SparkSession, folder: Path) -> dict[str, str]:
    """Returns what can be read of an application, by name."""
    context = session.sparkContext
    assert context.uiWebUrl is not None
    pages = {
        "environment page": "/environment/",
        "environment": f"/api/v1/applications/{context.applicationId}/environment",
        "jobs": f"/api/v1/applications/{context.applicationId}/jobs",
        "executors": f"/api/v1/applications/{context.applicationId}/executors",
    }
    places = {name: read_page(context.uiWebUrl + path) for name, path in pages.items()}
    assert "fs.s3a.endpoint" in places["environment page"]
    configuration: Any = context._jsc.hadoopConfiguration()
    places["Hadoop configuration"] = str([configuration.get(name) for name in hadoop_names(configuration)])
    places["getConf"] = str(context.getConf().getAll())
    places["session"] = str(session.sql("SET -v").collect()) + str(session.sql("SET").collect())
    places["event log"] = "".join(path.read_text() for path in (folder / "events").rglob("*") if path.is_file())
    places["executors' logs"] = "".join(path.read_text() for path in (folder / "spark" / "work").rglob("std*"))
    assert "SparkListenerEnvironmentUpdate" in places["event log"]
    assert "Received tokens of" in places["executors' logs"]
    processes = spark_processes().values()
    places["arguments"] = "".join(arguments for arguments, _ in processes)
    places["environments"] = "".join(environment for _, environment in processes)
    assert "CoarseGrainedExecutorBackend" in places["arguments"]
    assert "SPARK_LOCAL_IP" in places["environments"]
    return places


def hadoop_names(configuration: Any) -> list[str]:
    names = []
    each = configuration.iterator()
    while each.hasNext():
        names.append(str(each.next().getKey()))
    return names


def read_page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=TEST_TIMEOUT) as response:
        return str(response.read().decode())


def found(secrets: set[str], places: dict[str, str]) -> set[str]:
    return {place for place, content in places.items() if any(secret in content for secret in secrets)}


# -- what is refused


def test_a_session_of_spark_connect_is_refused_with_a_remedy(manager: CognitoCredentialsManager) -> None:
    class ConnectSession:
        @property
        def sparkContext(self) -> object:  # noqa: N802 - Spark's name
            raise RuntimeError("Spark Connect has no context.")

    with pytest.raises(SettingError, match="Spark Connect"):
        spark(manager, ConnectSession(), "Analyst")
