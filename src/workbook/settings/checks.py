"""What must hold between several parameters: names that are referred to, orders, sums, dates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction

from babel.core import Locale, get_global

from workbook.settings.diagnosing import CHECK_IDS, Voice
from workbook.settings.models import KPIS, Comparison, Goal, Grading, Linking, Metric, Pilot, Settings, Source
from workbook.tables import SCHEMAS

DATE_ORDERS = frozenset({"day first", "month first"})
"""Candidates of a ``todo`` that ask for the order of day and month, not for a column."""

LINK_KEYS = (
    "name", "phone", "email", "union_id", "registration_id", "birthday", "region", "postcode", "industry", "size", "channel",
    "owner",
)  # fmt: skip
"""Columns of the customer table that a rule of linking may compare."""

LINK_NAMES = ("same_id", "leading", "alone", "answer", "model")
"""What xref says beside the rules: one id in two systems, the record that gave the id, a record without another, a person's
answer, and the model."""


@dataclass(frozen=True)
class Fault:
    """A contradiction: the way to the value at fault (list positions from 0), what was found and what was expected."""

    path: tuple[str | int, ...]
    found: str
    expected: str
    hint: str = ""


def check(settings: Settings) -> list[Fault]:
    """Every contradiction between parameters that are each valid by themselves."""
    return [
        *_languages(settings),
        *_places(settings),
        *_sources(settings.sources),
        *_attributes(settings.sources),
        *_linking(settings.linking, settings.sources),
        *_goals(settings.goals),
        *_unique([tag.id for tag in settings.tags], ("tags",)),
        *_service(settings),
        *_diagnosis(settings),
        *_voice(settings.voice),
        *_grading(settings.grading),
        *_pilots(settings.pilots, [tier.id for tier in settings.grading.tiers]),
        *_shares(settings.next_pilot.arms, ("next_pilot", "arms")),
    ]


def _voice(voice: Voice) -> Iterator[Fault]:
    topics = [topic.id for topic in voice.topics]
    yield from _unique(topics, ("voice", "topics"))
    known = {*topics, "other", ""}
    first: dict[str, int] = {}
    for i, label in enumerate(voice.labels):
        if label.topic not in known:
            yield _unknown(("voice", "labels", i, "topic"), label.topic, [*topics, "other"])
        if first.setdefault(label.comment, i) != i:
            yield Fault(("voice", "labels", i, "comment"), f"a second label of {label.comment!r}", "one label a comment")


def ratio(value: str | float) -> Fraction:
    """A pairwise judgement: ``3``, ``2.5`` or ``5/3``.

    Raises:
        ValueError: where it is no positive number.
    """
    try:
        found = Fraction(str(value).replace(" ", ""))
    except ZeroDivisionError as fault:
        raise ValueError(str(value)) from fault
    if found <= 0:
        raise ValueError(str(value))
    return found


def _unknown(path: tuple[str | int, ...], name: str, known: Sequence[str]) -> Fault:
    nearest = get_close_matches(name, known, 1, 0.5)
    expected = f"one of {', '.join(known)}" if known else "none"
    return Fault(path, repr(name), expected, f"did you mean {nearest[0]!r}?" if nearest else "")


def _unique(ids: Sequence[str], path: tuple[str | int, ...], key: str | None = "id") -> Iterator[Fault]:
    for i, name in enumerate(ids):
        if name in ids[:i]:
            yield Fault((*path, i, key) if key else (*path, i), f"{name!r} a second time", "each one once")


def _languages(settings: Settings) -> Iterator[Fault]:
    yield from _unique(list(settings.languages), ("languages",), None)


def _places(settings: Settings) -> Iterator[Fault]:
    currencies = [code for code, used_in in get_global("all_currencies").items() if code != "XXX" and used_in != ("ZZ",)]
    if settings.currency not in currencies:
        meant = "did you mean 'CNY'?" if settings.currency == "RMB" else ""
        yield Fault(("currency",), repr(settings.currency), "a currency code of ISO 4217, such as CNY, USD or EUR", meant)
    if settings.client.country not in Locale("en").territories or settings.client.country in ("ZZ", "XA", "XB"):
        expected = "a country code of ISO 3166, such as CN, US or DE"
        yield Fault(("client", "country"), repr(settings.client.country), expected)


def _sources(sources: Sequence[Source]) -> Iterator[Fault]:
    for i, source in enumerate(sources):
        at = ("sources", i)
        schema = SCHEMAS.get(source.table)
        if schema is None:
            yield _unknown((*at, "table"), source.table, list(SCHEMAS))
            continue
        known = list(schema.columns)
        for section in ("columns", "constants", "values", "only", "todo"):
            for column in getattr(source, section):
                if column not in known:
                    yield _unknown((*at, section, column), column, known)
        if isinstance(source.dates, dict):
            for column in source.dates:
                if column not in known:
                    yield _unknown((*at, "dates", column), column, known)
        first: dict[str, str] = {}
        for column, mapped in source.columns.items():
            for theirs in [mapped] if isinstance(mapped, str) else mapped:
                if theirs in first:
                    found = f"the file's column {theirs!r}, which {first[theirs]} is read from already"
                    yield Fault((*at, "columns", column), found, "a column of its own")
                first.setdefault(theirs, column)
            if not mapped:
                yield Fault((*at, "columns", column), "an empty list", "one or more of the file's columns")
            several = not isinstance(mapped, str) and len(mapped) > 1
            apart = schema.columns.get(column) not in ("text", "contact", None) or column in ("phone", "email")
            day_and_clock = schema.columns.get(column) == "time" and len(mapped) == 2
            if several and apart and not day_and_clock:
                expected = "one; only text is put together, and a day with a time of day"
                yield Fault((*at, "columns", column), f"{len(mapped)} columns of the file", expected)
        for column in source.constants:
            if column in source.columns:
                yield Fault((*at, "constants", column), "a constant for a column that is mapped", "one of the two")
        for column, candidates in open_questions(source).items():
            if column in source.needed:
                among = f", such as {' or '.join(map(repr, candidates))}" if candidates else " or constants"
                place = "dates" if column in source.columns else "columns"
                found = f"an open question: which column of {source.file} is {source.table}.{column}?"
                if place == "dates":
                    found = f"an open question: how are the dates of {source.file} written in {source.columns[column]!r}?"
                yield Fault((*at, "todo", column), found, f"the answer under {place}{among}", "then delete this line")


def _attributes(sources: Sequence[Source]) -> Iterator[Fault]:
    """An attribute is one column of the profile: one kind, and no second name that differs in capitals alone."""
    first: dict[str, tuple[str, str]] = {}
    for i, source in enumerate(sources):
        for name, kind in source.own_columns.items():
            at = ("sources", i, "attributes", *((name,) if isinstance(source.attributes, dict) else ()))
            known, as_kind = first.setdefault(name.casefold(), (name, kind))
            if known != name:
                yield Fault(at, f"{name!r} beside {known!r}", "names that differ in more than capitals")
            elif as_kind != kind:
                yield Fault(at, f"{name!r} as {kind}, elsewhere as {as_kind}", "the same kind in all sources")


def open_questions(source: Source) -> dict[str, list[str]]:
    """Of a source's ``todo`` what is still unanswered: columns not mapped, and date orders not given."""

    def answered(column: str, candidates: list[str]) -> bool:
        if column in source.constants:
            return True
        if candidates and set(candidates) <= DATE_ORDERS:
            return isinstance(source.dates, str) or column in (source.dates or {})
        return column in source.columns

    return {column: candidates for column, candidates in source.todo.items() if not answered(column, candidates)}


def _linking(linking: Linking, sources: Sequence[Source]) -> Iterator[Fault]:
    yield from _unique([rule.id for rule in linking.rules], ("linking", "rules"))
    columns = list(SCHEMAS["customers"].columns)
    for i, rule in enumerate(linking.rules):
        for j, key in enumerate(rule.keys):
            if key not in LINK_KEYS:
                yield _unknown(("linking", "rules", i, "keys", j), key, LINK_KEYS)
        if rule.id in LINK_NAMES:
            yield Fault(("linking", "rules", i, "id"), repr(rule.id), "another name; this one has a meaning of its own in xref")
    systems = list(dict.fromkeys(source.system or source.table for source in sources if source.table == "customers"))
    yield from _unique(linking.priority, ("linking", "priority"), None)
    for i, name in enumerate(linking.priority):
        if name not in systems:
            yield _unknown(("linking", "priority", i), name, systems)
    for column, names in linking.fields.items():
        if column not in columns:
            yield _unknown(("linking", "fields", column), column, columns)
        yield from (
            _unknown(("linking", "fields", column, i), name, systems) for i, name in enumerate(names) if name not in systems
        )
    listed = [i for i, source in enumerate(sources) if source.table == "customers"]
    for i in listed:
        if sources[i].third_party and all(sources[j].third_party for j in listed):
            found = "true for the only list of customers"
            yield Fault(("sources", i, "third_party"), found, "false: a third party adds to customers of the client's own list")
    if linking.review_from > linking.threshold:
        yield Fault(("linking", "review_from"), f"{linking.review_from:g}", f"at most threshold ({linking.threshold:g})")


def _goals(goals: Sequence[Goal]) -> Iterator[Fault]:
    yield from _unique([goal.id for goal in goals], ("goals",))
    for i, goal in enumerate(goals):
        if goal.kpi not in KPIS:
            yield _unknown(("goals", i, "kpi"), goal.kpi, KPIS)
        if goal.change is not None and goal.target is not None:
            yield Fault(("goals", i, "target"), "both change and target", "one of the two")
        if goal.change is None and goal.target is None:
            yield Fault(("goals", i), "neither change nor target", "one of the two")


def _service(settings: Settings) -> Iterator[Fault]:
    service = settings.service
    if service.hours.opens >= service.hours.closes:
        expected = f"a time after opens ({service.hours.opens})"
        yield Fault(("service", "hours", "closes"), repr(service.hours.closes), expected)
    tiers = [tier.id for tier in settings.grading.tiers]
    for name in ("first_response_hours", "resolution_hours"):
        for key in getattr(service, name):
            tier, found, _ = key.rpartition("/")
            if found and tier.strip().lower() not in tiers:
                yield _unknown(("service", name, key), tier.strip(), tiers)


def _diagnosis(settings: Settings) -> Iterator[Fault]:
    thresholds = settings.diagnosis
    if thresholds.medium_priority > thresholds.high_priority:
        expected = f"at most high_priority ({thresholds.high_priority:g})"
        yield Fault(("diagnosis", "medium_priority"), f"{thresholds.medium_priority:g}", expected)
    yield from _unique([check.id for check in thresholds.checks], ("diagnosis", "checks"))
    for i, check in enumerate(thresholds.checks):
        for j, name in enumerate(check.needs):
            table, _, column = name.partition(".")
            if table not in SCHEMAS:
                yield _unknown(("diagnosis", "checks", i, "needs", j), table, list(SCHEMAS))
            elif column and column not in SCHEMAS[table].columns:
                yield _unknown(("diagnosis", "checks", i, "needs", j), column, list(SCHEMAS[table].columns))
    fields = [f"information.complete.{field}" for field in thresholds.key_fields]
    ids = [*CHECK_IDS, *fields, *(f"{own.module}.own.{own.id}" for own in thresholds.checks)]
    yield from (
        _unknown(("diagnosis", "priority", "effort", id), id, ids) for id in thresholds.priority.effort if id not in ids
    )
    yield from (
        _unknown(("diagnosis", "own_history", i), id, ids) for i, id in enumerate(thresholds.own_history) if id not in ids
    )
    ids.append("information.complete")  # one source for the limit of every field
    yield from (_unknown(("diagnosis", "limit_sources", id), id, ids) for id in thresholds.limit_sources if id not in ids)
    columns = list(SCHEMAS["customers"].columns)
    for i, field in enumerate(thresholds.key_fields):
        if field not in columns:
            yield _unknown(("diagnosis", "key_fields", i), field, columns)
    yield from _unique([word.strip().lower() for word in thresholds.client_tiers], ("diagnosis", "client_tiers"), None)
    for i, field in enumerate(thresholds.quality_by):
        if field not in ("source", *columns):
            yield _unknown(("diagnosis", "quality_by", i), field, ["source", *columns])


def _grading(grading: Grading) -> Iterator[Fault]:
    at = "grading"
    for name in ("groups", "indices", "tiers"):
        yield from _unique([item.id for item in getattr(grading, name)], (at, name))
        if not getattr(grading, name):
            yield Fault((at, name), "an empty list", "at least one item")
    groups = [group.id for group in grading.groups]
    for i, index in enumerate(grading.indices):
        if index.group not in groups:
            yield _unknown((at, "indices", i, "group"), index.group, groups)
        if index.normalise == "target" and index.target is None:
            yield Fault((at, "indices", i), "normalise: target without a target", "the value that earns 100 points")
    used = {index.group for index in grading.indices}
    for i, group in enumerate(grading.groups):
        if group.id not in used and grading.indices:
            yield Fault((at, "groups", i), f"no index in group {group.id!r}", "at least one index in each group")
    given = [group.weight is not None for group in grading.groups]
    if any(given) and not all(given):
        yield Fault((at, "groups", given.index(False)), "no weight", "a weight for every group, or for none")
    for i, comparison in enumerate(grading.comparisons):
        if comparison.among is not None and comparison.among not in groups:
            yield _unknown((at, "comparisons", i, "among"), comparison.among, groups)
            continue
        inside = [index.id for index in grading.indices if index.group == comparison.among]
        yield from _comparison(comparison, groups if comparison.among is None else inside, (at, "comparisons", i, "pairs"))
    yield from _tiers(grading)
    yield from _rules(grading)
    yield from _events(grading)
    for name in ("recency", "frequency", "monetary"):
        cuts = getattr(grading.rfm, name)
        if cuts is not None and (len(cuts) != grading.rfm.bins - 1 or sorted(set(cuts)) != cuts):
            expected = f"{grading.rfm.bins - 1} ascending numbers (bins - 1)"
            yield Fault((at, "rfm", name), f"[{', '.join(f'{cut:g}' for cut in cuts)}]", expected)


def _benchmarks(grading: Grading) -> Iterator[Fault]:
    indices = [index.id for index in grading.indices]
    for i, tier in enumerate(grading.tiers):
        at, lowest = ("grading", "tiers", i, "benchmark"), i == len(grading.tiers) - 1
        if bool(tier.benchmark) == lowest:
            found = "benchmark values" if lowest else "no benchmark values"
            yield Fault(at, found, "none in the lowest tier" if lowest else "index: value of who just reaches the tier")
        for index in (index for index in tier.benchmark if index not in indices):
            yield _unknown((*at, index), index, indices)


def _rules(grading: Grading) -> Iterator[Fault]:
    tiers = [tier.id for tier in grading.tiers]
    yield from _unique([rule.id for rule in grading.rules], ("grading", "rules"))
    for i, rule in enumerate(grading.rules):
        at = ("grading", "rules", i)
        given = [name for name in ("at_least", "at_most", "steps") if getattr(rule, name) is not None]
        if len(given) != 1:
            yield Fault(at, " and ".join(given) or "no effect", "one of at_least, at_most and steps")
        for name in ("at_least", "at_most"):
            tier = getattr(rule, name)
            if tier is not None and tier not in tiers:
                yield _unknown((*at, name), tier, tiers)
    yield from _unique([one.customer for one in grading.overrides], ("grading", "overrides"), "customer")
    for i, override in enumerate(grading.overrides):
        if override.tier not in tiers:
            yield _unknown(("grading", "overrides", i, "tier"), override.tier, tiers)


def _events(grading: Grading) -> Iterator[Fault]:
    tiers = [tier.id for tier in grading.tiers]
    yield from _unique([kind.id for kind in grading.events], ("grading", "events"))
    for i, kind in enumerate(grading.events):
        at = ("grading", "events", i)
        given = [name for name in ("at_least", "at_most", "steps") if getattr(kind, name) is not None]
        if len(given) > 1:
            yield Fault(at, " and ".join(given), "at most one of at_least, at_most and steps")
        for name in ("at_least", "at_most"):
            tier = getattr(kind, name)
            if tier is not None and tier not in tiers:
                yield _unknown((*at, name), tier, tiers)


def _tiers(grading: Grading) -> Iterator[Fault]:
    at = ("grading", "tiers")
    floors = [tier.at_least for tier in grading.tiers]
    if grading.cut == "benchmark":
        yield from _benchmarks(grading)
        floors = [float(len(floors) - i - 1) for i in range(len(floors))]  # told by the benchmark values
    elif wrong := [i for i, tier in enumerate(grading.tiers) if tier.benchmark]:
        yield Fault((*at, wrong[0], "benchmark"), "benchmark values", "grading.cut: benchmark beside them")
    for i in range(1, len(floors)):
        if floors[i] >= floors[i - 1]:
            expected = f"less than {floors[i - 1]:g}, that of the tier above it"
            yield Fault((*at, i, "at_least"), f"{floors[i]:g}", expected, "write tiers from the highest to the lowest")
    if floors and min(floors) != 0:
        yield Fault((*at, len(floors) - 1, "at_least"), f"{floors[-1]:g}", "0 in the lowest tier, so that nobody falls out")
    if grading.high_tiers >= len(floors) > 0:
        expected = f"at most {len(floors) - 1}, one less than there are tiers"
        yield Fault(("grading", "high_tiers"), str(grading.high_tiers), expected)


def _comparison(comparison: Comparison, items: Sequence[str], at: tuple[str | int, ...]) -> Iterator[Fault]:
    seen: dict[tuple[str, str], tuple[str, Fraction]] = {}
    for pair, value in comparison.pairs.items():
        first, slash, second = (part.strip() for part in pair.partition("/"))
        if not slash or not first or not second:
            yield Fault((*at, pair), repr(pair), "two of them as 'a/b'")
            continue
        unknown = [name for name in (first, second) if name not in items]
        for name in unknown:
            yield _unknown((*at, pair), name, items)
        try:
            judged = ratio(value)
        except ValueError:
            yield Fault((*at, pair), repr(value), "a positive number such as 3, 2.5 or 5/3")
            continue
        if unknown:
            continue
        if first == second:
            yield Fault((*at, pair), f"{first!r} against itself", "two different ones")
            continue
        key, worth = ((first, second), judged) if first < second else ((second, first), 1 / judged)
        if key in seen and abs(float(seen[key][1] / worth) - 1) > 0.01:
            yield Fault((*at, pair), f"{value}, which contradicts {seen[key][0]!r}", "each pair once, or its exact inverse")
        seen.setdefault(key, (pair, worth))


def _pilots(pilots: Sequence[Pilot], tiers: Sequence[str]) -> Iterator[Fault]:
    yield from _unique([pilot.id for pilot in pilots], ("pilots",))
    for i, pilot in enumerate(pilots):
        at = ("pilots", i)
        if pilot.ends < pilot.starts:
            yield Fault((*at, "ends"), str(pilot.ends), f"a day not before starts ({pilot.starts})")
        if pilot.extended_to is not None and pilot.extended_to <= pilot.ends:
            yield Fault((*at, "extended_to"), str(pilot.extended_to), f"a day after ends ({pilot.ends})")
        yield from _unique([metric.id for metric in pilot.metrics], (*at, "metrics"))
        for j, metric in enumerate(pilot.metrics):
            yield from _metric(metric, (*at, "metrics", j), first=j == 0)
        yield from _shares(pilot.arms, (*at, "arms"))
        yield from _factors(pilot, (*at, "factors"))
        yield from _unique([tier for wave in pilot.rollout.waves for tier in wave], (*at, "rollout", "waves"))
        for j, wave in enumerate(pilot.rollout.waves):
            for tier in wave:
                if tier not in tiers:
                    yield Fault((*at, "rollout", "waves", j), repr(tier), f"a tier of grading.tiers: {', '.join(tiers)}")
        if pilot.rollout.waves and pilot.unit == "cluster":
            yield Fault((*at, "rollout", "waves"), "waves of tiers where clusters were drawn", "no waves; clusters make them")
        if pilot.arrivals and pilot.unit == "cluster":
            yield Fault((*at, "arrivals"), "arrivals of a pilot whose clusters were drawn", "unit: customer, or no arrivals")


def _factors(pilot: Pilot, at: tuple[str | int, ...]) -> Iterator[Fault]:
    """Of factors that are no 2 × 2 of the pilot's arms, what they are."""
    if not pilot.factors:
        return
    expected = "two factors over four arms: the control has neither, one arm the first, one the second, one both"
    for factor, arms in pilot.factors.items():
        if strange := [arm for arm in arms if arm not in pilot.arms]:
            yield Fault((*at, factor), ", ".join(map(repr, strange)), f"arms of the pilot: {', '.join(pilot.arms)}")
            return
    has = [tuple(arm in arms for arms in pilot.factors.values()) for arm in pilot.arms]
    if len(pilot.factors) != 2 or len(has) != 4 or len(set(has)) != 4 or any(has[0]):
        told = "; ".join(f"{arm}: {' and '.join(f for f, arms in pilot.factors.items() if arm in arms) or 'neither'}"
                         for arm in pilot.arms)  # fmt: skip
        yield Fault(at, told, expected)


def _metric(metric: Metric, at: tuple[str | int, ...], *, first: bool) -> Iterator[Fault]:
    if (metric.kind == "ratio") != (metric.denominator is not None):
        found = "a ratio without a denominator" if metric.kind == "ratio" else f"a denominator for a {metric.kind}"
        yield Fault((*at, "denominator"), found, "kind: ratio and the outcome that divides it, or neither")
    if first and metric.guardrail:
        yield Fault((*at, "guardrail"), "the first metric as a guardrail", "the first metric as the primary one")
    if metric.harm is not None and not metric.guardrail:
        yield Fault((*at, "harm"), f"{metric.harm:g} for a metric that is no guardrail", "guardrail: true beside it")
    if metric.estimate == "adjusted" and metric.kind not in ("mean", "proportion"):
        yield Fault((*at, "estimate"), f"adjusted for a {metric.kind}", "plain; only means and proportions are adjusted")


def _shares(arms: dict[str, float], at: tuple[str | int, ...]) -> Iterator[Fault]:
    """Shares sum to 1, as nearly as three decimals can say it; whole numbers are weights and need not."""
    total = sum(arms.values())
    if len(arms) < 2:
        yield Fault(at, f"{len(arms)} arm{'' if len(arms) == 1 else 's'}", "a control and at least one other arm")
    elif abs(total - 1) > 0.0015 and any(share != int(share) for share in arms.values()):
        expected = "shares that sum to 1 (fractions such as 1/3 will do), or weights in whole numbers"
        yield Fault(at, f"shares that sum to {total:g}", expected)
