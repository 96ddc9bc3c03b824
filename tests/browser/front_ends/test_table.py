"""The table of docs/notebook.md."""

from __future__ import annotations

from pathlib import Path

from .matrix import Outcome, outcome_from_text, write_table


def test_the_table_is_written_between_its_marks_again_and_again(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    mark = "<!-- front ends: FRONT_ENDS_TABLE=docs/notebook.md nox -s fronts -->"
    page.write_text(f"before\n{mark}\n| old |\n<!-- end of front ends -->\nafter\n", encoding="utf-8")
    outcomes = [
        Outcome("lab", "6.31", "login", 0.44, ended=True),
        Outcome("lab", "newest", "widget", 0.1, idle_seconds=0.32, ended=True),
        Outcome("lab", "7.0", "login", 0.5),
        Outcome("console", "newest", "widget", says="names `%cognito_login`"),
        Outcome("lab", "6.31", "text", 0.21),
        Outcome("lab", "newest", "button", 0.28),
    ]
    for _ in range(2):
        write_table(page, [outcome_from_text(outcome.as_text()) for outcome in outcomes])
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{mark}\n| front end | cell | ipykernel 6.31 |")
    assert text.endswith("|\n<!-- end of front ends -->\nafter\n")
    assert "old" not in text
    assert "`%cognito_login` | 0.4 s (0.2) | 0.5 s, **not signed in** | - | - |" in text
    assert "`LoginPanel()` | - | - | - | 0.3 + 0.1 s (0.3) |" in text
    assert "| jupyter console 6.6 | `LoginPanel()` | - | - | - | names `%cognito_login` |" in text
    write_table(
        page, [Outcome("lab", "newest", "login", 0.31, ended=True), Outcome("lab", "7.0", "login", 1, ended=True)]
    )
    assert "`%cognito_login` | 0.4 s (0.2) | 1.0 s | - | 0.3 s |" in page.read_text(encoding="utf-8")
