"""Values that each process makes for itself."""

from __future__ import annotations

import threading

from cognito_jupyter._util.process_local import ProcessLocal
from tests.support.fork import holds_in_forked_child
from tests.support.systems import needs_fork


def test_all_threads_of_a_process_get_the_same_instance() -> None:
    local: ProcessLocal[object] = ProcessLocal(object)
    got: list[object] = []
    threads = [threading.Thread(target=lambda: got.append(local())) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, got))) == 1
    assert local() is got[0]


@needs_fork
def test_a_forked_child_makes_its_own_instance() -> None:
    local: ProcessLocal[object] = ProcessLocal(object)
    mine = local()
    assert holds_in_forked_child(lambda: local() is not mine)
    assert local() is mine
