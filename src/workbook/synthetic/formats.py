"""How a client's systems write dates, gaps, text files and Excel files.

Source: row D1 of method.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

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
    return _each_once(dates, lambda d: d.strftime("%Y-%m-%d"))


def written(dates: pd.Series) -> pd.Series:
    """``2025年3月1日``."""
    return _each_once(dates, lambda d: [f"{x.year}年{x.month}月{x.day}日" for x in d])


def slashed(dates: pd.Series) -> pd.Series:
    """``2025/3/1``."""
    return _each_once(dates, lambda d: [f"{x.year}/{x.month}/{x.day}" for x in d])


def slashed_time(times: pd.Series) -> pd.Series:
    """``2025/3/1 9:05``."""
    return slashed(times.dt.normalize()) + _each_once(_minutes(times), lambda m: [f" {x // 60}:{x % 60:02d}" for x in m])


def iso_time(times: pd.Series, between: str = " ", seconds: str = "") -> pd.Series:
    """``2025-03-01 09:05``, with other words *between* date and time, and *seconds* after them."""
    clock = _each_once(_minutes(times), lambda m: [f"{between}{x // 60:02d}:{x % 60:02d}{seconds}" for x in m])
    return iso(times.dt.normalize()) + clock


def _minutes(times: pd.Series) -> pd.Series:
    found: pd.Series = times.dt.hour * 60 + times.dt.minute
    return found


def _each_once(values: pd.Series, words: Callable[[Any], Iterable[str]]) -> pd.Series:
    """The words of each value, each different value put into words only once."""
    codes, different = pd.factorize(values)
    return pd.Series(np.array(list(words(different)), dtype=object)[codes])


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
            if cell is None or cell == "":
                continue
            if times[column]:
                sheet.write_number(number, column, cell, style)
            elif isinstance(cell, str):
                sheet.write_string(number, column, cell)
            else:
                sheet.write_number(number, column, cell)
    book.close()
