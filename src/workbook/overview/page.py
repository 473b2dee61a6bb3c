"""The overview as pages: ``outputs/index.html`` (English) and ``outputs/index.zh.html`` (Chinese), each whole in one file."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from workbook.language import LANGUAGES, Edition, Language, text
from workbook.overview.results import Overview, Result, find_results, keep_figures, replace_bytes
from workbook.overview.words import client_name, figures, heads, previous_of, state_words, title
from workbook.report import fonts
from workbook.report.colours import legible
from workbook.report.templating import anchor, css_string, environment
from workbook.report.words import page_words, period_words

PAGES: dict[Language, str] = {"en": "index.html", "zh": "index.zh.html"}
HOUSE_COLOUR = "#12436D"
FONTS = "/*fonts*/"


def write_overview(home: Path, echo: Callable[[str], None] | None = None) -> list[Path]:
    """Look at all clients and periods and write the pages over them; the same results give the same bytes.

    Args:
        home: folder that holds params/, data/ and outputs/.
        echo: where given, takes what went wrong in words, and nothing is raised: a run stands whether or not its overview does.

    Returns:
        The pages that were written.
    """
    try:
        overview = find_results(home)
        outputs = home / "outputs"
        keep_figures(overview)
        return [replace_bytes(outputs / PAGES[code], overview_page(overview, Edition(code)).encode()) for code in LANGUAGES]
    except Exception as fault:
        if echo is None:
            raise
        echo(f"{home / 'outputs' / PAGES['en']}: could not be written: {fault}")
        return []


def overview_page(overview: Overview, edition: Edition) -> str:
    """The page in one language."""
    words, code = page_words(edition), edition.language
    heading = text("overview.page.heading", "Clients and periods").render(edition)
    own = {
        "report": text("overview.head.report", "Report"),
        "state": text("overview.head.state", "State"),
        "files": text("overview.page.files", "Files"),
        "lists": text("overview.page.lists", "Lists"),
        "notebooks": text("overview.page.notebooks", "Notebooks"),
        "manifest": text("overview.page.manifest", "Manifest"),
        "attention": text("overview.page.attention", "To look at"),
        "invented": text("overview.page.invented", "invented"),
        "period": text("overview.head.period", "Period"),
    }
    page = {
        "words": {**words, **{name: each.render(edition) for name, each in own.items()}},
        "language": {"en": "en", "zh": "zh-Hans"}[code],
        "code": code,
        "cover": {"client": heading, "synthetic": False},
        "brand_colour": HOUSE_COLOUR,
        "brand_text": legible(HOUSE_COLOUR),
        "footer": css_string(heading),
        "ribbon": css_string(""),
        "others": [(other, {"en": "English", "zh": "中文"}[other], PAGES[other]) for other in LANGUAGES if other != code],
        "heading": heading,
        "title": title(overview).render(edition),
        "heads": [head.render(edition) for head in heads()],
        "attention": [
            _attention(overview, r, edition) for r in overview.results if r.stale or r.state not in ("published", "not_run")
        ],
        "clients": [_client(overview, client, edition) for client in overview.clients],
    }
    rendered = environment().get_template("overview.html.j2").render(resources={"page": page})
    return rendered.replace(FONTS, fonts.page_font([html.unescape(rendered)], code, overview.home), 1)


def _attention(overview: Overview, result: Result, e: Edition) -> dict[str, str]:
    return {
        "href": "#" + anchor("client", result.client),
        "client": client_name(overview, result.client).render(e),
        "period": period_words(result.period, e),
        "state": state_words(result, e),
    }


def _client(overview: Overview, client: str, e: Edition) -> dict[str, Any]:
    return {
        "anchor": anchor("client", client),
        "name": client_name(overview, client).render(e),
        "folder": client,
        "synthetic": client in overview.synthetic,
        "rows": [_row(result, overview, e) for result in overview.of_client(client)],
    }


def _row(result: Result, overview: Overview, e: Edition) -> dict[str, Any]:
    reports = result.reports or {}
    return {
        "period": result.period.name,
        "state": state_words(result, e),
        "mark": "worse" if result.state.startswith("failed") else "",
        "figures": [
            {"value": value, "change": change, "mark": movement}
            for value, change, movement in figures(result, previous_of(result, overview), e)
        ],
        "reports": [
            {"href": quote(path), "name": {"en": "English", "zh": "中文"}.get(code, code), "code": code}
            for code, path in sorted(reports.items(), key=lambda pair: (pair[0] != e.language, pair[0]))
        ],
        "notebooks": _links(result.notebooks, e, ("html", "ipynb")),
        "lists": _links(result.lists, e, ("xlsx", "csv")),
        "manifest": quote(result.manifest),
    }


def _links(paths: tuple[str, ...], e: Edition, endings: tuple[str, ...]) -> list[dict[str, str]]:
    """Files in the reader's language or in none, by name; of one name the first of the *endings* that is there."""
    chosen: dict[str, str] = {}
    for ending in reversed(endings):
        for path in paths:
            stem, _, kind = path.rpartition("/")[2].rpartition(".")
            name, _, code = stem.partition(".")
            if kind == ending and code in ("", e.language):
                chosen[name] = path
    return [{"href": quote(path), "name": name} for name, path in sorted(chosen.items())]
