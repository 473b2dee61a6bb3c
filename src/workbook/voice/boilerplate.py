"""What stands in comments and no customer wrote: the other side of a talk, signatures, automatic replies, forms (V3)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from workbook.voice.ngrams import plain
from workbook.voice.word_lists import boilerplate_patterns, customer_speakers

OFTEN, PART = 20, 0.01
"""A line that stands in so many comments, and in this part of them, belongs to a form and not to a customer."""

_TURN = re.compile(
    r"\s*([\[(（【]?[\d:：/.,\- TZ年月日]{4,}(?:\s*[AaPp][Mm])?[\])）】]?\s*)?"
    r"([^\s:：][^:：\n]{0,24}?)\s*[:：]\s*(.*)"
)
"""A line of a transcript: perhaps a time, a speaker, a colon, what was said."""

SHORTEST = 6
"""Letters of a line below which it may be everybody's own words (``很好``, ``thanks``)."""


def without_boilerplate(texts: Sequence[str]) -> list[str]:
    """The customers' own words of each comment; empty where nothing else stands in it.

    Of a transcript whose lines begin with a speaker only what the customer says is kept (``customer_speakers`` of
    templates/voice/words.yaml); where none of the speakers is known to be the customer, everything is.

    Dropped are the patterns of templates/voice/words.yaml (``boilerplate``), and, of comments of several lines, the lines that
    many other comments hold too. A comment of one line is never dropped for being repeated: customers say alike what they mean.

    >>> without_boilerplate(["送货太慢 —— 发自我的iPhone", "Sent from my iPhone", "The app crashes"])
    ['送货太慢', '', 'The app crashes']
    """
    patterns = [re.compile(pattern, re.IGNORECASE | re.MULTILINE) for pattern in boilerplate_patterns()]
    own = []
    for text in map(own_turns, texts):
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


def own_turns(text: str) -> str:
    """What the customer says in a transcript; any other text as it is.

    >>> own_turns("[10:01] Agent: Hello\\n[10:02] Customer: My order is late\\nby a week\\nAgent: Sorry")
    'My order is late\\nby a week'
    """
    return both_sides(text)[0]


def both_sides(text: str) -> tuple[str, str]:
    """What the customer says in a transcript, and what the others reply; any other text is the customer's.

    >>> both_sides("Agent: Hello\\nCustomer: My order is late\\nAgent: Sorry, Ann")[1]
    'Hello\\nSorry, Ann'
    """
    if "\n" not in text or not (":" in text or "：" in text):
        return text, ""
    turns = [_TURN.fullmatch(line) for line in text.splitlines()]
    speakers = [turn[2].lower() for turn in turns if turn]
    # a form has each of its heads once and no times
    talk = len(set(speakers)) < len(speakers) or any(turn and turn[1] for turn in turns)
    if not talk or not customer_speakers() & set(speakers):
        return text, ""
    kept: tuple[list[str], list[str]] = ([], [])
    side = None
    for line, turn in zip(text.splitlines(), turns, strict=True):
        side = int(turn[2].lower() not in customer_speakers()) if turn else side
        if side is not None:
            kept[side].append(turn[3] if turn else line)
    return "\n".join(kept[0]).strip(), "\n".join(kept[1]).strip()
