"""What one library is asked to do: to open something once, and to read it again and again."""

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
"""The role that is shared by the environment, and that of the adapters: the gate tells them apart."""

Way = Literal["environment", "adapter"]
Form = Literal["csv", "parquet", "delta", "iceberg"]
Read = Callable[[], int]
"""Reads all of the data set, and returns how many rows came."""


@dataclass(frozen=True)
class Place:
    """Where a case finds its own copy of the data set, which no other case reads.

    Attributes:
        bucket: The bucket.
        folder: The folder in it, without a slash at the end.
        endpoint: S3 on this machine.
        iceberg: Where the Iceberg table's metadata is; empty for a case that reads none.
        manager: The sign-in, for the adapters.
    """

    bucket: str
    folder: str
    endpoint: str
    iceberg: str
    manager: CognitoCredentialsManager

    @property
    def csv_key(self) -> str:
        """The CSV copy's key."""
        return f"{self.folder}/measurements.csv"

    @property
    def csv(self) -> str:
        """The CSV copy."""
        return f"s3://{self.bucket}/{self.csv_key}"

    @property
    def parquet(self) -> str:
        """The Parquet copy."""
        return f"s3://{self.bucket}/{self.folder}/measurements.parquet"

    @property
    def delta(self) -> str:
        """The Delta table."""
        return f"s3://{self.bucket}/{self.folder}/delta"


@dataclass(frozen=True)
class Case:
    """One library, one way.

    Attributes:
        library: As people call it.
        package: The distribution whose version counts.
        way: How it gets its credentials.
        how: What a person writes, for the README.
        opens: Opens the long-lived object.
        form: In which form it reads the data set.
    """

    library: str
    package: str
    way: Way
    how: str
    opens: Callable[[Place], Read]
    form: Form = "csv"

    @property
    def name(self) -> str:
        """Its name in test ids and in folder names."""
        return f"{self.library.lower().replace(' ', '-').replace('_', '-')}-{self.way}"


def rows_of(text: bytes) -> int:
    """How many rows a CSV file has."""
    return len(list(csv.DictReader(io.StringIO(text.decode()))))
