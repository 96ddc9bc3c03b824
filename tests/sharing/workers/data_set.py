"""A data set of PyTorch's whose items are read by the worker processes of a DataLoader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch.utils.data import IterableDataset

from .worker_program import read_with


class ReadsOfWorkers(IterableDataset):
    """What each worker has read with.

    Args:
        credentials: With how many different credentials each worker reads.
        client: The client of S3; None: each worker makes its own.
    """

    def __init__(self, credentials: int, client: Any = None) -> None:
        self._credentials, self._client = credentials, client

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return read_with(self._credentials, self._client)
