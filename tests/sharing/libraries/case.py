"""A case: one library, which opens an object once and reads it again and again."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from cognito_jupyter.credentials.manager import CognitoCredentialsManager

ROWS = 360
"""Measurements in the data set."""
SHARED, ADAPTED = "Analyst", "Uploader"
"""The role shared through the environment, and the role of the adapters: the proxy before S3 tells them apart."""

Way = Literal["environment", "adapter"]
Form = Literal["csv", "parquet", "delta", "iceberg", "zarr", "hdf5", "lance", "icechunk", "tiff"]
Read = Callable[[], int]
"""Reads the whole data set, and returns the number of rows."""


@dataclass(frozen=True)
class Place:
    """Where a case finds its copy of the data set, which no other case reads.

    Attributes:
        bucket: The bucket.
        folder: The folder in it, without a slash at the end.
        endpoint: The URL of S3 on this machine.
        iceberg: The URL of the Iceberg table's metadata; empty for a case that reads none.
        manager: The sign-in, for the adapters.
    """

    bucket: str
    folder: str
    endpoint: str
    iceberg: str
    manager: CognitoCredentialsManager

    @property
    def csv_key(self) -> str:
        """The key of the CSV copy."""
        return f"{self.folder}/measurements.csv"

    @property
    def csv(self) -> str:
        """The URL of the CSV copy."""
        return self.url("measurements.csv")

    @property
    def parquet(self) -> str:
        """The URL of the Parquet copy."""
        return self.url("measurements.parquet")

    @property
    def delta(self) -> str:
        """The URL of the Delta table."""
        return self.url("delta")

    def url(self, name: str) -> str:
        """Returns the URL of a file or folder.

        Args:
            name: Its name in the case's folder.
        """
        return f"s3://{self.bucket}/{self.folder}/{name}"


@dataclass(frozen=True)
class Case:
    """One library with one source of credentials.

    Attributes:
        library: The library's usual name.
        package: The distribution that has the version.
        way: How it gets its credentials.
        how: The code that a user writes, for the documentation.
        opens: Opens the long-lived object.
        form: The form in which it reads the data set.
        modules: What takes longer to import than credentials live, and is imported before they are made.
    """

    library: str
    package: str
    way: Way
    how: str
    opens: Callable[[Place], Read]
    form: Form = "csv"
    modules: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name in test ids and in folder names."""
        return f"{self.library.lower().replace(' ', '-').replace('_', '-').replace(chr(39), '')}-{self.way}"


def rows_of(text: bytes) -> int:
    """Returns the number of rows of a CSV file."""
    return len(list(csv.DictReader(io.StringIO(text.decode()))))
