"""Texts as sequences of symbols, and the runs of symbols in them: what sentiment, key phrases and topics are made of (V3).

Chinese has no spaces between words and needs no segmenter here: neighbouring characters carry most of what a word would. All
texts lie behind each other in one array, so that ten thousand comments take about a second.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

Ints = npt.NDArray[np.int64]
BREAK = 0
"""The symbol that no run reaches over: the end of a text, and between words also punctuation."""

_SPACES = re.compile(r"\s+")
_HAN = "\u3400-\u9fff"
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(rf"[{_HAN}]|[^\W\d_{_HAN}](?:[^\W_{_HAN}]|['’-](?=[^\W\d_]))*|\S")


def plain(text: str) -> str:
    """A text as it is compared: full-width forms narrowed, small letters, one space between words.

    >>> plain("ＶＥＲＹ  good！\\n")
    'very good!'
    """
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", text).replace("\x00", " ")).strip().lower()


def script_of(text: str) -> str:
    """``han`` where at least a fifth of the letters are Chinese characters, else ``latin``.

    >>> script_of("客服 reply 很慢"), script_of("The 茶 was cold")
    ('han', 'latin')
    """
    return "han" if 5 * len(re.findall(f"[{_HAN}]", text)) >= max(len(_LETTER.findall(text)), 1) else "latin"


@dataclass(frozen=True)
class Runs:
    """The runs of one length.

    Attributes:
        at: where each run begins among the symbols; shape (r,).
        kind: which run it is, 0 to ``len(first)`` − 1; shape (r,).
        first: where each kind begins first; shape (k,).
    """

    at: Ints
    kind: Ints
    first: Ints


@dataclass(frozen=True)
class Symbols:
    """Texts as symbols.

    Attributes:
        codes: the symbols of all texts, each text ended by :data:`BREAK`; shape (s,).
        owner: the text of each symbol; shape (s,).
        texts: how many texts.
        spell: the words of a run of symbols.
    """

    codes: Ints
    owner: Ints
    texts: int
    spell: Callable[[Ints], str]

    def runs(self, length: int, usable: Callable[[Ints], npt.NDArray[np.bool_]] | None = None) -> Runs:
        """Every run of *length* symbols without a break in it; *usable* says of beginnings which to keep."""
        breaks = np.concatenate([[0], np.cumsum(self.codes == BREAK)])
        at = np.arange(max(len(self.codes) - length + 1, 0))
        at = at[breaks[at + length] == breaks[at]]
        if usable is not None:
            at = at[usable(at)]
        keys = np.zeros(len(at), dtype=np.uint64)
        for step in range(length):  # a hash of 64 bits: among a million runs two alike by chance once in 10⁷ corpora
            keys = keys * np.uint64(0x9E3779B97F4A7C15) + self.codes[at + step].astype(np.uint64)
            keys ^= keys >> np.uint64(31)
        _, first, kind = np.unique(keys, return_index=True, return_inverse=True)
        return Runs(at, kind, at[first])

    def counts(self, runs: Runs) -> sparse.csr_matrix:
        """How often each kind of run stands in each text; texts × kinds."""
        ones = np.ones(len(runs.at))
        return sparse.csr_matrix((ones, (self.owner[runs.at], runs.kind)), shape=(self.texts, len(runs.first)))

    def words(self, starts: Ints, length: int) -> npt.NDArray[np.str_]:
        """The words of the runs of *length* symbols that begin at *starts*."""
        return np.array([self.spell(self.codes[start : start + length]) for start in starts.tolist()], dtype=np.str_)


def characters(texts: Sequence[str]) -> Symbols:
    """Plain texts as characters, each text between two spaces."""
    padded = [f" {text} \x00" for text in texts]
    codes = np.frombuffer("".join(padded).encode("utf-32-le"), dtype=np.uint32).astype(np.int64)
    owner = np.repeat(np.arange(len(texts)), [len(text) for text in padded])
    return Symbols(codes, owner, len(texts), lambda run: "".join(map(chr, run.tolist())))


def words(texts: Sequence[str]) -> Symbols:
    """Plain texts as words: each Chinese character is one, each word of another script is one, all else is a break."""
    tokens = [[*_WORD.findall(text), ""] for text in texts]
    flat = pd.Series([token for text in tokens for token in text], dtype=object)
    wordlike = flat.str.match(r"[^\W\d_]").astype(bool).to_numpy()
    kinds = np.unique(flat[wordlike].to_numpy(str)) if wordlike.any() else np.empty(0, dtype=np.str_)
    codes = np.full(len(flat), BREAK, dtype=np.int64)
    codes[wordlike] = 1 + np.searchsorted(kinds, flat[wordlike].to_numpy(str))
    owner = np.repeat(np.arange(len(texts)), [len(text) for text in tokens])

    def spell(run: Ints) -> str:
        found = [str(kinds[code - 1]) for code in run.tolist()]
        joined = found[0]
        for before, word in pairwise(found):
            han = script_of(before[-1]) == "han" and script_of(word[0]) == "han"
            joined += word if han else f" {word}"
        return joined

    return Symbols(codes, owner, len(texts), spell)


def features(texts: Sequence[str], lengths: Sequence[int], *, within_words: bool, least: int = 2) -> sparse.csr_matrix:
    """Which character n-grams stand in each text (1 or nothing); texts × n-grams.

    Args:
        texts: plain texts.
        lengths: numbers of characters.
        within_words: True where an n-gram may hold characters of one word and its edges only (as scikit-learn's ``char_wb``).
        least: n-grams of fewer texts are left out.
    """
    symbols = characters(texts)
    gaps = np.concatenate([[0], np.cumsum(symbols.codes == 32)])
    parts = []
    for length in lengths:

        def within_a_word(at: Ints, length: int = length) -> npt.NDArray[np.bool_]:
            inner = gaps[at + length - 1] == gaps[at + 1]
            blank = (length <= 2) & (symbols.codes[at] == 32) & (symbols.codes[at + length - 1] == 32)
            kept: npt.NDArray[np.bool_] = inner & ~blank
            return kept

        counts = symbols.counts(symbols.runs(length, within_a_word if within_words else None))
        counts.sum_duplicates()
        counts.data[:] = 1.0
        parts.append(counts[:, np.flatnonzero(np.asarray(counts.sum(axis=0)).ravel() >= least)])
    return sparse.csr_matrix(sparse.hstack(parts))


def unit_rows(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """The rows divided by their length; an empty row stays empty."""
    size = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
    return sparse.csr_matrix(sparse.diags(1 / np.where(size > 0, size, 1.0)) @ counts)
