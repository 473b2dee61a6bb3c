"""Every check of stage 3 declared: what it is called, what it needs, where its limit stands, what it takes to mend.

Read by `workbook explain checks` and by the priority rule; the checks themselves stand in the files of their modules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from workbook.language import Text, named, text
from workbook.settings.models import OwnCheck, Settings

Effort = Literal["small", "medium", "large"]


@dataclass(frozen=True)
class Declared:
    """One check.

    Attributes:
        id: its stable name; ``<field>`` stands for each of the key fields.
        measures: what it measures, in a few words.
        needs: tables and columns without which it is not measured; ``a|b`` where one of them suffices.
        limit: the parameter that holds its limit.
        effort: what it takes to mend what it finds, where the settings say nothing else.
        rests_on: the settings that decide what it counts, beside those of all checks; figures of periods in which they were
            others are not compared.
        family: name shared by checks that see one trouble from several sides: one remedy answers them, and the problem list
            shows them as one; empty where the check stands alone.
    """

    id: str
    measures: str
    needs: tuple[str, ...]
    limit: str
    effort: Effort = "medium"
    rests_on: tuple[str, ...] = ()
    family: str = ""


_FIRST = ("service.first_response_hours", "service.hours")
_SOLVED = ("service.resolution_hours", "service.hours")

DECLARED: tuple[Declared, ...] = (
    Declared("information.complete.<field>", "records with the field filled", ("customers.<field>",),
             "diagnosis.completeness", family="completeness"),
    Declared("information.valid_phone", "phone numbers of impossible form", ("customers.phone",), "diagnosis.invalid_share",
             "small", family="contacts"),
    Declared("information.valid_email", "e-mail addresses of impossible form", ("customers.email",),
             "diagnosis.invalid_share", "small", family="contacts"),
    Declared("information.valid_industry", "industries outside the agreed list, or in another spelling",
             ("customers.industry",), "diagnosis.invalid_share", "small", rests_on=("diagnosis.industries",),
             family="industry"),
    Declared("information.industry_name", "companies under another industry than their name speaks for",
             ("customers.industry", "customers.name"), "diagnosis.industry_name_share",
             rests_on=("diagnosis.industries",), family="industry"),
    Declared("information.stale", "records of active customers not updated for long",
             ("customers.updated_at", "orders|interactions"), "diagnosis.stale_share",
             rests_on=("diagnosis.stale_days", "analysis.churn_days")),
    Declared("information.duplicates", "records with the phone or e-mail of another", ("customers.phone|customers.email",),
             "diagnosis.duplicate_share", "large"),
    Declared("information.status", "active records that a later change or the orders contradict",
             ("customers.status", "status_history.new|orders"), "diagnosis.stale_status_share", "small",
             rests_on=("analysis.churn_days",)),
    Declared("needs.depth", "needs recorded down to the root cause", ("needs.level",), "diagnosis.root_cause_share",
             rests_on=("diagnosis.root_levels", "diagnosis.surface_levels")),
    Declared("needs.match", "recommended products bought in time",
             ("needs.product_recommended", "needs.noted_at", "order_lines.product_id", "orders"), "diagnosis.match_share",
             "large",
             rests_on=("diagnosis.match_days",)),
    Declared("interaction.silent", "high-value customers without contact", ("interactions",), "diagnosis.silent_share",
             "small",
             rests_on=("diagnosis.silent_days", "scope.high_value_share", "analysis.window_months")),
    Declared("interaction.late_response", "first responses later than their limit", ("tickets.first_response_at",),
             "service.late_share",
             rests_on=_FIRST, family="first_response"),
    Declared("interaction.late_channel", "gap of the worst channel to the others in late first responses",
             ("tickets.first_response_at", "tickets.channel"), "diagnosis.channel_gap",
             rests_on=_FIRST, family="first_response"),
    Declared("value.misgraded", "high-value customers in a tier below their revenue", ("customers.tier", "orders"),
             "diagnosis.misgraded_share",
             rests_on=("diagnosis.client_tiers", "scope.high_value_share", "grading.high_tiers", "analysis.window_months")),
    Declared("value.cross_sell", "buyers who take the companion product no more often than chance",
             ("order_lines.product_id", "orders.customer_id"), "diagnosis.missed_cross_share",
             rests_on=("diagnosis.cross_lift", "analysis.window_months")),
    Declared("service.callback", "solved complaints called back in time",
             ("tickets.topic", "tickets.resolved_at", "tickets.called_back_at"), "diagnosis.callback_share", "small",
             rests_on=("service.callback_hours", "service.complaint_topics")),
    Declared("service.repeat", "customers back on one topic within days", ("tickets.topic", "tickets.customer_id"),
             "diagnosis.repeat_share", "large",
             rests_on=("diagnosis.repeat_days",), family="solutions"),
    Declared("service.reopened", "solved tickets opened again", ("tickets.reopened", "tickets.resolved_at"),
             "diagnosis.reopened_share", family="solutions"),
    Declared("service.late_resolution", "solutions later than their limit", ("tickets.resolved_at",),
             "diagnosis.late_resolution_share", "large",
             rests_on=_SOLVED, family="late_solutions"),
    Declared("service.missed_level", "tickets that missed their service level by the client's own record",
             ("tickets.in_time",), "diagnosis.missed_level_share", "large", family="late_solutions"),
    Declared("service.first_contact", "tickets solved for good at the first contact",
             ("tickets.topic", "tickets.customer_id", "tickets.resolved_at"), "diagnosis.first_contact_share", "large",
             rests_on=("diagnosis.repeat_days",), family="solutions"),
    Declared("service.template", "gap in solutions that did not hold between template answers and others",
             ("ticket_events.activity", "tickets.topic", "tickets.customer_id", "tickets.resolved_at"),
             "diagnosis.template_gap",
             rests_on=("diagnosis.repeat_days", "service.template_activities"), family="solutions"),
)  # fmt: skip


def declared(check: str) -> Declared | None:
    """The declaration of a check by its id; None for a check of the consultant's own."""
    field = "information.complete."
    wanted = f"{field}<field>" if check.startswith(field) else check
    return next((one for one in DECLARED if one.id == wanted), None)


def own_check(check: str, settings: Settings) -> OwnCheck | None:
    """The consultant's own check of that id; None for one of the workbook's."""
    return next((one for one in settings.diagnosis.checks if own_id(one) == check), None)


def effort(check: str, settings: Settings) -> Effort:
    """What it takes to mend what a check finds: by the settings, else as declared."""
    given = settings.diagnosis.priority.effort.get(check)
    if given:
        return given
    found = own_check(check, settings) or declared(check)
    return found.effort if found else "medium"


def limit_source(check: str, settings: Settings) -> Text:
    """Where the limit of a check comes from: in the words of diagnosis.limit_sources, else whether anybody set it."""
    field = "information.complete."
    named_by = settings.diagnosis.limit_sources
    words = named_by.get(check) or (named_by.get(field.rstrip(".")) if check.startswith(field) else None)
    if words:
        return named(words)
    found = declared(check)
    if found is None:
        return text("diagnosis.limit.set", "set for this client")
    section, _, name = found.limit.partition(".")
    if name in getattr(settings, section).model_fields_set:
        return text("diagnosis.limit.set", "set for this client")
    return text("diagnosis.limit.default", "workbook’s default")


def family(check: str, settings: Settings) -> str:
    """What the problems that one remedy answers have in common: as the check declares it, else the check itself."""
    found = own_check(check, settings) or declared(check)
    return found.family if found and found.family else check


def own_id(own: OwnCheck) -> str:
    """The id of a check of the consultant's own."""
    return f"{own.module}.own.{own.id}"


def checks_in_words(own: Mapping[str, Sequence[OwnCheck]] | None = None) -> str:
    """Every check with what it measures, needs and is held against; for the command line.

    Args:
        own: where checks of the consultant's own stand → these.
    """
    parts = [_in_words(one) for one in DECLARED]
    for place, checks in (own or {}).items():
        for check in checks:
            measure = check.measure if isinstance(check.measure, str) else check.measure.get("en", "")
            one = Declared(
                own_id(check), str(measure), tuple(check.needs), f"{check.limit:g} ({check.direction})", check.effort,
                family=check.family,
            )  # fmt: skip
            parts.append(_in_words(one, place))
    return "\n\n".join(parts) + (
        "\n\nA check of your own: a file params/<client>/checks/<id>.sql, its declaration as a comment above one query:\n\n"
        + "\n".join(f"  {line}" for line in EXAMPLE.splitlines())
        + "\n\nIt is called <module>.own.<id>, is judged by `workbook check`, and ranks with the others. What each key means:"
        "\n`workbook explain diagnosis.checks`; what can be asked: `workbook explain tables`."
    )


def _in_words(one: Declared, place: str = "") -> str:
    needs = ", ".join(one.needs).replace("|", " or ") or "what its query reads"
    told = f"{one.id}\n  {one.measures}\n  needs   {needs}\n  limit   {one.limit}\n  effort  {one.effort}"
    told += f"\n  family  {one.family}" if one.family else ""
    return f"{told}\n  file    {place}" if place else told


EXAMPLE = """\
-- module: service
-- measure: {en: Tickets without a priority, zh: 无优先级的工单}
-- problem: {en: Tickets come in without a priority, zh: 工单缺少优先级}
-- cause: {en: The form does not ask for it., zh: 登记表未要求填写。}
-- needs: [tickets.priority]
-- limit: 0.05
select customer_id, ticket_id, opened_at as happened_at, priority is null as hit
from tickets
where opened_at >= $start"""
"""A check in a file of its own, as `workbook explain checks` shows it."""
