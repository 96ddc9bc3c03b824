"""The table of docs/sharing.md: `python -m tests.sharing.libraries.table` writes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from .case import Case
from .period import CASES
from .test_expiries import DUCKDB_BY_ENVIRONMENT, EXPIRIES, TOOLS

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "sharing.md"
VERSIONS = Path(__file__).with_name("versions.txt")
PACKAGE_JSON = ROOT / "tests" / "foreign" / "javascript" / "package.json"
BEGIN, END = "<!-- libraries: python -m tests.sharing.libraries.table -->\n", "<!-- end of libraries -->\n"
_HEAD = "| library | version | how | expiries | proven by |\n|---|---|---|---|---|\n"


@dataclass(frozen=True)
class Line:
    """A line of the table.

    Attributes:
        library: The library's usual name.
        version: The version that was tested.
        how: The code that a user writes, or whose code it is.
        expiries: How many expiries it reads across.
        proof: The name of the test, with its parameter; or when it was measured by hand.
    """

    library: str
    version: str
    how: str
    expiries: str
    proof: str

    def __str__(self) -> str:
        proof = f"`{self.proof}`" if self.proof.startswith("test_") else self.proof
        return f"| {self.library} | {self.version} | `{self.how}` | {self.expiries} | {proof} |\n"


_BY_HAND = "by hand, on 2026-11-25"


def versions() -> dict[str, str]:
    """Returns the versions with which the tests are run, by package."""
    lines = [line for line in VERSIONS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return dict(line.split("==") for line in lines)


def elsewhere() -> list[Line]:
    """Returns the lines whose tests are in other folders, or that were measured by hand."""
    javascript = json.loads(PACKAGE_JSON.read_text(encoding="utf-8"))["dependencies"]["@aws-sdk/client-s3"]
    return [
        Line("AWS SDK for JavaScript", javascript, "new S3Client()", f"{EXPIRIES}",
             "test_the_aws_sdk_for_javascript_reads_across_three_expiries"),
        Line("Dask", "2026.8.0", "sharing.dask(cognito, client)", "12",
             "test_a_minute_of_tasks_continues_while_a_worker_is_killed_and_one_is_added"),
        Line("Ray", "2.60.0", "sharing.ray(cognito)", "5",
             "test_tasks_and_actors_go_on_across_five_expiries_while_workers_are_killed_and_added"),
        Line("Spark, local", "3.5.8", 'spark.read.csv("s3a://...")', f"{EXPIRIES}",
             "test_the_share_alone_is_enough_across_three_expiries"),
        Line("Spark, executors", "3.5.8", "sharing.spark(cognito, spark)", "5",
             "test_a_data_frame_an_rdd_a_stream_and_a_long_query_continue_across_five_expiries"),
        Line("aws CLI of Debian 12", "2.9.19", "!aws s3 cp s3://... .", "2", _BY_HAND),
        Line("rclone of Debian 12", "1.60.1", "!rclone copy :s3,provider=AWS,env_auth:bucket/... .", "2", _BY_HAND),
        Line("rasterio and GDAL", versions()["rasterio"], "rasterio.Env(AWSSession(session))",
             "none: it copies the keys", _BY_HAND),
        Line("Terraform", "1.11.4", 'backend "s3" { region = ... }', "none: it runs for a moment", _BY_HAND),
    ]  # fmt: skip


def table() -> str:
    """Returns the table, with a line per case."""
    tested = versions()
    cases = sorted(CASES.values(), key=lambda case: case.way != "environment")
    lines = [_line(case, tested[case.package]) for case in cases] + elsewhere()
    lines.sort(key=lambda line: line.library.lower().removeprefix("a "))
    return _HEAD + "".join(map(str, lines))


def _line(case: Case, version: str) -> Line:
    if case.name == DUCKDB_BY_ENVIRONMENT:
        proof = "test_duckdb_by_itself_may_lose_a_read_and_goes_on"
        expiries = f"{EXPIRIES}, but a query under way at one may fail"
    else:
        kind = "tool" if case.name in TOOLS else "library"
        proof, expiries = f"test_a_{kind}_reads_on[{case.name}]", f"{EXPIRIES}"
    return Line(case.library, version, case.how, expiries, proof)


def main() -> None:
    """Write the table into the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
