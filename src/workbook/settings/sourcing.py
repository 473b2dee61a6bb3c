"""The parameters of one file of a delivery: which table it fills, how it is read, what of it is kept."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from workbook.settings.section import Section
from workbook.tables import SCHEMAS


class Source(Section):
    """One file of the delivery and the canonical table that it becomes."""

    table: str = Field(description="The canonical table that the file fills.")
    file: str = Field(description="File name inside the delivery; * and ? stand for any characters.")
    system: str = Field("", description="The client's system that the file comes from, e.g. CRM or shop.")
    sheet: str | None = Field(None, description="Sheet of an Excel file or table of a database file; the first by default.")
    header_row: int = Field(
        1, ge=0, description="Row of the file that holds the column names, counted from 1; 0: there are none but 'column 1' …."
    )
    encoding: str | None = Field(None, description="Text encoding, e.g. gb18030; found by evidence where it is not given.")
    delimiter: str | None = Field(
        None, description="Character between columns, a space for any number of them; found by evidence where it is not given."
    )
    columns: dict[str, str | list[str]] = Field(
        description="Canonical column: the file's own column name, or several that make one: a first and a last "
        "name, a day and a time of day."
    )
    constants: dict[str, str] = Field(
        default_factory=dict,
        description="Canonical column: one value for every row; 'row number' numbers them, where a file has no id.",
    )
    dates: str | dict[str, str] | None = Field(
        None,
        description="strptime format of the dates, or 'day first', 'month first', 'excel' (a spreadsheet's day numbers) or "
        "'unix' (seconds or milliseconds since 1970), one for all or one a column; found from all values otherwise. 'seconds', "
        "'minutes', 'hours' or 'days' of a ticket's answer or solution: how long after its opening it came (95, 1.5, 0:01:35).",
    )
    decimals: Literal["point", "comma"] | None = Field(
        None, description="Sign before decimals: point (1,234.50) or comma (1.234,50); found from all values otherwise."
    )
    amounts_in: Literal["yuan", "thousand", "ten_thousand", "cent"] = Field(
        "yuan",
        description="Unit of the amounts: currency units (元), thousands (千元), ten thousands (万元) or hundredths (分).",
    )
    values: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="Canonical column: the file's value: the canonical value, empty for a missing one."
    )
    low_is_good: list[Literal["nps", "csat", "ces"]] = Field(
        default_factory=list,
        description="Instruments of a feedback file whose lowest score is the best (1 = sehr gut, 1 = very easy): their scores "
        "are turned round within their scale (scale_max, else 5 for csat, 7 for ces, 10 for nps), so that high is good.",
    )
    missing: list[str] = Field(
        default=["", "N/A", "n/a", "NULL", "null", "None", "-", "--", "无", "未知"],
        description="Words that stand for a missing value.",
    )
    accumulate: bool = Field(
        False, description="True where each delivery holds only new rows: the files of earlier periods are read too."
    )
    customers_by: Literal["id", "name", "email", "phone"] = Field(
        "id",
        description="What the file's customer_id holds: the customer's id, or the name, e-mail or phone by which the list of "
        "customers knows them; the id is then looked up.",
    )
    attributes: list[str] | dict[str, Literal["text", "number"]] = Field(
        default_factory=list,
        description="The file's own columns that tell what a customer is like and have no canonical place, each as text or "
        "number (a list: all text). The profile has them as own_NAME, for indices, rules and tags; the risk of leaving is "
        "learned from them where a delivery says who has left (contracts.ended).",
    )
    third_party: bool = Field(
        False,
        description="True where the file comes from a third party: for customers it fills fields that the client's own systems "
        "leave empty, and adds nobody.",
    )
    group: bool | Literal["last"] = Field(
        False,
        description="True where several rows of the file make one row of the table: money and quantities are summed; last "
        "where each of them tells all of it, as in a log: the last value of each column counts.",
    )
    only: dict[str, list[str]] = Field(
        default_factory=dict,
        description="Canonical column: the values of rows that count; others are quarantined as not valid business.",
    )
    todo: dict[str, list[str]] = Field(
        default_factory=dict,
        description="Canonical column: the candidates among which `workbook new` could not decide. Write the right one under "
        "columns (or its date order under dates) and delete the line; a required column stops check and run until then.",
    )

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns without which its rows are worthless; a list that says who has left, but not when, needs its day."""
        undated = self.table == "contracts" and "ended" in self.columns and "ends_at" not in self.columns
        return (*SCHEMAS[self.table].required, *(("noted_at",) if undated else ()))

    @property
    def own_columns(self) -> dict[str, Literal["text", "number"]]:
        """The attributes with their kinds."""
        return self.attributes if isinstance(self.attributes, dict) else dict.fromkeys(self.attributes, "text")
