"""The text of a new engagement: every guess with its confidence and reason, every question where its answer goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbook.language import Edition, Language, Text, count, share, text
from workbook.opening.cards import card_lines
from workbook.opening.scalars import flow, scalar
from workbook.period import Period
from workbook.settings.readiness import readiness
from workbook.settings.writing import SCHEMA_LINE, one_line
from workbook.sources.inspection.describe import USUAL_MISSING
from workbook.sources.inspection.proposal import Proposal, ProposedSource

_SHOWN = 24
"""Most column names in one comment."""


@dataclass(frozen=True)
class Choices:
    """What the person who opens the engagement has said.

    Attributes:
        client: name of the client's folder.
        period: the period of the delivery.
        language: the leading language, and that of the comments.
        template: starter of an industry.
        currency: ISO code; None where nobody has said it.
    """

    client: str
    period: Period
    language: Language
    template: str | None = None
    currency: str | None = None


def engagement_text(proposal: Proposal, choices: Choices) -> str:
    """The text of ``engagement.yaml``."""
    words = _Words(Edition(choices.language, choices.currency or proposal.currency or "CNY"))
    lines = [f"# {SCHEMA_LINE}", *_opening(words, proposal, choices), ""]
    lines += _client(words, proposal, choices)
    lines += _analysis(words, proposal)
    lines += [
        "",
        *words.comment(text("new.sources", "Each file and the table that it becomes: canonical column: the file's own.")),
    ]
    lines += ["sources:"]
    for proposed in proposal.sources:
        lines += _source(words, proposed)
    lines += card_lines(proposal.experiments, words.behind)
    lines += _left(words, proposal)
    lines += _not_placed(words, proposal)
    return "\n".join(lines) + "\n"


def period_text(choices: Choices) -> str:
    """The text of the period's file, in which only comments stand."""
    words = _Words(Edition(choices.language))
    note = text("new.period_file", "What differs in this period from engagement.yaml goes here.")
    return "\n".join([f"# {SCHEMA_LINE}", f"# {choices.client}, {choices.period.name}", *words.comment(note)]) + "\n"


@dataclass(frozen=True)
class _Words:
    """Comments in one language; what a client's file says in them cannot leave the line."""

    edition: Edition

    def say(self, sentence: Text) -> str:
        return one_line(sentence.render(self.edition))

    def comment(self, sentence: Text, indent: int = 0) -> list[str]:
        return [f"{' ' * indent}# {self.say(sentence)}"]

    def behind(self, line: str, sentence: Text) -> str:
        return f"{line}  # {self.say(sentence)}"


def _opening(words: _Words, proposal: Proposal, choices: Choices) -> list[str]:
    lines = [f"# {choices.client}"]
    lines += words.comment(
        text(
            "new.opening",
            "Opened by `workbook new`: behind each guess stand its confidence and its reason. Read them, then run "
            "`workbook check {client}`; `workbook explain KEY` tells of every key.",
            client=choices.client,
        )
    )
    open_ones = proposal.open_questions()
    if open_ones:
        lines += words.comment(
            text(
                "new.open_questions",
                "{n} {n:question is|questions are} open: look for todo and answer {n:it|them}",
                n=count(len(open_ones)),
            )
        )
    lines += ["#"] + [f"# {line}" for line in stage_lines(proposal, words.edition)]
    return lines


def stage_lines(proposal: Proposal, edition: Edition) -> list[str]:
    """Which stages will work, what would let them say more, and what to ask the client for."""
    lines = []
    asked: dict[str, None] = {}
    for name, state in readiness(proposal.names).items():
        asked |= dict.fromkeys(state.missing)
        tables = ("、" if edition.language == "zh" else ", ").join(state.missing)
        if state.ready and tables:
            sentence = text("new.stage.more", "{stage}: works; would say more with {tables}", stage=name, tables=tables)
        elif state.ready:
            sentence = text("new.stage.works", "{stage}: works", stage=name)
        else:
            sentence = text("new.stage.lacks", "{stage}: cannot say anything yet; lacks {tables}", stage=name, tables=tables)
        lines.append(sentence.render(edition))
    if "orders" in proposal.names and "orders.customer_id" not in proposal.names:
        refused = text(
            "new.refused.no_customer",
            "The orders do not name the customer: no RFM, no tiers, no customer value; only orders and revenue can be counted",
        )
        lines.append(refused.render(edition))
    if asked:
        lines.append(text("new.ask", "To ask the client for:").render(edition))
        lines += [f"  {name:<20} {wanted(name).render(edition)}" for name in asked]
    return lines


def wanted(name: str) -> Text:
    """What to ask a client for, so that a table or column can be filled."""
    return {
        "customers": text("new.ask.customers", "customers (id, name, region, since when, last change)"),
        "orders": text("new.ask.orders", "orders (number, customer id, time, amount, state)"),
        "orders.customer_id": text("new.ask.orders_customer", "the customer's id on every order"),
        "order_lines": text("new.ask.order_lines", "order lines (order number, product, quantity, amount)"),
        "products": text("new.ask.products", "products (code, name, category, price)"),
        "contracts": text("new.ask.contracts", "contracts (number, customer id, start, end, value)"),
        "interactions": text("new.ask.interactions", "contacts with customers (customer id, time, channel, by whom)"),
        "tickets": text("new.ask.tickets", "service tickets (number, customer id, opened, first answer, solved, topic)"),
        "feedback": text("new.ask.feedback", "survey answers or reviews (customer id, time, score, text)"),
        "needs": text("new.ask.needs", "needs noted (customer id, date, need, what was recommended)"),
        "consents": text("new.ask.consents", "consents (customer id, purpose, date granted, date withdrawn)"),
        "risk": text("new.ask.risk", "credit reports (customer id, rating, days overdue, date)"),
        "status_history": text("new.ask.status_history", "changes of status (customer id, date, old, new)"),
        "assignments": text("new.ask.assignments", "who was in which group of a pilot (pilot, customer id, group, date)"),
        "outcomes": text("new.ask.outcomes", "results of a pilot (pilot, customer id, metric, value)"),
        "pilot_summaries": text("new.ask.pilot_summaries", "sums of a pilot (pilot, group, metric, n, mean, variance)"),
        "tasks": text("new.ask.tasks", "tasks under way (number, measure, owner, due, done)"),
    }.get(name) or text("new.ask.other", "the table {name}", name=name)


def _client(words: _Words, proposal: Proposal, choices: Choices) -> list[str]:
    lines = ["client:", words.behind(f"  name: {scalar(choices.client)}", text("new.name", "as the report shows it"))]
    if proposal.country:
        lines.append(words.behind(f"  country: {proposal.country}", text("new.country", "by telephone numbers or regions")))
    else:
        assumed = text("new.country_assumed", "assumed, the files do not say; decides holidays and telephone numbers")
        lines.append(words.behind("  country: CN", assumed))
    languages = "[zh, en]" if choices.language == "zh" else "[en, zh]"
    lines.append(f"languages: {languages}")
    currency = choices.currency or proposal.currency or country_currency(proposal.country)
    if choices.currency:
        lines.append(f"currency: {currency}")
    elif proposal.currency:
        lines.append(words.behind(f"currency: {currency}", text("new.currency", "by the amounts and their names")))
    elif currency:
        lines.append(words.behind(f"currency: {currency}", text("new.currency_country", "that of the country")))
    else:
        assumed = text("new.currency_assumed", "assumed, no file shows one: write the right ISO code")
        lines.append(words.behind("currency: CNY", assumed))
    if choices.template:
        lines.append(f"template: {scalar(choices.template)}")
    return lines


def country_currency(country: str | None) -> str | None:
    """The currency of a country today; None where there is none or several."""
    from babel.numbers import get_territory_currencies

    found = get_territory_currencies(country) if country else []
    return found[0] if len(found) == 1 else None


def _analysis(words: _Words, proposal: Proposal) -> list[str]:
    lines = []
    if proposal.partial_customers:
        ids, known = proposal.partial_customers
        why = text(
            "new.partial", "only {known} of the {ids} buyers stand in the lists of customers; the others are added",
            known=count(known), ids=count(ids),
        )  # fmt: skip
        lines += ["", "analysis:", words.behind("  customers_from_orders: yes", why)]
    given = [c for c in ("phone", "email", "region", "industry") if f"customers.{c}" in proposal.names]
    if "customers" in proposal.names and 0 < len(given) < 4:
        why = text("new.key_fields", "of the fields asked for by default, those that the files have")
        lines += ["", "diagnosis:", words.behind(f"  key_fields: {flow(given)}", why)]
    return lines


def source_text(proposed: ProposedSource, edition: Edition) -> list[str]:
    """The lines of one item of ``sources``, with what is to be said of it as comments."""
    return _source(_Words(edition), proposed)


def _source(words: _Words, proposed: ProposedSource) -> list[str]:
    source = proposed.source
    weight = text("new.source", "{part} sure; {n} rows", part=share(proposed.confidence), n=count(proposed.rows))
    lines = [words.behind(f"  - table: {source.table}", weight)]
    for note in proposed.notes:
        lines += words.comment(note, 4)
    lines.append(f"    file: {scalar(source.file)}")
    if source.system:
        lines.append(
            words.behind(f"    system: {scalar(source.system)}", text("new.system", "the name of the system it comes from"))
        )
    if source.sheet is not None:
        lines.append(f"    sheet: {scalar(source.sheet)}")
    if source.header_row != 1:
        lines.append(f"    header_row: {source.header_row}")
    if source.encoding is not None:
        lines.append(f"    encoding: {scalar(source.encoding)}")
    if source.delimiter is not None:
        lines.append(f"    delimiter: {_quoted(source.delimiter)}")
    lines += [f"    {key}: yes" for key in ("accumulate", "third_party") if getattr(source, key)]
    if source.group:
        lines.append(f"    group: {'last' if source.group == 'last' else 'yes'}")
    if source.customers_by != "id":
        why = text("new.customers_by", "customer_id holds it; the id is looked up in the list of customers")
        lines.append(words.behind(f"    customers_by: {source.customers_by}", why))
    lines.append("    columns:")
    for column, own in source.columns.items():
        lines.append(_column(words, proposed, column, own))
    if not source.columns:
        lines[-1] = "    columns: {}"
    lines += _mapping("constants", source.constants)
    if source.attributes:
        why = text("new.attributes.left", "kept by name; delete what was written down only after a customer had left")
        if source.table != "contracts":
            why = text("new.attributes", "kept by name; the profile has them as own_NAME, for indices, rules and tags")
        lines += words.comment(why, 4) + _mapping("attributes", source.own_columns)
    if isinstance(source.dates, Mapping):
        lines += _mapping("dates", source.dates)
    elif source.dates is not None:
        lines.append(f"    dates: {scalar(source.dates)}")
    if source.decimals is not None:
        lines.append(f"    decimals: {source.decimals}")
    if source.amounts_in != "yuan":
        lines.append(f"    amounts_in: {source.amounts_in}")
    lines += _mapping("values", source.values)
    if source.low_is_good:
        lines.append(f"    low_is_good: {flow(source.low_is_good)}")
    lines += _mapping("only", source.only)
    more = [word for word in source.missing if word not in USUAL_MISSING]
    if not set(USUAL_MISSING) <= set(source.missing):
        lines.append(f"    missing: {flow(source.missing)}")
    elif more:
        why = text("new.missing", "found in this file besides the usual words for nothing: {words}", words=", ".join(more))
        lines.append(words.behind(f"    missing: {flow([*USUAL_MISSING, *more])}", why))
    lines += _todo(words, proposed)
    return lines


def _column(words: _Words, proposed: ProposedSource, column: str, own: str | list[str]) -> str:
    guess = proposed.guesses.get(column)
    line = f"      {column}: {flow(own)}"
    if guess is None:
        return words.behind(line, text("new.answered", "as answered"))
    behind = f"{words.say(text('new.guess', '{part}, {reason}', part=share(guess.confidence), reason=guess.reason))}"
    notes = [words.say(note) for note in proposed.column_notes.get(column, ())]
    mark = "；" if words.edition.language == "zh" else "; "
    return f"{line}  # {mark.join([behind, *notes])}"


def _todo(words: _Words, proposed: ProposedSource) -> list[str]:
    if not proposed.questions:
        return []
    lines = ["    todo:"]
    for column, question in proposed.questions.items():
        line = f"      {column}: {flow(question.candidates)}"
        needed = column in proposed.source.needed
        sentence = (
            text("new.todo.required", "must be answered before a run: {why}", why=question.why)
            if needed
            else text("new.todo.optional", "left out until answered: {why}", why=question.why)
        )
        lines.append(words.behind(line, sentence))
    return lines


def _mapping(key: str, content: Mapping[str, object]) -> list[str]:
    return [f"    {key}:", *(f"      {scalar(name)}: {flow(value)}" for name, value in content.items())] if content else []  # type: ignore[arg-type]


def _left(words: _Words, proposal: Proposal) -> list[str]:
    """Of each file that became something, the columns that none of its tables uses."""
    left: dict[str, list[str]] = {}
    for one in proposal.sources:
        name = f"{one.source.file} [{one.source.sheet}]" if one.source.sheet else one.source.file
        left[name] = [column for column in left.get(name, one.left) if column in one.left]
    lines = []
    for name, columns in left.items():
        if columns:
            shown = ", ".join(columns[:_SHOWN]) + (" …" if len(columns) > _SHOWN else "")
            lines += words.comment(text("new.left", "{file}, not used: {columns}", file=name, columns=shown))
    return ["", *lines] if lines else []


def _quoted(words: str) -> str:
    return '"' + {"\t": "\\t"}.get(words, words) + '"'


def _not_placed(words: _Words, proposal: Proposal) -> list[str]:
    if not proposal.unplaced and not proposal.unread:
        return []
    lines = ["", *words.comment(text("new.not_placed", "Not placed, because nothing surer could be said:"))]
    for one in proposal.unplaced:
        names = [name for name in one.extract.raw.columns if name]
        shown = ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
        lines += words.comment(
            text("new.unplaced", "{file}: {why}; its columns: {columns}", file=one.extract.name, why=one.why, columns=shown)
        )
    for other in proposal.unread:
        lines += words.comment(text("new.unread", "{file}: not read: {why}", file=other.file, why=other.why))
    return lines
