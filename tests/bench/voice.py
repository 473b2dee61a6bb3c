"""Comments read and companions found: wall seconds of each, beside scikit-learn's vectoriser and a count by pandas."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer

from workbook.diagnosis.companions import anchor_buyers, baskets_of, companion_pairs
from workbook.period import Period
from workbook.settings.models import Settings
from workbook.synthetic.sentences import CAUSES, sentences
from workbook.tables import Tables, empty_tables, tables_of
from workbook.voice.hotspots import find_hotspots

PERIOD = Period.parse("2025Q4")
COMMENTS, BASKETS, PRODUCTS = 10_000, 1_000_000, 2_000


def seconds(work: Callable[[], object]) -> float:
    """Wall seconds of a call."""
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def comments() -> pd.DataFrame:
    """Comments of four sentences each, as long as reviews are, a fifth in English, half of them scored."""
    rng = np.random.default_rng(1)
    content = rng.random(COMMENTS) < 0.6
    language = np.where(rng.random(COMMENTS) < 0.2, "en", "zh")
    parts = [sentences(rng, np.array(CAUSES)[rng.integers(0, 6, COMMENTS)], language, content) for _ in range(4)]
    words = pd.Series(parts[0]).str.cat([pd.Series(part) for part in parts[1:]], sep=" ")
    score = pd.Series(np.where(content, 5.0, 1.0)).where(rng.random(COMMENTS) < 0.5)
    days = pd.Timestamp("2025-07-01") + pd.to_timedelta(rng.integers(0, 184, COMMENTS), unit="D")
    return pd.DataFrame(
        {
            "feedback_id": np.arange(COMMENTS).astype(str),
            "given_at": days,
            "instrument": "review",
            "score": score,
            "text": words,
        }
    )


def baskets() -> Tables:
    """A million baskets of six products on average, common ones more often."""
    tables = empty_tables(PERIOD)
    tables.connection.execute(
        f"insert into orders (order_id, customer_id, ordered_at) select i::varchar, (i % 100000)::varchar, "
        f"date '2025-01-05' + (i % 350)::int from range({BASKETS}) r(i)"
    )
    tables.connection.execute(
        f"insert into order_lines (order_id, line_id, product_id, amount, quantity) select (i % {BASKETS})::varchar, "
        f"i::varchar, 'P' || floor({PRODUCTS} * power(hash(i) / 18446744073709551615.0, 2))::int, 5 + hash(i * 3) % 50, 1 "
        f"from range({6 * BASKETS}) r(i)"
    )
    return tables


def pairs_by_hand(tables: Tables) -> None:
    """The pairs of a fiftieth of the baskets counted in Python, as a first program would."""
    lines = tables.sql(f"select order_id, product_id from order_lines where order_id::int < {BASKETS // 50}")
    counted: dict[tuple[str, str], int] = {}
    for _, products in lines.groupby("order_id")["product_id"]:
        for pair in combinations(sorted(set(products)), 2):
            counted[pair] = counted.get(pair, 0) + 1


def cross_sell(tables: Tables) -> None:
    """Pairs and their buyers."""
    with baskets_of(tables, 12):
        anchor_buyers(tables, companion_pairs(tables, 1.3))


def main() -> None:
    """Print both figures."""
    frame, settings = comments(), Settings(client={"name": "Bench"})
    tables = tables_of({"feedback": frame}, PERIOD)
    ours = seconds(lambda: find_hotspots(tables, settings))
    theirs = seconds(lambda: TfidfVectorizer(analyzer="char", ngram_range=(1, 3)).fit_transform(frame["text"]))
    print(f"{COMMENTS:,} comments: mood, topics, phrases {ours:6.1f} s   {ours / theirs:5.2f} × scikit-learn's n-grams alone")
    many = baskets()
    ours, by_hand = seconds(lambda: cross_sell(many)), 50 * seconds(lambda: pairs_by_hand(many))
    print(f"{BASKETS:,} baskets × {PRODUCTS:,} products: companions {ours:.1f} s   {ours / by_hand:5.2f} × counted in Python")


if __name__ == "__main__":
    main()
