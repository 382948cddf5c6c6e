"""A report as one HTML page that needs nothing else: no script, font or image from outside. It can be passed on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from string import Template

from wayfare.copy.markup import Markup, join, tag
from wayfare.copy.report import Difference, Report, TableProof
from wayfare.copy.report_plot import phase_bar, rate_plot
from wayfare.core.amounts import count, duration, plural, rate
from wayfare.core.findings import Finding, Severity

NAMES_SHOWN = 5
DIGITS_SHOWN = 10  # of a digest; the whole one is in its title
_TICK = "M14 27l9 9 17-20"
_CROSS = "M17 17l20 20M37 17l-20 20"
_DASH = "M15 27h24"
_VERDICTS = {  # outcome → headline, class, drawing
    "equal": ("Source and target are equal", "good", _TICK),
    "different": ("Source and target differ", "bad", _CROSS),
    "unproven": ("Copied, not compared", "warn", _DASH),
    "failed": ("The copy failed", "bad", _CROSS),
}
_SEVERITY_CLASS = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.INFO: "calm"}
_SEVERITY_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def render(report: Report) -> str:
    """The whole page. Everything from the databases is escaped, and a content policy forbids scripts besides."""
    body = tag(
        "main",
        _header(report),
        _verdict(report),
        tag("p", report.title, class_="route"),
        _tiles(report),
        _differences(report.tables),
        _tables(report),
        _findings(report.findings),
        _times(report),
        _facts(report),
    )
    page = Template(_resource("report_page.html"))
    title = tag("title", f"{_headline(report)} · {report.title}")
    return page.substitute(
        title=title[len("<title>") : -len("</title>")], style=_resource("report_page.css"), body=body
    )


@lru_cache(maxsize=4)
def _resource(name: str) -> str:
    return files("wayfare.copy").joinpath(name).read_text("utf-8")


def _headline(report: Report) -> str:
    return _VERDICTS[report.outcome][0]


def _header(report: Report) -> Markup:
    return tag("header", tag("b", "Wayfare"), tag("span", f"run {report.run} · {_moment(report.started_at)}"))


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _verdict(report: Report) -> Markup:
    headline, kind, path = _VERDICTS[report.outcome]
    drawing = tag(
        "svg",
        tag("circle", cx=27, cy=27, r=24, fill="none", stroke="currentColor", stroke_width=3),
        tag(
            "path",
            d=path,
            fill="none",
            stroke="currentColor",
            stroke_width=4,
            stroke_linecap="round",
            stroke_linejoin="round",
        ),
        viewBox="0 0 54 54",
        aria_hidden="true",
    )
    return tag(
        "section", drawing, tag("div", tag("h1", headline), tag("p", _summary(report))), class_=f"verdict {kind}"
    )


def _summary(report: Report) -> str:
    tables = count(len(report.tables), "table")
    different = [t for t in report.tables if not t.equal]
    match report.outcome:
        case "equal":
            return f"{tables}, {count(report.rows, 'row')}: every row was compared, and none differs."
        case "different":
            if not different:
                return f"{tables}: the rows are equal, what surrounds them is not; see the findings."
            names = ", ".join(t.source for t in different[:NAMES_SHOWN]) + " …" * (len(different) > NAMES_SHOWN)
            return f"{len(different)} of {tables} differ: {names}"
        case "unproven":
            return f"{tables}, {count(report.rows, 'row')} copied. Run “wayfare verify” to compare them."
        case _:
            return "What happened stands under the findings. Nothing was put in place that was not proven."


def _tiles(report: Report) -> Markup:
    seconds = report.ended_at - report.started_at
    loading = sum(p.seconds for p in report.phases if p.name == "load")
    pairs = [
        ("tables", count(len(report.tables))),
        ("rows", count(report.rows)),
        ("time", duration(seconds)),
        ("rate while loading" if loading else "rate", rate(report.rows, loading or seconds) or "–"),
        ("findings", count(len(report.findings))),
    ]
    return tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs], class_="tiles")


def _tables(report: Report) -> Markup | None:
    if not report.tables:
        return None
    heads = (
        "Table",
        "Rows in the source",
        "Rows in the target",
        "Digest of the source",
        "Digest of the target",
        "Copied in",
        "",
    )
    numbers = {1, 2, 5}
    head = [tag("th", name, scope="col", class_="number" if i in numbers else None) for i, name in enumerate(heads)]
    ordered = sorted(report.tables, key=lambda t: t.equal)  # what needs a look comes first
    body = [_table_row(t, report.outcome) for t in ordered]
    table = tag("table", tag("thead", tag("tr", head)), tag("tbody", body))
    return tag("section", tag("h2", "Tables"), tag("div", table, class_="card"))


def _table_row(table: TableProof, outcome: str) -> Markup:
    notes = [f"→ {table.target}"] if table.target != table.source else []
    if table.path:
        notes.append(f"{table.path}, {count(table.chunks, 'chunk')}")
    if table.values_lost:
        notes.append(f"{count(table.values_lost, 'value')} became NULL, as allowed")
    note = tag("span", " · ".join(notes)) if notes else None
    off = table.rows_source != table.rows_target
    return tag(
        "tr",
        tag("th", table.source, note, scope="row"),
        tag("td", count(table.rows_source), class_="number"),
        tag("td", count(table.rows_target), class_="number differs" if off else "number"),
        tag("td", _digest(table.digest_source)),
        tag("td", _digest(table.digest_target, table.digest_source)),
        tag("td", duration(table.seconds_copy) if table.seconds_copy else "–", class_="number"),
        tag("td", _mark(table, outcome)),
    )


def _digest(digest: str, other: str = "") -> Markup:
    if not digest:
        return tag("span", "–", class_="same")
    kind = "differs" if other and digest != other else "same"
    return tag("code", f"{digest[:DIGITS_SHOWN]}…", title=digest, class_=kind)


def _mark(table: TableProof, outcome: str) -> Markup:
    if outcome == "unproven":
        return tag("span", "not compared", class_="mark warn")
    if table.equal:
        return tag("span", "equal", class_="mark good")
    return tag("span", "different", class_="mark bad")


def _differences(tables: Sequence[TableProof]) -> Markup | None:
    found = [t for t in tables if t.differences_total or t.differences]
    if not found:
        return None
    total = sum(max(t.differences_total, len(t.differences)) for t in found)
    heading = tag(
        "h2",
        "Differences",
        tag("small", f"{count(total)} {'row' if total == 1 else 'rows'} in {count(len(found), 'table')}"),
    )
    return tag("section", heading, [_difference_table(t) for t in found])


def _difference_table(table: TableProof) -> Markup:
    head = tag("tr", [tag("th", name, scope="col") for name in (table.source, "Key", "Column", "Source", "Target")])
    body = [_difference_row(d) for d in table.differences]
    hidden = table.differences_total - len(table.differences)
    more = tag("p", f"… and {count(hidden)} more", class_="padded same") if hidden > 0 else None
    return tag(
        "div", tag("table", tag("thead", head), tag("tbody", body)), more, class_="card", style="margin-bottom:12px"
    )


def _difference_row(found: Difference) -> Markup:
    both = found.kind == "changed"
    return tag(
        "tr",
        tag("td", tag("span", found.kind, class_="mark bad")),
        tag("td", tag("code", found.key, class_="value")),
        tag("td", tag("code", found.column) if found.column else None),
        tag("td", _value(found.source) if found.source or both else None),
        tag("td", _value(found.target) if found.target or both else None),
    )


def _value(text: str) -> Markup:
    return tag("code", text, class_="value") if text else tag("em", "empty text", class_="same")


def _findings(findings: Sequence[Finding]) -> Markup | None:
    if not findings:
        return None
    ordered = sorted(findings, key=lambda f: _SEVERITY_ORDER.index(f.severity))
    totals = [(s, sum(f.severity is s for f in findings)) for s in _SEVERITY_ORDER]
    told = ", ".join(f"{n} {s if s is Severity.INFO or n == 1 else plural(s)}" for s, n in totals if n)
    items = [
        tag(
            "li",
            tag("div", tag("span", f.severity, class_=f"mark {_SEVERITY_CLASS[f.severity]}")),
            tag(
                "div",
                tag("p", tag("b", f.where) if f.where else None, " — " if f.where else None, f.message),
                tag("p", f.advice, class_="advice") if f.advice else None,
                tag("code", f.code),
            ),
        )
        for f in ordered
    ]
    return tag("section", tag("h2", "Findings", tag("small", told)), tag("ul", items, class_="card findings"))


def _times(report: Report) -> Markup:
    bar, plot = phase_bar(report.phases), rate_plot(report.rates)
    return join(
        tag("section", tag("h2", "Phases"), tag("div", bar, class_="card padded")) if bar else None,
        tag("section", tag("h2", "Rate over time"), tag("div", plot, class_="card padded")) if plot else None,
    )


def _facts(report: Report) -> Markup:
    pairs = [
        ("Run", report.run),
        ("Plan", report.plan_digest),
        ("Started", _moment(report.started_at)),
        ("Ended", _moment(report.ended_at)),
        *((name.capitalize(), version) for name, version in report.versions.items()),
    ]
    facts = tag("dl", [[tag("dt", name), tag("dd", value)] for name, value in pairs if value], class_="facts")
    told = (
        "A digest is two 64-bit sums over the hashes of all rows of a table: it is the same for the same rows in any "
        "order, and differs when one value of one row does. The same facts stand in report.json beside this page."
    )
    return tag("section", tag("h2", "Facts"), tag("div", facts, class_="card padded"), tag("footer", told))
