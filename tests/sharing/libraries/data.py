"""A copy of the data set for each case, in its own folder: as CSV, Parquet, a Delta table, a Zarr array and so on."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito

from .case import Case, Form


def write_copies(
    cognito: LocalCognito, manager: CognitoCredentialsManager, cases: Iterable[Case], folder: Path
) -> dict[str, dict[str, str]]:
    """Writes every case's copy.

    Args:
        cognito: The local Cognito with the bucket.
        manager: A sign-in that may write to it.
        cases: The cases.
        folder: A folder for temporary files.

    Returns:
        For each case's name the arguments of its Place, without the manager.
    """
    session = manager.make_refreshing_session("Uploader")
    client = session.client("s3", endpoint_url=cognito.aws_url)
    text = client.get_object(Bucket=cognito.bucket, Key=cognito.data_key)["Body"].read()
    files = _files(text, folder)
    places = {}
    for case in cases:
        where = f"cases/{case.name}"
        for name, content in files[case.form].items():
            client.put_object(Bucket=cognito.bucket, Key=f"{where}/{name}", Body=content)
        places[case.name] = {
            "bucket": cognito.bucket,
            "folder": where,
            "endpoint": cognito.aws_url,
            "iceberg": _iceberg(cognito, manager, text, where, folder) if case.form == "iceberg" else "",
        }
    return places


def _table(text: bytes) -> Any:
    import pyarrow.csv

    return pyarrow.csv.read_csv(io.BytesIO(text))


def _files(text: bytes, folder: Path) -> dict[Form, dict[str, bytes]]:
    """Returns the files of a case's folder for each form; the references in a Delta table are relative."""
    import pyarrow.parquet as pq
    from deltalake import write_deltalake

    table = _table(text)
    pq.write_table(table, folder / "measurements.parquet")
    write_deltalake(folder / "delta", table)
    _write_arrays(table, folder)
    return {
        "csv": {"measurements.csv": text},
        "parquet": {"measurements.parquet": (folder / "measurements.parquet").read_bytes()},
        "iceberg": {},
        "hdf5": {"measurements.h5": (folder / "measurements.h5").read_bytes()},
        "tiff": {"measurements.tif": (folder / "measurements.tif").read_bytes()},
        "delta": _contents(folder, "delta"),
        "zarr": _contents(folder, "zarr"),
        "lance": _contents(folder, "lance"),
        "icechunk": _contents(folder, "icechunk"),
    }


def _contents(folder: Path, name: str) -> dict[str, bytes]:
    """Returns the files below a folder in a folder, by their names from the outer one."""
    paths = [path for path in (folder / name).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def _write_arrays(table: Any, folder: Path) -> None:
    """Writes one column in the forms of arrays, and the table as LanceDB's, into a folder."""
    import h5py
    import icechunk
    import lancedb
    import rasterio
    import zarr

    magnitudes = table["magnitude"].to_numpy()
    zarr.save_array(str(folder / "zarr"), magnitudes)
    with h5py.File(folder / "measurements.h5", "w") as file:
        file["magnitude"] = magnitudes
    size = {"width": len(magnitudes), "height": 1, "count": 1, "dtype": "float64"}
    with rasterio.open(folder / "measurements.tif", "w", driver="GTiff", **size) as picture:
        picture.write(magnitudes.reshape(1, -1), 1)
    lancedb.connect(folder / "lance").create_table("measurements", table)
    repository = icechunk.Repository.create(icechunk.local_filesystem_storage(str(folder / "icechunk")))
    session = repository.writable_session("main")
    zarr.create_array(session.store, data=magnitudes)
    session.commit("measurements")


def _iceberg(cognito: LocalCognito, manager: CognitoCredentialsManager, text: bytes, where: str, folder: Path) -> str:
    """Writes an Iceberg table, whose references are absolute; returns the URL of its metadata."""
    from pyiceberg.catalog.sql import SqlCatalog

    keys = manager.ensure_credentials("Uploader")
    catalog = SqlCatalog(
        "cases",
        **{
            "uri": f"sqlite:///{folder / where.replace('/', '-')}.db",
            "warehouse": f"s3://{cognito.bucket}/{where}/iceberg",
            "s3.endpoint": cognito.aws_url,
            "s3.region": cognito.region,
            "s3.access-key-id": keys["access_key_id"],
            "s3.secret-access-key": keys["secret_access_key"],
            "s3.session-token": keys["session_token"],
        },
    )
    catalog.create_namespace("stars")
    table = catalog.create_table("stars.measurements", schema=_table(text).schema)
    table.append(_table(text))
    return str(table.metadata_location)
