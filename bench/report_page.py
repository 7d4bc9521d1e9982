"""docs/benchmarks.md: its tables and its chart are generated from the stored results, between markers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bench import chart, results, scenarios
from bench.scenario import verdicts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bench.scenario import Scenario, Verdict

    Record = Mapping[str, Any]

MARKED = re.compile(r"(?<=<!-- results -->\n).*?(?=<!-- /results -->)", re.DOTALL)
WORDS = {True: "met", False: "**missed**", None: "not measured"}
THOUSAND = 1000


def redrawn(page: str, records: Mapping[str, Record]) -> str:
    """Return the page with the tables of the records between its markers."""
    return MARKED.sub(lambda _: tables(records), page)


def tables(records: Mapping[str, Record]) -> str:
    """Return everything between the markers."""
    known = in_order(records)
    parts = [_summary(known), *(_section(record) for record in known), _conditions(known)]
    return "\n\n".join(["", *parts, ""])


def picture(records: Mapping[str, Record]) -> str:
    """Return the chart that the page shows."""
    return chart.drawn(in_order(records))


def in_order(records: Mapping[str, Record]) -> list[Record]:
    """Return the records in the order of the page."""
    return [records[one.name] for one in scenarios.ALL if one.name in records]


def _summary(records: Iterable[Record]) -> str:
    rows = [
        [record["title"], one.target, _number(one.median), _range(one), _number(one.of_medians), WORDS[one.met]]
        for record in records
        for one in verdicts(_scenario(record), results.runs_of(record))
    ]
    heading = ["scenario", "target", "median of the rounds", "lowest to highest", "ratio of the medians", ""]
    return "### Targets\n\n" + _table(heading, rows)


def _scenario(record: Record) -> Scenario:
    return next(one for one in scenarios.ALL if one.name == record["scenario"])


def _range(one: Verdict) -> str:
    return " to ".join(map(_number, one.bounds)) if one.bounds and one.bounds[0] != one.bounds[1] else ""


def _section(record: Record) -> str:
    options = record["options"]
    rounds = "1 round" if options["rounds"] == 1 else f"{options['rounds']} rounds"
    around = f"{record['conditions']['date'][:10]}, commit {record['conditions']['commit']}"
    introduction = f"{record['about']} {rounds} of {options['seconds']:g} seconds, medians. {around}."
    heading = ["", *record["figures"].values()]
    rows = [
        [record["contestants"][name], *(_number(figures.get(key)) for key in record["figures"])]
        for name, figures in record["medians"].items()
    ]
    faults = [f"**Invalid:** {fault}." for fault in record["faults"]]
    return "\n\n".join([f"### {record['title']}", introduction, *faults, _table(heading, rows)])


def _conditions(records: list[Record]) -> str:
    if not records:
        return ""
    around = records[0]["conditions"]
    flush = around["fsync_ms"]
    rows = {
        "machine": f"{around['cpu']}, {around['cores']} cores, {around['memory_gib']:g} GiB, {around['kernel']}",
        "write and flush of 4 KiB": f"p50 {flush['p50']:g} ms, p99 {flush['p99']:g} ms",
        "load average before each scenario": ", ".join(
            f"{record['conditions']['load_before']:g}" for record in records
        ),
        "versions": ", ".join(f"{name} {version}" for name, version in around["versions"].items()),
    }
    return "### Conditions\n\n" + _table(["", ""], [[name, value] for name, value in rows.items()])


def _table(heading: list[str], rows: list[list[str]]) -> str:
    return "\n".join(_row(cells) for cells in [heading, ["---"] * len(heading), *rows])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= THOUSAND else f"{value:.3g}"
