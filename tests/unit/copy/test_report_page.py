"""The report's page: everything in it, nothing executed by it, nothing fetched for it."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from wayfare.copy.markup import Markup, join, tag
from wayfare.copy.report import Difference, PhaseTime, Rate, Report, TableProof
from wayfare.copy.report_page import render
from wayfare.copy.report_plot import phase_bar, rate_plot, rates_per_second, ticks
from wayfare.core.findings import Finding, Severity

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "javascript:alert(1)",
    "$title ${body} $$ %s {0}",
    "&lt;b&gt; &amp;",
    "‮txt.exe\u0000\u200b",
]
EQUAL, OTHER = "0123456789abcdef" * 2, "fedcba9876543210" * 2


def report(outcome: str = "equal", text: str = "orders", **changes) -> Report:
    same = TableProof(text, f"main.{text}", 10, 10, EQUAL, EQUAL, True, "arrow", 2, 1.5, 0.5)
    off = Difference("changed", f"id={text}", text, text, "")
    other = TableProof(
        "lines", "lines", 7, 6, EQUAL, OTHER, False, "relay", 1, values_lost=3, differences=(off,), differences_total=9
    )
    values = {
        "run": "01ktq3x7example0",
        "title": f"sqlite:///{text} → duckdb:///{text}",
        "outcome": outcome,
        "plan_digest": "9f1c33aa01bd8e77",
        "started_at": 1_790_000_000.0,
        "ended_at": 1_790_000_029.3,
        "tables": (same,) if outcome == "equal" else (same, other),
        "findings": (Finding(text, Severity.WARNING, text, text, text),),
        "phases": (PhaseTime("check", 0.2), PhaseTime(text, 20)),
        "rates": (Rate(1, 100), Rate(2, 500), Rate(3, 700)),
        "versions": {"source": text, "wayfare": "0.1.0"},
    }
    return Report(**{**values, **changes})


class Page(HTMLParser):
    """What a browser would find: elements, attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    handle_startendtag = handle_starttag

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("outcome", ["equal", "different", "unproven", "failed"])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_only_text(text, outcome):
    page = Page(render(report(outcome, text)))
    assert not {"script", "img", "iframe", "link", "object", "embed", "form", "input", "a"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href", "srcdoc")]
    assert page.text.count(text) >= 4


def test_nothing_is_fetched_and_no_script_may_run():
    html = render(report())
    assert "default-src 'none'" in html
    assert "url(" not in html
    assert "@import" not in html
    assert html.count("http") == html.count("http-equiv")


def test_says_what_was_proven():
    text = Page(render(report())).text
    assert "Source and target are equal" in text
    assert "1 table, 10 rows: every row was compared, and none differs." in text
    assert "0123456789…" in text


def test_the_whole_digest_is_at_hand():
    assert ("title", OTHER) in Page(render(report("different"))).attributes


def test_what_differs_comes_first_and_is_counted():
    text = Page(render(report("different"))).text
    assert text.index("Differences") < text.index("Tables")
    assert text.index("lines", text.index("Tables")) < text.index("orders", text.index("Tables"))
    assert "9 rows in 1 table" in text
    assert "… and 8 more" in text
    assert "empty text" in text
    assert "3 values became NULL, as allowed" in text


@pytest.mark.parametrize("outcome", ["equal", "different", "unproven", "failed"])
def test_a_report_may_be_bare(outcome):
    bare = report(
        outcome, tables=(), findings=(), phases=(), rates=(), versions={}, plan_digest="", ended_at=1_790_000_000.0
    )
    assert "<h1>" in render(bare)


def test_tags_escape_and_keep_what_is_escaped():
    assert tag("b", "a < b", tag("i", "&"), title='"', hidden=None) == '<b title="&quot;">a &lt; b<i>&amp;</i></b>'
    assert tag("path", d="M1") == '<path d="M1"/>'
    assert join("<", None, [tag("b"), ">"]) == "&lt;<b></b>&gt;"
    assert isinstance(tag("b"), Markup)


def test_rates_are_differences_over_equal_slices():
    found = rates_per_second([Rate(2, 300), Rate(1, 100), Rate(4, 300)])
    assert [seconds for seconds, _ in found] == [i / 4 for i in range(1, 17)]
    assert [rate for _, rate in found] == pytest.approx([100] * 4 + [200] * 4 + [0] * 8)


def test_chunks_that_end_together_make_no_spike():
    found = rates_per_second([Rate(1, 100), Rate(1.001, 200), Rate(1.002, 300), Rate(2, 400)])
    assert max(rate for _, rate in found) < 1_000
    assert sum(rate / 4 for _, rate in found) == pytest.approx(400)


def test_many_samples_are_joined():
    slices = rates_per_second([Rate(i / 10, i * 7) for i in range(1, 5000)])
    assert len(slices) == 80
    assert all(rate == pytest.approx(70) for _, rate in slices)


@pytest.mark.parametrize(
    ("highest", "marks"),
    [
        (0, [0, 1]),
        (1, [0, 0.5, 1]),
        (97, [0, 50, 100]),
        (180_000, [0, 50_000, 100_000, 150_000, 200_000]),
        (3, [0, 1, 2, 3]),
    ],
)
def test_ticks_are_round_and_reach_the_top(highest, marks):
    assert ticks(highest) == pytest.approx(marks)


@pytest.mark.parametrize("rates", [(), (Rate(0.3, 5),), (Rate(0, 0), Rate(0, 9))])
def test_too_little_to_draw(rates):
    assert rate_plot(rates) is None


def test_a_plot_of_nothing_is_flat():
    assert "NaN" not in str(rate_plot([Rate(1, 0), Rate(2, 0), Rate(3, 0)]))


def test_no_time_no_bar():
    assert phase_bar([PhaseTime("check", 0)]) is None
