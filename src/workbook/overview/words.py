"""The overview in words: the cells of its rows, alike on the screen and on the page."""

from __future__ import annotations

import json
from typing import Any

from workbook.language import Edition, Text, Unit, count, display_width, format_value, named, text
from workbook.overview.results import Figures, Measure, Overview, Result, State
from workbook.report.words import block_words


def state_name(state: State) -> Text:
    """What has become of a period."""
    return {
        "published": text("overview.state.published", "published"),
        "failed_after": text("overview.state.failed_after", "failed; earlier results stand"),
        "failed": text("overview.state.failed", "failed"),
        "waiting": text("overview.state.waiting", "waiting for its delivery"),
        "not_run": text("overview.state.not_run", "not run yet"),
    }[state]


def state_words(result: Result, e: Edition) -> str:
    """The state, and whether something changed since; ``workbook why`` names what."""
    words = state_name(result.state).render(e)
    if not result.stale:
        return words
    return words + ("; " if e.language == "en" else "；") + text("overview.stale", "something changed since").render(e)


def title(overview: Overview) -> Text:
    """The message: how many periods stand and how many do not."""
    states = [result.state for result in overview.results]
    published = sum(state in ("published", "failed_after") for state in states)
    failed = sum(state in ("failed", "failed_after") for state in states)
    numbers = {"clients": count(len(overview.clients)), "published": count(published), "periods": count(len(states))}
    if not states:
        return text("overview.title.none", "No client has parameters yet")
    if failed:
        return text(
            "overview.title.failed", "Clients: {clients}; {published} of {periods} "
                "{periods:period|periods} published, {failed} failed",
            failed=count(failed), **numbers,
        )  # fmt: skip
    return text(
        "overview.title.published", "Clients: {clients}; {published} of {periods} {periods:period|periods} published", **numbers
    )


def client_name(overview: Overview, client: str) -> Text:
    """The client's own name, its folder's name where nothing was published."""
    return named(dict(overview.names[client])) if client in overview.names else named(client)


def heads() -> tuple[Text, ...]:
    """What stands above the figures of :func:`figures`."""
    return (
        text("overview.head.repurchase", "Repeat-purchase rate"),
        text("overview.head.revenue", "Revenue"),
        text("overview.head.high_tiers", "Revenue from high tiers"),
        text("overview.head.high_problems", "High-priority problems"),
    )


def figures(result: Result, previous: Result | None, language: Edition) -> tuple[tuple[str, str, str], ...]:
    """The four key figures: value, change in words, and which way the change went.

    Args:
        previous: the period before of equal length, for the figures whose change no stage judged.
    """
    now = result.figures or Figures()
    then = (previous.figures if previous else None) or Figures()
    e = Edition(language.language, now.currency)
    comparable = then.currency == now.currency
    return (
        _measured(now.repurchase, "share", 1, e),
        _measured(now.revenue, "money", None, e),
        _plain(now.high_tiers, then.high_tiers if comparable else None, "share", "points", 1, e),
        _plain(now.high_problems, then.high_problems, "count", "count", None, e),
    )


def _measured(measure: Measure | None, unit: Unit, digits: int | None, e: Edition) -> tuple[str, str, str]:
    if measure is None:
        return "–", "", ""
    value = format_value(measure.value, unit, e, digits)
    if measure.change is None:
        return value, "", ""
    reading = block_words(e).get(measure.movement, "") if measure.movement else ""
    change = _signed(measure.change, "points" if unit == "share" else unit, e)
    apart = ", " if e.language == "en" else "，"
    return value, apart.join(filter(None, (change, reading))), measure.movement


def _plain(
    value: float | None, before: float | None, unit: Unit, changed: Unit, digits: int | None, e: Edition
) -> tuple[str, str, str]:
    if value is None:
        return "–", "", ""
    words = format_value(value, unit, e, digits)
    return words, "" if before is None else _signed(value - before, changed, e), ""


def _signed(change: float, unit: Unit, e: Edition) -> str:
    sign = "±" if change == 0 else "+" if change > 0 else "−"
    return sign + format_value(abs(change), unit, e)


def previous_of(result: Result, overview: Overview) -> Result | None:
    """The client's latest earlier period of equal length, as a run takes it."""
    length = result.period.months
    earlier = (r for r in overview.of_client(result.client) if r.period.months == length and r.period.end < result.period.end)
    return next(earlier, None)


def as_screen(overview: Overview, e: Edition) -> str:
    """One line a period: state, key figures and the report in the reader's language."""
    if not overview.results:
        return text("overview.screen.none", "no clients in {folder}", folder=str(overview.home / "params")).render(e)
    head = [
        text("overview.head.client", "Client").render(e), text("overview.head.period", "Period").render(e),
        text("overview.head.state", "State").render(e), *(h.render(e) for h in heads()),
        text("overview.head.report", "Report").render(e),
    ]  # fmt: skip
    rows = [head]
    for result in overview.results:
        cells = [value for value, _, _ in figures(result, None, e)]
        rows.append([result.client, result.period.name, state_words(result, e), *cells, _report(overview, result, e)])
    widths = [max(display_width(cell) for cell in column) for column in zip(*rows, strict=True)]
    numeric = [False, False, False, True, True, True, True, False]
    return "\n".join(
        "  ".join(
            " " * (width - display_width(cell)) + cell if is_number else cell + " " * (width - display_width(cell))
            for cell, width, is_number in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in rows
    )


def _report(overview: Overview, result: Result, e: Edition) -> str:
    reports = result.reports or {}
    chosen = reports.get(e.language) or next(iter(reports.values()), None)
    return str(overview.home / "outputs" / chosen) if chosen else "–"


def as_json(overview: Overview) -> str:
    """The overview for programs; paths are relative to the home."""

    def line(result: Result) -> dict[str, Any]:
        figures = overview.kept.get(f"{result.client}/{result.period.name}", {}).get("figures")
        reports = {language: f"outputs/{path}" for language, path in (result.reports or {}).items()}
        return {
            "client": result.client,
            "period": result.period.name,
            "state": result.state,
            "stale": result.stale,
            "figures": figures,
            "reports": reports,
        }

    return json.dumps([line(result) for result in overview.results], ensure_ascii=False, indent=1)
