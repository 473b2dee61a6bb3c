"""What else a list of tickets tells, a row a ticket: who handled it, and how the customer judged it (D1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from workbook.language import text
from workbook.sources.inspection.match import Guess, Match, match_columns
from workbook.sources.inspection.tables import Draft
from workbook.sources.inspection.vocabulary import Vocabulary


def beside_tickets(tickets: Draft, vocabulary: Vocabulary) -> list[Draft]:
    """The log and the answers that stand beside the tickets of a file; empty where several rows tell of one ticket."""
    told = tickets.match.guesses
    if tickets.table != "tickets" or tickets.group is not None or not {"ticket_id", "opened_at"} <= set(told):
        return []
    taken = {own for guess in told.values() for own in guess.own}
    left = [f for f in tickets.extract.facts if f.name not in taken]
    actor = match_columns("ticket_events", left, vocabulary).guesses.get("actor")
    score = match_columns("feedback", left, vocabulary).guesses.get("score")
    found = []
    if actor is not None and actor.strength == "sure":
        note = text(
            "new.note.handled", "who handled each ticket, dated by its opening: it tells whether a fault is one employee's"
        )
        guesses = _taken_over(told, {"ticket_id": "ticket_id", "happened_at": "opened_at"}) | {"actor": actor}
        constants = {"activity": "handled"}
        found.append(Draft(tickets.extract, Match("ticket_events", guesses, {}), 0.75, None, (note,), constants=constants))
    if score is not None and score.strength == "sure":
        note = text("new.note.ticket_scores", "scores that stand beside the tickets, dated by the opening of the ticket")
        shared = {"ticket_id": "ticket_id", "given_at": "opened_at", "customer_id": "customer_id", "channel": "channel"}
        guesses = _taken_over(told, shared) | {"score": score}
        found.append(Draft(tickets.extract, Match("feedback", guesses, {}), 0.75, None, (note,)))
    return found


def _taken_over(told: Mapping[str, Guess], columns: Mapping[str, str]) -> dict[str, Guess]:
    return {column: replace(told[own], column=column) for column, own in columns.items() if own in told}
