"""What stands in comments and no customer wrote: signatures of mail programs, automatic replies, repeated lines (V3)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from workbook.voice.ngrams import plain
from workbook.voice.word_lists import boilerplate_patterns

OFTEN, PART = 20, 0.01
"""A line that stands in so many comments, and in this part of them, belongs to a form and not to a customer."""

SHORTEST = 6
"""Letters of a line below which it may be everybody's own words (``很好``, ``thanks``)."""


def without_boilerplate(texts: Sequence[str]) -> list[str]:
    """The customers' own words of each comment; empty where nothing else stands in it.

    Dropped are the patterns of templates/voice/words.yaml (``boilerplate``), and, of comments of several lines, the lines that
    many other comments hold too. A comment of one line is never dropped for being repeated: customers say alike what they mean.

    >>> without_boilerplate(["送货太慢 —— 发自我的iPhone", "Sent from my iPhone", "The app crashes"])
    ['送货太慢', '', 'The app crashes']
    """
    patterns = [re.compile(pattern, re.IGNORECASE | re.MULTILINE) for pattern in boilerplate_patterns()]
    own = []
    for text in texts:
        for pattern in patterns:
            text = pattern.sub("", text)
        own.append(text.strip())
    lines = [[line for line in text.splitlines() if line.strip()] for text in own]
    many = [parts for parts in lines if len(parts) > 1]
    held = Counter(line for parts in many for line in {plain(part) for part in parts})
    least = max(OFTEN, PART * len(texts))
    repeated = {line for line, n in held.items() if n >= least and len(line) >= SHORTEST}
    if repeated:
        kept = ["\n".join(part for part in parts if plain(part) not in repeated) for parts in lines]
        # where every line is often held it is the customers who say alike
        own = [words if len(parts) > 1 and words else text for words, parts, text in zip(kept, lines, own, strict=True)]
    return own
