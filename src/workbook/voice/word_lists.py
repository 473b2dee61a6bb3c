"""The words and sentences that the reading of comments starts from, from templates/voice/words.yaml: a consultant may add."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML

from workbook.places import templates_folder


def seed_sentences(script: str) -> Mapping[str, list[str]]:
    """``content`` and ``discontent`` sentences of a script (han, latin), from which mood is learnt without own scores."""
    found: Mapping[str, list[str]] = _lists()["sentences"][script]
    return found


def mood_words(script: str) -> list[str]:
    """Words that tell a mood or a courtesy and name no topic."""
    found: list[str] = _lists()["mood_words"][script]
    return found


def binding_words() -> frozenset[str]:
    """Words that only bind others: no phrase begins or ends with them."""
    return frozenset(str(_lists()["binding_words"]).split())


def boilerplate_patterns() -> list[str]:
    """Regular expressions for what no customer wrote: signatures, automatic replies."""
    found: list[str] = _lists()["boilerplate"]
    return found


def customer_speakers() -> frozenset[str]:
    """Who speaks for the customer in a transcript, in small letters."""
    return frozenset(str(word).lower() for word in _lists()["customer_speakers"])


@functools.cache
def _lists() -> Mapping[str, Any]:
    read: Mapping[str, Any] = YAML(typ="safe").load(templates_folder() / "voice" / "words.yaml")
    return read
