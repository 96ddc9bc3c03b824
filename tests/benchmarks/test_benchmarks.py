"""The tools of the benchmarks. What the benchmarks measure is not tested."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.notebook.model import sign_ins
from tests.benchmarks import role_change
from tests.benchmarks.chart import write_chart
from tests.benchmarks.imports import Moment, _row, profile
from tests.benchmarks.kernels import Kernel, call_figures, count_calls, stored_sign_in
from tests.benchmarks.link import _WIDGET, _FrontEnd
from tests.benchmarks.page import FIGURES, IMPORTS, PAGE, figures_table, replace_between
from tests.benchmarks.record import write_record
from tests.benchmarks.stage import Stage
from tests.benchmarks.table import Figure, Group, Reach, lines_of
from tests.support.keep_alive_proxy import KeepAliveProxy
from tests.support.latency_proxy import LatencyProxy

_SVG = "{http://www.w3.org/2000/svg}"
ROUND_TRIP = 0.1
EXCHANGE = LocalCognito.EXCHANGE


@pytest.fixture
def proxy(cognito: LocalCognito) -> Iterator[KeepAliveProxy]:
    with KeepAliveProxy(cognito.port) as proxy:
        yield proxy


@pytest.fixture
def connection(proxy: KeepAliveProxy) -> Iterator[http.client.HTTPConnection]:
    """A connection to the proxy with latency."""
    with LatencyProxy(proxy.port, ROUND_TRIP) as latency_proxy:
        connection = http.client.HTTPConnection("127.0.0.1", latency_proxy.port, timeout=30)
        yield connection
        connection.close()


def time_request(connection: http.client.HTTPConnection) -> float:
    began = time.perf_counter()
    connection.request("GET", "/unknown")
    connection.getresponse().read()
    return time.perf_counter() - began


def test_the_first_request_takes_two_round_trips_and_each_further_one_takes_one(
    connection: http.client.HTTPConnection,
) -> None:
    assert time_request(connection) >= 2 * ROUND_TRIP
    assert time_request(connection) >= ROUND_TRIP


def test_a_connection_stays_open_from_one_end_to_the_other(proxy: KeepAliveProxy) -> None:
    with LatencyProxy(proxy.port, 0) as latency_proxy:
        connection = http.client.HTTPConnection("127.0.0.1", latency_proxy.port, timeout=30)
        connection.connect()
        socket = connection.sock
        for _ in range(3):
            time_request(connection)
            assert connection.sock is socket
        connection.close()
        assert latency_proxy.connections == 1


def test_the_tls_proxy_forwards_a_request_and_its_response(proxy: KeepAliveProxy, cognito: LocalCognito) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
    target = {"X-Amz-Target": "AWSCognitoIdentityService.GetId", "Content-Type": "application/x-amz-json-1.1"}
    body = json.dumps({"IdentityPoolId": "us-east-1:00000000-0000-0000-0000-000000000000"})
    connection.request("POST", "/", body, target)
    response = connection.getresponse()
    assert response.status == 400
    assert response.getheader("x-amzn-ErrorType") == "ResourceNotFoundException:"
    assert json.load(response)["__type"] == "ResourceNotFoundException"
    connection.close()


@pytest.fixture(scope="module")
def one_stage() -> Iterator[Stage]:
    with Stage() as stage:
        yield stage


@pytest.fixture
def stage(one_stage: Stage) -> Iterator[Stage]:
    with one_stage.environment():
        yield one_stage


def test_a_restarted_kernel_reports_its_steps_and_calls_no_endpoint(stage: Stage) -> None:
    """The steps add up to the whole; a kernel that finds no sign-in is not measured."""
    with stored_sign_in(stage, stage.port) as folder:
        stage.reset_counts()
        with Kernel(stage, stage.port, folder, warm=False) as kernel:
            kernel.begin()
            steps = kernel.read_step_seconds()
        assert [stage.count(endpoint) for endpoint in (LocalCognito.REFRESH, LocalCognito.GET_ID, EXCHANGE)] == [
            0,
            0,
            0,
        ]
        next(folder.glob("*.sign-in")).unlink()
        with Kernel(stage, stage.port, folder, warm=False) as kernel:
            kernel.begin()
            with pytest.raises(RuntimeError, match="has ended"):
                kernel.read_step_seconds()
    assert steps.pop("whole") == pytest.approx(sum(steps.values()))


def test_kernels_at_one_expiry_are_counted_by_cognitos_calls(stage: Stage) -> None:
    assert count_calls(stage, stage.port, 2) == {"token endpoint": 1.0, EXCHANGE: 1.0}


def test_kernels_reach_one_call_and_no_more() -> None:
    """A single sample may have one call too many; most must not."""
    one, two = {"token endpoint": 1.0, EXCHANGE: 1.0}, {"token endpoint": 2.0, EXCHANGE: 1.5}
    assert [figure.reached for figure in call_figures([one, one, two])] == [True, True]
    assert [figure.reached for figure in call_figures([one, two, two])] == [False, False]


def figure(samples: tuple[float, ...] = (3.0, 1.0, 2.0), reference: tuple[float, ...] | None = (40.0,)) -> Figure:
    return Figure("a <figure>", "ms", samples, (1.0, 1.0), "nothing", reference, Reach(2, "ratio"))


@pytest.mark.parametrize(
    ("errors", "limit", "of", "reached"),
    [
        ((0, 0), 2, "ratio", True),
        ((0, 9), 2, "ratio", True),
        ((1, 0), 2, "ratio", False),
        ((0, 0), 1.9, "ratio", False),
        ((0, 0), 2.5, "figure", True),
        ((0, 0), 1.9, "figure", False),
    ],
)
def test_a_figure_reaches_its_limit_by_its_median_and_without_an_error(
    errors: tuple[int, int], limit: float, of: str, reached: bool
) -> None:
    reach = Reach(limit, "ratio" if of == "ratio" else "figure")
    assert Figure("a", "ms", (3.0, 2.0, 1.0), (1.0,), "b", reach=reach, errors=errors).reached is reached


def test_the_table_has_medians_the_ratio_and_what_was_reached() -> None:
    head, line = lines_of([figure()])
    assert head.split() == ["here", "floor", "x", "floor", "reference", "reach"]
    assert line == "a <figure>  2 ms   1 ms     2.00      40 ms  <= 2 x  reached  (floor: nothing)"


def test_the_table_marks_a_reference_that_is_not_installed_or_not_available() -> None:
    assert "not installed" in lines_of([figure(reference=None)])[1]
    assert "  -  " in lines_of([figure(reference=())])[1]


def test_the_record_holds_every_sample(tmp_path: Path) -> None:
    write_record(tmp_path / "figures.json", [Group("some", (figure(), figure(reference=None)))])
    record = json.loads((tmp_path / "figures.json").read_text())
    first, second = record["groups"][0]["figures"]
    assert (first["median"], first["samples"], first["ratio"]) == (2.0, [3.0, 1.0, 2.0], 2.0)
    assert first["reference"] == {"median": 40.0, "samples": [40.0], "errors": 0}
    assert first["reach"] == {"limit": 2, "of": "ratio", "reached": True}
    assert second["reference"] == "not installed"
    assert record["machine"]["packages"]["botocore"]


def test_the_chart_is_svg_with_a_bar_for_each_value_and_colours_for_the_dark(tmp_path: Path) -> None:
    write_chart(tmp_path / "chart.svg", [Group("some & more", (figure(), figure(reference=None)))])
    svg = ET.parse(tmp_path / "chart.svg").getroot()
    texts = [text.text for text in svg.iter(f"{_SVG}text")]
    assert texts.count("a <figure>") == 2
    assert "some & more" in texts
    bars = [bar.get("class") for bar in svg.iter(f"{_SVG}rect") if bar.get("x") not in {None, "12", "140"}]
    assert bars == ["here", "reference", "here"]
    assert "prefers-color-scheme: dark" in str(svg.findtext(f"{_SVG}style"))


def test_the_page_shows_whether_each_limit_is_reached() -> None:
    missed = Figure("slow", "ms", (3.0,), (1.0,), "nothing", (), Reach(2, "ratio"))
    text = figures_table([Group("some", (figure(), missed))])
    assert "1 of 2 limits are reached" in text
    assert "| a <figure> | 2 ms | nothing: 1 ms | 2.00 | 40 ms | <= 2 x | reached |" in text
    assert "| slow | 3 ms | nothing: 1 ms | 3.00 |  | <= 2 x | **missed** |" in text


def test_only_what_is_between_the_marks_is_replaced() -> None:
    marks = ("<!-- begin -->\n", "<!-- end -->\n")
    page = "before\n<!-- begin -->\nold\n<!-- end -->\nafter\n"
    assert replace_between(page, marks, "new\n") == page.replace("old", "new")
    with pytest.raises(ValueError, match="lacks"):
        replace_between("before\n", marks, "new\n")


def test_the_page_of_the_benchmarks_has_its_marks() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for marks in (FIGURES, IMPORTS):
        assert replace_between(text, marks, "new\n") != text


def test_a_profile_counts_what_is_imported_at_its_moment_and_nothing_before() -> None:
    moment = Moment("a moment", "a reason", "import json\n", "import json, wave, cognito_jupyter")
    modules = profile(moment)
    assert {"wave", "cognito_jupyter"} <= modules.keys()
    assert "json" not in modules
    assert _row(moment, modules).startswith(f"| a moment | {len(modules)} | ")


def test_a_front_end_counts_a_link_in_a_panel_only_once_the_panel_is_drawn() -> None:
    sent: list[dict[str, Any]] = []
    front_end = _FrontEnd(lambda _, content: sent.append(content))

    def receive(kind: str, **content: object) -> bool:
        return front_end.shows_link({"msg_type": kind, "content": content})

    link = "<a href='https://a.example/oauth2/authorize?x=y'>"
    assert not receive("comm_open", comm_id="view", data={"state": {"_model_name": "AnyModel"}})
    assert not receive("display_data", data={_WIDGET: {}, "text/html": "A panel."})
    assert [content["data"]["content"] for content in sent] == [{"alive": True}, {"seen": True}]
    assert receive("comm_msg", comm_id="view", data={"method": "custom", "content": {"body": link}})
    assert receive("display_data", data={"text/html": link})


def test_the_next_roles_session_is_prepared_before_the_fastest_user_clicks_again() -> None:
    """With half of the time left for a busy machine; the preparation was late for all clicks but the first."""
    assert sign_ins._NEXT_SESSION_DELAY <= role_change._PAUSE / 2
