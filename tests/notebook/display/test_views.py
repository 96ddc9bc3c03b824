"""What a cell displays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cognito_jupyter.notebook.display.login_views import WidgetFallback
from cognito_jupyter.notebook.display.views import Table, format_time

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-7200, "2 hours ago"),
        (-59, "just now"),
        (59, "in less than a minute"),
        (60, "in 1 minute"),
        (300, "in 5 minutes"),
    ],
)
def test_a_time_is_shown_with_how_far_away_it_is(seconds: float, words: str) -> None:
    time = NOW + timedelta(seconds=seconds)
    assert format_time(time, NOW) == f"{time.astimezone():%Y-%m-%d %H:%M %Z} ({words})"


def test_a_table_is_padded_as_text_and_has_header_cells_as_html() -> None:
    table = Table(
        "Roles", (("A", "arn:1"), ("Longer", "arn:2")), ("Suffix", "Role"), ("A note.",), ("More", "https://a")
    )
    assert table.text().splitlines() == [
        "Roles",
        "  Suffix  Role",
        "  A       arn:1",
        "  Longer  arn:2",
        "A note.",
        "More: https://a",
    ]
    assert table.html().count('scope="col"') == 2
    assert Table("Empty", ()).text() == "Empty"
    assert Table("Facts", (("User", "<demo>"),)).html().count('scope="row"') == 1
    assert "&lt;demo&gt;" in Table("Facts", (("User", "<demo>"),)).html()


def test_a_fallback_offers_the_widget_beside_its_view() -> None:
    bundle = WidgetFallback(Table("Roles", ()), "the model")._repr_mimebundle_()
    assert bundle["text/plain"] == "Roles"
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == "the model"
