"""Key phrases of many comments, found from the comments alone (V3).

A phrase is a run of words (in Chinese: characters) that hold together, that stand beside many different neighbours, and that
no longer phrase explains. Cohesion and freedom as in the finding of new Chinese words (Pecina 2010 on association measures;
Huang et al. 2014 on branching entropy); words that only bind others carry no topic and neither begin nor end a phrase.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from workbook.voice.ngrams import BREAK, Ints, Runs, Symbols, words
from workbook.voice.word_lists import binding_words

Floats = npt.NDArray[np.float64]

LONGEST = {"han": 4, "latin": 3}
COHESION = 1.0
"""Least log ratio of a phrase's frequency to what its parts would give by chance, at its weakest joint."""

FREEDOM = 0.7
"""Least entropy (nats) of the neighbours on either side; an end of a sentence counts as a neighbour of its own."""

EXPLAINED = 0.7
"""Share of its comments from which a phrase is only a part of a longer one."""


@dataclass(frozen=True)
class Phrases:
    """Key phrases.

    Attributes:
        words: the phrases, most frequent first; shape (k,).
        held: which comments hold them; comments × phrases, 1 or nothing.
    """

    words: npt.NDArray[np.str_]
    held: sparse.csr_matrix


def key_phrases(texts: list[str], script: str, least: int = 3) -> Phrases:
    """The key phrases of plain comments of one script.

    Args:
        least: fewest comments that hold a phrase.
    """
    symbols = words(texts)
    binding = _binding(symbols)
    begins: dict[int, Runs] = {1: symbols.runs(1)}
    frequency = {1: _frequency(symbols, begins[1])}
    found: list[tuple[npt.NDArray[np.str_], sparse.csr_matrix, Ints, int]] = []
    for length in range(1, LONGEST[script] + 1):
        if length > 1:
            begins[length] = symbols.runs(length)
            frequency[length] = _frequency(symbols, begins[length])
        runs = begins[length]
        counts = symbols.counts(runs)
        counts.data[:] = 1.0
        held = np.asarray(counts.sum(axis=0)).ravel()
        good = (held >= least) & ~binding[runs.first] & ~binding[runs.first + length - 1]
        if length == 1:
            long_enough = np.array([len(w) > 2 for w in symbols.words(runs.first[good], 1)], dtype=bool)
            good[np.flatnonzero(good)[~long_enough]] = False
        else:
            good &= _cohesion(symbols, runs, frequency, length) >= COHESION
            good &= _freedom(symbols, runs, length) >= FREEDOM
        kept = np.flatnonzero(good)
        found.append((symbols.words(runs.first[kept], length), counts[:, kept], held[kept].astype(np.int64), length))
    named = np.concatenate([part[0] for part in found])
    held_by = sparse.csc_matrix(sparse.hstack([part[1] for part in found]))
    often = np.concatenate([part[2] for part in found])
    whole = ~_explained(named, often)
    order = np.lexsort((named, -often))
    order = order[whole[order]]
    return Phrases(named[order], sparse.csr_matrix(held_by[:, order]))


def _binding(symbols: Symbols) -> npt.NDArray[np.bool_]:
    """Which symbols, at their place, are words that only bind others."""
    binding = binding_words()
    kinds, first, inverse = np.unique(symbols.codes, return_index=True, return_inverse=True)
    binds = np.array(
        [code != BREAK and symbols.spell(symbols.codes[at : at + 1]) in binding for code, at in zip(kinds, first, strict=True)],
        dtype=bool,
    )
    flags: npt.NDArray[np.bool_] = binds[inverse]
    return flags


def _frequency(symbols: Symbols, runs: Runs) -> Floats:
    """How often the run that begins at each symbol occurs in all; 0 where none begins."""
    often = np.zeros(len(symbols.codes) + 1)
    often[runs.at] = np.bincount(runs.kind, minlength=len(runs.first))[runs.kind]
    return often


def _cohesion(symbols: Symbols, runs: Runs, frequency: dict[int, Floats], length: int) -> Floats:
    """Of each kind of run: its log frequency over what its two parts would give, least over the places where it can part."""
    total = float((symbols.codes != BREAK).sum())
    whole = frequency[length][runs.first]
    joints = [
        np.log(whole * total / (frequency[part][runs.first] * frequency[length - part][runs.first + part]))
        for part in range(1, length)
    ]
    return np.asarray(np.min(joints, axis=0), dtype=np.float64)


def _freedom(symbols: Symbols, runs: Runs, length: int) -> Floats:
    """Of each kind of run: the smaller entropy of what stands before and after it."""
    sides = []
    for neighbour in (np.maximum(runs.at - 1, 0), runs.at + length):
        beside = symbols.codes[neighbour].copy()
        ends = beside == BREAK
        beside[ends] = -1 - np.arange(int(ends.sum()))
        pairs, often = np.unique((runs.kind << 32) + beside + 2**31, return_counts=True)
        kind = pairs >> 32
        n = np.bincount(runs.kind, minlength=len(runs.first)).astype(float)
        share = often / n[kind]
        sides.append(-np.bincount(kind, share * np.log(share), minlength=len(runs.first)))
    return np.asarray(np.minimum(*sides), dtype=np.float64)


def _explained(named: npt.NDArray[np.str_], often: Ints) -> npt.NDArray[np.bool_]:
    """Which phrases stand mostly inside a longer one."""
    index = {str(word): at for at, word in enumerate(named)}
    explained = np.zeros(len(named), dtype=bool)
    for word, n in zip(named.tolist(), often.tolist(), strict=True):
        for part in _parts(word):
            at = index.get(part)
            if at is not None and n >= EXPLAINED * often[at]:
                explained[at] = True
    return explained


def _parts(word: str) -> list[str]:
    """The shorter phrases that a phrase holds."""
    pieces = word.split(" ") if " " in word else list(word)
    glue = " " if " " in word else ""
    n = len(pieces)
    return [glue.join(pieces[i:j]) for i in range(n) for j in range(i + 1, n + 1) if j - i < n]
