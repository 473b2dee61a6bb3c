"""A forked process does its work whatever its parent left behind."""

import gc

import duckdb
import pytest

pytest.importorskip("fcntl")

from workbook.run.child import apart


def test_what_the_parent_left_to_be_collected_is_not_collected_in_the_child():
    # a database that is closed where its threads are not running ends the process
    gc.disable()
    try:
        with_threads = duckdb.connect(config={"threads": 4})
        with_threads.execute("create table t as select range % 1000 as a, random() as b from range(200000)")
        with_threads.execute("select a, sum(b) from t group by a").fetchall()
        circle = [with_threads]
        circle.append(circle)
        del circle, with_threads
        assert apart(gc.collect) >= 0
    finally:
        gc.enable()
