"""What is concluded from measurements: a wrong formula here would publish a wrong claim."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.document import render
from benchmarks.race import gist, rotated
from benchmarks.results import Entry, Part, Race, Run, read, save
from benchmarks.resume import Mark, figures_of
from benchmarks.schema import page as schema_page

ONE = Run(wall=1.0, verify=0.0, client_cpu=0.1, server_cpu=0.2, rss_peak=1_000_000, load_before=0.0)


def entry(tool: str, *walls: float, verify: float = 0.0, void: str = "") -> Entry:
    return Entry(tool, tuple(replace(ONE, wall=wall, verify=verify) for wall in walls), void)


def pg_pg(*entries: Entry) -> Race:
    return Race("pg-pg", "li", 3_000_000, entries)


def met(race: Race) -> dict[str, bool]:
    return {verdict.words: verdict.met for verdict in race.verdicts()}


def test_median_copy_times_are_compared_and_verification_counts_only_where_required() -> None:
    race = pg_pg(
        entry("wayfare", 8.0, 7.0, 90.0, verify=2.0),
        entry("psql", 5.0, 5.3, 5.3),
        entry("ingestr", 9.0, 9.7, 10.0),
        entry("wayfare, no kernel", 13.0, verify=0.3),
    )
    # The copy is 6.0 s (median), with verification 8.0 s.
    assert met(race) == {
        "≤ 1.15 × psql": True,  # 6.0 / 5.3 = 1.13
        "1.6 × faster than ingestr": True,  # 6.0 / 9.7 = 0.619 ≤ 0.625
        "copy and verification ≤ ingestr": True,  # 8.0 / 9.7
        "without the kernel ≤ 1.3 × ingestr": False,  # 12.7 / 9.7 = 1.309
        "verification ≤ 50% of the copy's time": True,  # 2.0 / 6.0
    }


def test_a_void_measurement_meets_nothing() -> None:
    race = pg_pg(entry("wayfare", 1.0), entry("psql", 5.0, void="count(*) is 1, not 2"), entry("ingestr", 9.0))
    assert met(race)["≤ 1.15 × psql"] is False
    assert [v.ratio for v in race.verdicts() if "psql" in v.words] == [None]


def test_verification_that_takes_longer_than_half_the_copy_is_missed() -> None:
    assert met(pg_pg(entry("wayfare", 9.1, verify=3.1)))["verification ≤ 50% of the copy's time"] is False


def test_other_tables_have_no_verdicts() -> None:
    assert replace(pg_pg(entry("wayfare", 1.0)), table="rich").verdicts() == []


def test_results_survive_being_stored_and_the_page_shows_them(tmp_path: Path) -> None:
    race = pg_pg(entry("wayfare", 6.0, verify=1.0), entry("psql", 5.0), entry("ingestr", 9.0, void="a | b"))
    part = Part("2026-01-01", "command", "machine", {"psql": "15"}, races=(race,))
    save(tmp_path / "path-pg-pg-li.json", part)
    assert read(tmp_path / "path-pg-pg-li.json") == part
    page = render([("path-pg-pg-li", part)])
    assert "| PostgreSQL → PostgreSQL | ≤ 1.15 × psql | 1.00 | 1.15 | yes |" in page
    assert "| wayfare | 5.00 | + 1.00 | 600 |" in page
    assert "- ingestr: a | b" in page


@pytest.mark.parametrize(("number", "order"), [(0, ["a", "b", "c"]), (1, ["b", "c", "a"]), (3, ["a", "b", "c"])])
def test_another_tool_begins_each_round(number: int, order: list[str]) -> None:
    assert list(rotated(["a", "b", "c"], number)) == order


def test_a_chunk_done_before_the_kill_and_started_again_is_a_repeated_one() -> None:
    marks = [
        Mark("step_started", "load 1", 1.0),
        Mark("step_done", "load 1", 2.0),
        Mark("step_started", "load 2", 2.0),
        # killed at 3, restarted at 4
        Mark("step_started", "load 2", 5.5),
        Mark("step_started", "load 1", 5.6),
        Mark("step_done", "load 2", 6.0),
    ]
    assert [figure.value for figure in figures_of(marks, 3.0, 4.0)] == [1.5, 2.0, 1, 1]


def test_the_gist_of_an_output_has_no_colours_and_fits_a_line() -> None:
    assert gist("\x1b[31mfatal:\x1b[0m\n\n  could not connect \n") == "fatal: / could not connect"


def test_a_part_of_schema_changes_replaces_only_its_own_section():
    page = "# Benchmarks\n\n## Speed\n\nfast\n"
    first = schema_page.replaced(page, "kill9", "### kill9\n\nold\n")
    second = schema_page.replaced(first, "truth", "### truth\n\ntrue\n")
    third = schema_page.replaced(second, "kill9", "### kill9\n\nnew\n")
    assert third.startswith(page)
    assert third == second.replace("old", "new")
    assert schema_page.of_page(third).count("### ") == 2
    assert schema_page.of_page(page) == ""
