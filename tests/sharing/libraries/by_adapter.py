"""The libraries with an adapter: each with its own role, whatever the environment contains."""

from __future__ import annotations

from cognito_jupyter import sharing

from .by_environment import duckdb_connection
from .case import ADAPTED, Case, Place, Read, rows_of


def _boto3(place: Place) -> Read:
    client = place.manager.make_refreshing_session(ADAPTED).client("s3")
    return lambda: rows_of(client.get_object(Bucket=place.bucket, Key=place.csv_key)["Body"].read())


def _s3fs(place: Place) -> Read:
    import s3fs

    filesystem = s3fs.S3FileSystem(session=sharing.s3fs_session(place.manager, ADAPTED))
    return lambda: rows_of(filesystem.cat_file(place.csv))


def _pandas_csv(place: Place) -> Read:
    import pandas as pd

    options = {"session": sharing.s3fs_session(place.manager, ADAPTED)}
    return lambda: len(pd.read_csv(place.csv, storage_options=options))


def _pandas_parquet(place: Place) -> Read:
    import pandas as pd

    filesystem = sharing.pyarrow_filesystem(place.manager, ADAPTED)
    return lambda: len(pd.read_parquet(place.parquet.removeprefix("s3://"), filesystem=filesystem))


def _pyarrow(place: Place) -> Read:
    import pyarrow.dataset as ds

    filesystem = sharing.pyarrow_filesystem(place.manager, ADAPTED)
    dataset = ds.dataset(place.parquet.removeprefix("s3://"), filesystem=filesystem)
    return lambda: int(dataset.to_table().num_rows)


def _polars(place: Place) -> Read:
    import polars as pl

    frame = pl.scan_csv(place.csv, credential_provider=sharing.polars_provider(place.manager, ADAPTED))
    return lambda: int(frame.collect().height)


def _obstore(place: Place) -> Read:
    import obstore
    from obstore.store import S3Store

    store = S3Store(place.bucket, credential_provider=sharing.obstore_provider(place.manager, ADAPTED))
    return lambda: rows_of(bytes(obstore.get(store, place.csv_key).bytes()))


def _duckdb(place: Place) -> Read:
    connection = duckdb_connection()
    sharing.duckdb_secret(place.manager, connection, ADAPTED)
    return lambda: len(connection.execute(f"FROM '{place.csv}'").fetchall())


def _awswrangler(place: Place) -> Read:
    import awswrangler as wr

    session = place.manager.make_refreshing_session(ADAPTED)
    return lambda: len(wr.s3.read_parquet(place.parquet, boto3_session=session))


BY_ADAPTER = (
    Case("boto3", "boto3", "adapter", "session", _boto3),
    Case("s3fs", "s3fs", "adapter", "s3fs.S3FileSystem(session=s3fs_session(cognito))", _s3fs),
    Case(
        "pandas CSV", "pandas", "adapter",
        'pd.read_csv("s3://...", storage_options={"session": s3fs_session(cognito)})', _pandas_csv,
    ),
    Case(
        "pandas Parquet", "pandas", "adapter",
        'pd.read_parquet("bucket/...", filesystem=pyarrow_filesystem(cognito))', _pandas_parquet, "parquet",
    ),
    Case("pyarrow", "pyarrow", "adapter", "pyarrow_filesystem(cognito)", _pyarrow, "parquet"),
    Case(
        "polars", "polars", "adapter", 'pl.scan_csv("s3://...", credential_provider=polars_provider(cognito))', _polars
    ),
    Case("DuckDB", "duckdb", "adapter", "duckdb_secret(cognito, connection)", _duckdb),
    Case("obstore", "obstore", "adapter", 'S3Store("bucket", credential_provider=obstore_provider(cognito))', _obstore),
    Case(
        "awswrangler", "awswrangler", "adapter", 'wr.s3.read_parquet("s3://...", boto3_session=session)', _awswrangler,
        "parquet",
    ),
)  # fmt: skip
