"""The log of the service desk agrees with the tickets: each step at its ticket's own time, nothing planted in templates."""

import numpy as np

from workbook.synthetic.files import event_rows, slices
from workbook.synthetic.generate import Story


def test_each_step_stands_at_the_time_that_its_ticket_tells(clean: Story) -> None:
    events, tickets = clean.events, clean.tickets.set_index("ticket_id")
    opened = events[events["activity"] == "受理"].set_index("ticket_id")["minute"]
    answered = events[events["activity"].isin(["首次响应", "模板回复"])].set_index("ticket_id")["minute"]
    called = events[events["activity"] == "回访"].set_index("ticket_id")["minute"]
    assert opened.reindex(tickets.index).equals(tickets["opened"].rename("minute"))
    assert answered.is_unique or answered.index.is_unique
    assert answered.reindex(tickets.index).equals(tickets["responded"].rename("minute"))
    assert set(called.index) == set(tickets.index[tickets["called_back"] >= 0])
    assert (events["minute"].diff().dropna() >= 0).all()
    assert events["activity"].eq("重新打开").sum() == ((tickets["reopened"] > 0) & (tickets["resolved"] >= 0)).sum()


def test_templates_are_no_worse_than_other_answers(clean: Story) -> None:
    template = set(clean.events.loc[clean.events["activity"] == "模板回复", "ticket_id"])
    is_template = clean.tickets["ticket_id"].isin(template).to_numpy()
    reopened = clean.tickets["reopened"].to_numpy() > 0
    gap = reopened[is_template].mean() - reopened[~is_template].mean()
    assert abs(gap) < 4 * np.sqrt(0.05 * 0.95 * (1 / is_template.sum() + 1 / (~is_template).sum()))


def test_a_delivery_holds_the_steps_of_its_period(clean: Story) -> None:
    parts = [event_rows(part) for part in slices(clean)]
    assert sum(map(len, parts)) == (clean.events["minute"] < clean.world.plan.days * 1440).sum()
