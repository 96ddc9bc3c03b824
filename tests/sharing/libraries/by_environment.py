"""The libraries that find credentials in the environment: each used as its documentation says, without credentials.

Some also need the address of S3, because here it is on this machine and uses http; AWS_ENDPOINT_URL_S3 suffices for
most.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .case import Case, Place, Read, rows_of

# Reads an object for each line, and prints the number of rows.
_READER = """
import boto3, csv, io, sys
client = boto3.client("s3")
for line in sys.stdin:
    bucket, key = line.split()
    body = client.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    print(len(list(csv.DictReader(io.StringIO(body)))), flush=True)
"""


def _boto3(place: Place) -> Read:
    import boto3

    client = boto3.client("s3")
    return lambda: rows_of(client.get_object(Bucket=place.bucket, Key=place.csv_key)["Body"].read())


def _aws_cli(place: Place) -> Read:
    command = [sys.executable, "-m", "awscli", "s3", "cp", place.csv, "-"]

    def read() -> int:
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode().strip())
        return rows_of(done.stdout)

    return read


def _subprocess(place: Place) -> Read:
    child = subprocess.Popen(
        [sys.executable, "-c", _READER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    requests, responses, errors = child.stdin, child.stdout, child.stderr

    def read() -> int:
        try:
            requests.write(f"{place.bucket} {place.csv_key}\n".encode())
            requests.flush()
        except BrokenPipeError:
            raise RuntimeError("The subprocess has ended.") from None
        response = responses.readline()
        if not response:
            raise RuntimeError(errors.read().decode().strip())
        return int(response)

    return read


def _s3fs(place: Place) -> Read:
    import s3fs

    filesystem = s3fs.S3FileSystem(skip_instance_cache=True)
    return lambda: rows_of(filesystem.cat_file(place.csv))


def _pandas_csv(place: Place) -> Read:
    import pandas as pd

    return lambda: len(pd.read_csv(place.csv))


def _pandas_parquet(place: Place) -> Read:
    import pandas as pd

    return lambda: len(pd.read_parquet(place.parquet))


def _pyarrow(place: Place) -> Read:
    import pyarrow.dataset as ds

    dataset = ds.dataset(place.parquet)
    return lambda: int(dataset.to_table().num_rows)


def _polars(place: Place) -> Read:
    import polars as pl

    frame = pl.scan_csv(place.csv)
    return lambda: int(frame.collect().height)


def _polars_itself(place: Place) -> Read:
    import polars as pl

    frame = pl.scan_parquet(place.parquet, credential_provider=None)
    return lambda: int(frame.collect().height)


def duckdb_connection() -> Any:
    """Returns a connection with the extensions from PyPI; DuckDB itself would download them from elsewhere."""
    import duckdb
    import duckdb_extension_aws
    import duckdb_extension_httpfs

    connection = duckdb.connect()
    for package in (duckdb_extension_httpfs, duckdb_extension_aws):
        file = next(Path(str(package.__file__)).parent.rglob("*.duckdb_extension"))
        connection.execute(f"LOAD '{file}'")
    return connection


def _duckdb(place: Place) -> Read:
    connection = duckdb_connection()
    host = urlsplit(place.endpoint).netloc
    connection.execute(
        "CREATE SECRET (TYPE s3, PROVIDER credential_chain, REFRESH auto, REGION 'us-east-1', "
        f"ENDPOINT '{host}', URL_STYLE 'path', USE_SSL false)"
    )
    return lambda: len(connection.execute(f"FROM '{place.csv}'").fetchall())


def _delta_rs(place: Place) -> Read:
    from deltalake import DeltaTable

    table = DeltaTable(place.delta)

    def read() -> int:
        table.update_incremental()
        return int(table.to_pyarrow_table().num_rows)

    return read


def _obstore(place: Place) -> Read:
    import obstore
    from obstore.store import S3Store

    store = S3Store(place.bucket)
    return lambda: rows_of(bytes(obstore.get(store, place.csv_key).bytes()))


def _awswrangler(place: Place) -> Read:
    import awswrangler as wr

    return lambda: len(wr.s3.read_parquet(place.parquet))


def _pyiceberg(place: Place, reader: str) -> Read:
    from pyiceberg.table import StaticTable

    options = {"py-io-impl": reader, "s3.endpoint": place.endpoint, "s3.region": "us-east-1"}
    table = StaticTable.from_metadata(place.iceberg, options)
    return lambda: int(table.scan().to_arrow().num_rows)


def _pyiceberg_fsspec(place: Place) -> Read:
    return _pyiceberg(place, "pyiceberg.io.fsspec.FsspecFileIO")


def _pyiceberg_pyarrow(place: Place) -> Read:
    return _pyiceberg(place, "pyiceberg.io.pyarrow.PyArrowFileIO")


BY_ENVIRONMENT = (
    Case("boto3", "boto3", "environment", 'boto3.client("s3")', _boto3),
    Case("aws CLI", "awscli", "environment", "!aws s3 cp s3://... .", _aws_cli),
    Case("a subprocess", "boto3", "environment", "subprocess.Popen(...), with boto3 in it", _subprocess),
    Case("s3fs", "s3fs", "environment", "s3fs.S3FileSystem()", _s3fs),
    Case("pandas CSV", "pandas", "environment", 'pd.read_csv("s3://...")', _pandas_csv),
    Case("pandas Parquet", "pandas", "environment", 'pd.read_parquet("s3://...")', _pandas_parquet, "parquet"),
    Case("pyarrow", "pyarrow", "environment", 'pyarrow.dataset.dataset("s3://...")', _pyarrow, "parquet"),
    Case("polars", "polars", "environment", 'pl.scan_csv("s3://...")', _polars),
    Case(
        "polars in Rust", "polars", "environment", 'pl.scan_parquet("s3://...", credential_provider=None)',
        _polars_itself, "parquet",
    ),
    Case(
        "DuckDB", "duckdb", "environment", "CREATE SECRET (TYPE s3, PROVIDER credential_chain, REFRESH auto)", _duckdb
    ),
    Case("delta-rs", "deltalake", "environment", 'DeltaTable("s3://...")', _delta_rs, "delta"),
    Case("obstore", "obstore", "environment", 'S3Store("bucket")', _obstore),
    Case("awswrangler", "awswrangler", "environment", 'wr.s3.read_parquet("s3://...")', _awswrangler, "parquet"),
    Case(
        "pyiceberg fsspec", "pyiceberg", "environment", "load_table(...), with FsspecFileIO", _pyiceberg_fsspec,
        "iceberg",
    ),
    Case(
        "pyiceberg pyarrow", "pyiceberg", "environment", "load_table(...), with PyArrowFileIO", _pyiceberg_pyarrow,
        "iceberg",
    ),
)  # fmt: skip
