"""How a client's systems write dates, gaps, text files and Excel files.

Source: row D1 of method.md.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import xlsxwriter

from workbook.synthetic.world import Flags


def unless(gap: Flags | pd.Series, words: pd.Series) -> pd.Series:
    """*words*, empty where there is a gap."""
    filled: pd.Series = pd.Series(words.to_numpy(object)).mask(np.asarray(gap, dtype=bool), "")
    return filled


def iso(dates: pd.Series) -> pd.Series:
    """``2025-03-01``."""
    words: pd.Series = dates.dt.strftime("%Y-%m-%d")
    return words


def written(dates: pd.Series) -> pd.Series:
    """``2025年3月1日``."""
    d = dates.dt
    words: pd.Series = d.year.astype(str) + "年" + d.month.astype(str) + "月" + d.day.astype(str) + "日"
    return words


def slashed(dates: pd.Series) -> pd.Series:
    """``2025/3/1``."""
    d = dates.dt
    words: pd.Series = d.year.astype(str) + "/" + d.month.astype(str) + "/" + d.day.astype(str)
    return words


def slashed_time(times: pd.Series) -> pd.Series:
    """``2025/3/1 9:05``."""
    found: pd.Series = slashed(times) + " " + times.dt.hour.astype(str) + ":" + times.dt.strftime("%M")
    return found


def write_csv(rows: pd.DataFrame, path: Path, encoding: str) -> None:
    """Write *rows* as text with commas and plain line ends."""
    rows.to_csv(path, index=False, encoding=encoding, lineterminator="\n")


def write_excel(rows: pd.DataFrame, path: Path) -> None:
    """Write *rows* so that the same rows give the same file: no time of making, rows in order."""
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    book.set_properties({"created": dt.datetime(2025, 1, 1), "author": ""})
    sheet = book.add_worksheet("工单")
    style = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    sheet.write_row(0, 0, list(rows.columns))
    columns = []
    for name in rows.columns:
        if pd.api.types.is_datetime64_any_dtype(rows[name]):
            # Excel counts days from 1899-12-30
            serial = (rows[name] - pd.Timestamp("1899-12-30")).dt.total_seconds() / 86400
            columns.append([None if value != value else value for value in serial.to_list()])
            sheet.set_column(len(columns) - 1, len(columns) - 1, 17)
        else:
            columns.append(rows[name].to_list())
    times = [pd.api.types.is_datetime64_any_dtype(rows[name]) for name in rows.columns]
    for number, cells in enumerate(zip(*columns, strict=True), start=1):
        for column, cell in enumerate(cells):
            if cell is None:
                continue
            if times[column]:
                sheet.write_number(number, column, cell, style)
            elif isinstance(cell, str):
                sheet.write_string(number, column, cell)
            else:
                sheet.write_number(number, column, cell)
    book.close()
