"""What closes with a `with`, and what refuses to be pickled."""

from __future__ import annotations

import copy
import pickle

import pytest

from cognito_jupyter._util.closing import Closeable, NotPicklable


class Door(Closeable, NotPicklable):
    pickle_error = "A door is not pickled."

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


def test_a_closeable_is_closed_after_the_with_statement_also_by_an_error() -> None:
    with Door() as door:
        assert not door.closed
    assert door.closed
    with pytest.raises(KeyError), Door() as door:
        raise KeyError
    assert door.closed


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_not_picklable_object_refuses_pickling_and_copying_with_its_own_message(duplicate: object) -> None:
    assert callable(duplicate)
    with pytest.raises(TypeError, match="A door is not pickled"):
        duplicate(Door())
