"""What is pasted into a panel, and the logs of a kernel that runs with --debug."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from cognito_jupyter.notebook.kernel.comm_logs import new_model_id, redact_comm_logs
from tests.support.notebook import Notebook
from tests.support.polling import wait_until

PASTED = "http://localhost:3000/?code=the-code-of-this-login&state=its-state"
WRONG_PASTE = "the second half of an address"
# `--debug` sets the level of the kernel's application. The handler of the root logger gets what `Comm` logs.
_LOG_EVERYTHING = """
import logging, ipywidgets, cognito_jupyter
kernel = get_ipython().kernel
kernel.parent.log_level = logging.DEBUG
handler = logging.FileHandler(LOG_FILE)
logging.getLogger().setLevel(logging.DEBUG)
for logger in (logging.getLogger(), kernel.log):
    logger.addHandler(handler)
other = ipywidgets.Password()
panel = cognito_jupyter.LoginPanel()
print("\\nIDS", panel._view.comm.comm_id, panel._fallback_paste_field.comm.comm_id, other.comm.comm_id)
"""


def test_what_is_pasted_into_a_panel_is_in_no_log_of_a_kernel_with_debug(notebook: Notebook, tmp_path: Path) -> None:
    """The panel's own box, and the box that stands in for it; another widget's value is logged, so the search works."""
    log_file = tmp_path / "kernel.log"
    text = notebook.text(_LOG_EVERYTHING.replace("LOG_FILE", repr(str(log_file))))
    # The kernel logs to stderr, too, which is part of the text.
    (view, box, other) = next(line for line in text.splitlines() if line.startswith("IDS ")).split()[1:]
    client = notebook.kernel.client
    for text in (PASTED, WRONG_PASTE):
        send(client, view, {"method": "custom", "content": {"pasted": text}})
        send(client, box, {"method": "update", "state": {"value": text}, "buffer_paths": []})
    send(client, other, {"method": "update", "state": {"value": "of another widget"}, "buffer_paths": []})
    wait_until(lambda: log_file.read_text().count("of another widget") >= 2)
    log = log_file.read_text()
    assert "handle_msg" in log
    assert "   Content: " in log
    assert log.count("A message of cognito_jupyter's panel") >= 8
    assert "the-code-of-this-login" not in log
    assert WRONG_PASTE not in log


def send(client: object, comm_id: str, data: dict[str, object]) -> None:
    """Sends a message of a widget, as a front end does."""
    channel, session = client.shell_channel, client.session  # type: ignore[attr-defined] # jupyter_client has no types
    channel.send(session.msg("comm_msg", {"comm_id": comm_id, "data": data}))


@pytest.mark.parametrize("arguments", [("one", "two"), (object(),), ({"comm_id": "x"}, 1)])
def test_a_faulty_record_of_another_package_stays_its_own(
    arguments: tuple[object, ...], caplog: pytest.LogCaptureFixture
) -> None:
    redact_comm_logs(None)
    redact_comm_logs(None)
    logger = logging.getLogger("Comm")
    caplog.set_level(logging.DEBUG, "Comm")
    logging.raiseExceptions, before = False, logging.raiseExceptions
    try:
        logger.handle(logger.makeRecord("Comm", logging.WARNING, "", 0, "%d", arguments, None))
        logger.debug("%d", {"comm_id": new_model_id(), "data": PASTED})
    except (TypeError, ValueError):
        # pytest's own handler raises what it cannot format.
        pytest.fail("the filter raised")
    finally:
        logging.raiseExceptions = before
    assert PASTED not in caplog.text
