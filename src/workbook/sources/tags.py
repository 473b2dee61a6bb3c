"""Tags (标签): customers marked by rules that are written out, as SQL conditions over the profile (D6)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import pandas as pd

from workbook.errors import SettingsError
from workbook.language import count, named, share, text
from workbook.report.blocks import Column, Table
from workbook.settings.models import Tag


@dataclass(frozen=True)
class Tags:
    """Who carries which tag.

    Attributes:
        frame: tag, customer_id; in the order of the settings, then of the ids.
        tags: the tags with their rules.
        customers: customers in all.
        unjudged: ids of the tags that nobody carries because the profile holds no value of a column that the rule asks for.
    """

    frame: pd.DataFrame
    tags: tuple[Tag, ...]
    customers: int
    unjudged: frozenset[str] = frozenset()

    def table(self) -> Table:
        """Each tag with its rule, its customers and their share."""
        sizes = self.frame["tag"].value_counts()
        rows = pd.DataFrame(
            {
                "name": [named(tag.name) for tag in self.tags],
                "rule": [tag.rule for tag in self.tags],
                "customers": [None if tag.id in self.unjudged else int(sizes.get(tag.id, 0)) for tag in self.tags],
            }
        ).astype({"customers": "Int64"})
        rows["share"] = rows["customers"] / max(self.customers, 1)
        if len(self.frame):
            first = max(self.tags, key=lambda tag: int(sizes.get(tag.id, 0)))
            title = text(
                "sources.tags.title",
                "The most frequent tag is “{tag}”: {share} of customers",
                tag=named(first.name),
                share=share(int(sizes[first.id]) / self.customers, 1),
            )
        else:
            title = text("sources.tags.none", "No customer meets the rule of a tag")
        return Table(
            "sources.tags",
            title,
            (
                Column("name", text("sources.tags.tag", "Tag")),
                Column("rule", text("sources.tags.rule", "Rule over the profile")),
                Column("customers", text("sources.tags.customers", "Customers"), "people"),
                Column("share", text("sources.tags.share", "Share of customers"), "share", of="customers"),
            ),
            rows,
            note=text(
                "sources.tags.note",
                "Customers who meet the rule of a tag; {n} customers; one customer may carry several tags. "
                "A rule is not judged where nobody has a value that it asks for.",
                n=count(self.customers),
            ),
            artefact="tags",
        )


def tag_customers(profile: pd.DataFrame, tags: Sequence[Tag]) -> Tags:
    """Mark the customers that meet the rule of each tag.

    Args:
        profile: one row a customer (:func:`workbook.sources.profile.build_profile`).
        tags: ``rule`` is an SQL condition over the columns of the profile.

    Raises:
        SettingsError: with every rule that is no such condition.
    """
    problems: list[str] = []
    parts = [pd.DataFrame({"tag": pd.Series(dtype="str"), "customer_id": pd.Series(dtype="str")})]
    # rules come from a settings file: they see the profile and nothing else
    with duckdb.connect(config={"threads": 1, "enable_external_access": False}) as connection:
        connection.register("delivered", profile)
        connection.execute("create table profile as select * from delivered")
        connection.unregister("delivered")
        for tag in tags:
            query = f"select customer_id from profile where ({tag.rule}\n) order by customer_id"
            try:
                if len(connection.extract_statements(query)) != 1:
                    raise duckdb.ParserException("several statements")
                found = connection.execute(query).df()["customer_id"]
            except duckdb.Error as fault:
                why = str(fault).splitlines()[0]
                problems.append(
                    f"tags.{tag.id}.rule: found {tag.rule!r}; expected an SQL condition over the columns of the "
                    f"profile ({why}); correct the rule"
                )
                continue
            parts.append(pd.DataFrame({"tag": tag.id, "customer_id": found}))
    if problems:
        raise SettingsError(problems)
    filled = [part for part in parts[1:] if len(part)]
    frame = pd.concat(filled, ignore_index=True) if filled else parts[0]
    empty = [column for column in profile.columns if profile[column].isna().all()]
    unmet = [tag for tag in tags if not (frame["tag"] == tag.id).any()]
    unjudged = frozenset(tag.id for tag in unmet if any(re.search(rf"\b{column}\b", tag.rule) for column in empty))
    return Tags(frame, tuple(tags), len(profile), unjudged)
