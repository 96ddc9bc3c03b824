"""The table of tests that fail now and then."""

from __future__ import annotations

from collections import Counter

from tests.flaky import HEADING, failed_tests, table, with_table

REPORT = """<testsuites><testsuite><testcase classname="tests.a" name="good"/>
<testcase classname="tests.a" name="bad"><failure message="no">E   #x1B[31massert#x1B[39;49m False</failure></testcase>
<testcase classname="tests.a" name="unlucky"><error message="fixture">E   fixture</error></testcase>
<testcase classname="tests.a" name="left_out"><skipped/></testcase></testsuite></testsuites>"""


def test_failed_tests_and_failed_fixtures_are_counted_and_skipped_tests_are_not() -> None:
    assert failed_tests(REPORT) == {"tests.a::bad": "E   assert False", "tests.a::unlucky": "E   fixture"}


def test_the_table_says_in_how_many_runs_a_test_failed() -> None:
    text = table(Counter({"tests.a::bad": 2}), [5.0, 7.25])
    assert "2 runs, 5.0 to 7.2 minutes each." in text
    assert "| `tests.a::bad` | 2 of 2 |" in text
    assert "No test failed." in table(Counter(), [5.0])


def test_a_later_table_replaces_the_earlier_one_and_nothing_else() -> None:
    page = "# Page\n\n## First\n\ntext\n\n## Last\n\nmore\n"
    once = with_table(page, "one\n")
    assert once == f"{page}\n{HEADING}\n\none\n"
    between = once + "\n## After\n\nend\n"
    assert with_table(between, "two\n") == between.replace("one\n", "two\n")
