"""qtconsole without a screen, run by its own environment's Python: `python qt_program.py KERNEL`.

Each line of standard input is a JSON object: {"run": code} runs a cell, {"paste": text} pastes a text into the open
input and presses Enter. Its whole text goes to standard output, as one line of JSON, whenever it has changed.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
from typing import Any


def main() -> None:
    """Runs until standard input ends."""
    from qtconsole.manager import QtKernelManager
    from qtconsole.rich_jupyter_widget import RichJupyterWidget
    from qtpy import QtCore, QtTest, QtWidgets

    application: Any = QtWidgets.QApplication([])
    manager: Any = QtKernelManager(kernel_name=sys.argv[1])
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    console: Any = RichJupyterWidget()
    console.kernel_manager, console.kernel_client = manager, client
    console.show()
    commands: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read_commands, args=(commands,), daemon=True).start()
    shown = ""

    def work() -> None:
        nonlocal shown
        text = console._control.toPlainText()
        if text != shown:
            shown = text
            print(json.dumps(text), flush=True)
        if commands.empty():
            return
        line = commands.get()
        if not line:
            manager.shutdown_kernel(now=True)
            application.quit()
            return
        command = json.loads(line)
        if "run" in command:
            console.execute(command["run"])
        else:
            application.clipboard().setText(command["paste"])
            console.paste()
            QtTest.QTest.keyClick(console._control, QtCore.Qt.Key.Key_Return)

    timer = QtCore.QTimer()
    timer.timeout.connect(work)
    timer.start(30)
    application.exec()


def _read_commands(commands: queue.Queue[str]) -> None:
    for line in sys.stdin:
        commands.put(line)
    commands.put("")


if __name__ == "__main__":
    main()
