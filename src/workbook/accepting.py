"""Accepting a period: what its run proposed is entered in the ledger. The only code that writes there; no run calls it.

What was accepted before is accepted again without a trace; what differs under the same key is refused, the whole of it, and
nothing is written. Each file grows by one batch that its signature closes (see :mod:`workbook.ledger`), so that a crash at
any byte leaves the batch accepted or not.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import compute

from workbook.errors import UsageError, WorkbookError
from workbook.ledger import (
    KINDS,
    Kind,
    accepted_values,
    decode,
    encode_signature,
    ledger_file,
    ledger_kind,
    read_ledger,
    signatures,
)
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.run.manifest import NAME, read_manifest, sha256
from workbook.run.publish import client_lock
from workbook.settings.reading import period_file
from workbook.store import Store

LONGEST_ROLE = 100
"""Characters of a role."""

_JUDGED = ("roll_out", "limited", "stop", "roll_back")
"""Decisions that end a pilot: what it taught is then known."""


@dataclass(frozen=True, eq=False)
class Accepted:
    """What accepting did.

    Attributes:
        appended: kind → records written, in key order.
        same: kind → number of records that the ledger held already.
        refused: kind, key, field, old, new: one row a field that differs from what was accepted; nothing was written then.
        left: kind → number of records accepted for the period earlier that these results no longer hold; they stay.
        absent: kind → why the results hold nothing to accept.
        recovered: what was done about the traces of a crash.
    """

    client: str
    period: Period
    appended: Mapping[str, pd.DataFrame]
    same: Mapping[str, int]
    refused: pd.DataFrame
    left: Mapping[str, int]
    absent: Mapping[str, str]
    recovered: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing was refused."""
        return self.refused.empty

    def as_words(self, most: int = 20) -> str:
        """The outcome, one line a kind; of differences the first *most*."""
        return "\n".join([*self.recovered, *(self._told() if self.ok else self._refusal(most))])

    def _told(self) -> list[str]:
        lines = []
        for kind, added in self.appended.items():
            words = f"{len(added):,} accepted" if len(added) else "nothing new"
            if len(added) and kind == "grades":
                words += f" ({_counted(added['cause'])})"
            if len(added) and kind == "decisions":
                words += f" ({'; '.join(added['pilot'] + ': ' + added['decision'])})"
            if self.same[kind]:
                words += f", {self.same[kind]:,} accepted before"
            if self.left[kind] and kind in ("events", "appeals"):  # each file holds its own
                words += f"; {self.left[kind]:,} accepted before stand"
            elif self.left[kind]:
                words += f"; {self.left[kind]:,} accepted before that this run no longer has: they stay"
            lines.append(f"{self.client} {self.period}  {kind:<9}  {words}")
        lines += [f"{self.client} {self.period}  {kind:<9}  nothing to accept: {why}" for kind, why in self.absent.items()]
        return lines

    def _refusal(self, most: int) -> list[str]:
        records = len(self.refused.drop_duplicates(["kind", "key"]))
        lines = [
            f"{self.client} {self.period}: found {records:,} {'record' if records == 1 else 'records'} that differ from what "
            "was accepted, expected the same; nothing was written"
        ]
        shown = self.refused.head(most)
        lines += [
            f"  {kind} {key}: {field}: accepted {old}, now {new}"
            for kind, key, field, old, new in shown.itertuples(index=False)
        ]
        if len(self.refused) > most:
            lines.append(f"  … and {len(self.refused) - most:,} more differences")
        others = [kind for kind in self.appended if kind not in set(self.refused["kind"])]
        hint = f"; to accept the rest: --only {','.join(others)}" if others else ""
        return [*lines, f"what was accepted stands and cannot be replaced{hint}"]


def accept(
    home: Path,
    client: str,
    period: Period,
    *,
    kinds: Sequence[str] | None = None,
    on: dt.date,
    by: str | None = None,
) -> Accepted:
    """Enter the published results of a period in the client's ledger.

    Args:
        kinds: of grades, policies, cards, looks, decisions and lessons; all by default.
        on: day of the acceptance.
        by: role of the person who accepts.

    Raises:
        WorkbookError: where no results are published, they were changed after the run, or a run or another acceptance of
            this client is at work.
        UsageError: for a kind that a run does not make.
    """
    wanted = list(dict.fromkeys(kinds)) if kinds is not None else list(_TAKEN)
    if strange := [kind for kind in wanted if kind not in _TAKEN]:
        raise UsageError(f"accept: found {', '.join(strange) or 'nothing'}, expected of {', '.join(_TAKEN)}")
    period_file(home, client, period)
    with client_lock(home / "outputs" / client):
        results = home / "outputs" / client / period.name
        content = read_manifest(results)
        if not content:
            raise WorkbookError(
                f"{results}: found no published results, expected those of a run; run it first: workbook run {client} {period}"
            )
        taken = {kind: _TAKEN[kind](_Results(results, content, period)) for kind in wanted}
        records = {kind: found for kind, found in taken.items() if isinstance(found, pd.DataFrame)}
        absent = {kind: found for kind, found in taken.items() if isinstance(found, str)}
        # a manifest made before runs had keys is named by its hash
        run = str(content.get("run") or sha256(results / NAME))
        return _append(home, client, period, records, on=on, by=by, run=run, absent=absent)


def append(
    home: Path,
    client: str,
    period: Period,
    records: Mapping[str, pd.DataFrame] | Callable[[], Mapping[str, pd.DataFrame]],
    *,
    on: dt.date,
    by: str | None = None,
    run: str = "",
) -> Accepted:
    """Enter records that come from elsewhere than a run, such as events and appeals.

    Args:
        records: kind → the fields of the kind; fields that are not given are missing. What makes them is called with the ledger
            held, so that nothing is accepted between.
        run: key of the run that the records come from, where they come from one.

    Raises:
        WorkbookError: where records are at fault, or a run or another acceptance of this client is at work.
    """
    with client_lock(home / "outputs" / client):
        made = records() if callable(records) else records
        return _append(home, client, period, made, on=on, by=by, run=run, absent={})


def _append(
    home: Path,
    client: str,
    period: Period,
    records: Mapping[str, pd.DataFrame],
    *,
    on: dt.date,
    by: str | None,
    run: str,
    absent: Mapping[str, str],
) -> Accepted:
    """The work of accepting; the caller holds the client's lock."""
    if by is not None and not 0 < len(by.strip()) <= LONGEST_ROLE:
        raise UsageError(f"by: found {by[:20]!r}, expected a role of at most {LONGEST_ROLE} characters")
    recovered = tuple(words for kind in records if (words := _recover(ledger_file(home, client, kind))))
    appended: dict[str, pd.DataFrame] = {}
    same: dict[str, int] = {}
    left: dict[str, int] = {}
    refused = [_NOTHING_REFUSED]
    for name, given in records.items():
        kind = ledger_kind(name)
        old = read_ledger(home, client, name, of=period if kind.dated else None)
        new = decode(_encode(_sound(given, kind, period), kind), kind)
        if name == "grades":
            new["cause"] = _cause(new, home, client, period)
        differences, known = _compared(new, old, kind)
        refused.append(differences)
        appended[name], same[name] = new[~known].reset_index(drop=True), int(known.sum())
        left[name] = len(old[old["accepted_for"] == period.name]) - _held(old, new, kind, period)
    outcome = Accepted(client, period, appended, same, pd.concat(refused, ignore_index=True), left, absent, recovered)
    if outcome.ok:
        for name, added in appended.items():
            if len(added):
                lines = _encode(added, KINDS[name])
                signature = encode_signature(lines, n=len(added), period=period, on=on, by=by, run=run)
                _write(ledger_file(home, client, name), lines + signature)
    return outcome


_NOTHING_REFUSED = pd.DataFrame({name: pd.Series(dtype="object") for name in ("kind", "key", "field", "old", "new")})


def _compared(new: pd.DataFrame, old: pd.DataFrame, kind: Kind) -> tuple[pd.DataFrame, pd.Series]:
    """Fields in which records differ from those accepted under the same key, and which of *new* were accepted before."""
    both = new.merge(old[list(kind.fields)], on=list(kind.key), how="left", suffixes=("", "_old"), indicator="_found")
    known = both["_found"] == "both"
    keys = pd.Series([" ".join(map(str, key)) for key in zip(*(new[name] for name in kind.key), strict=True)], dtype="str")
    differences = []
    for field in kind.compared:
        now, before = both[field], both[field + "_old"]
        differs = known & ~((now == before) | (now.isna() & before.isna()))
        told = {"kind": kind.name, "key": keys[differs], "field": field, "old": _shown(before[differs]),
                "new": _shown(now[differs])}  # fmt: skip
        differences.append(pd.DataFrame(told, columns=_NOTHING_REFUSED.columns, dtype="object"))
    together = pd.concat(differences).sort_index(kind="stable")  # field beside field of one record
    return together.reset_index(drop=True), known


def _shown(values: pd.Series) -> pd.Series:
    return values.astype("object").where(values.notna(), "nothing").map(lambda value: shorten(str(value), 80))


def _held(old: pd.DataFrame, new: pd.DataFrame, kind: Kind, period: Period) -> int:
    ours = old.loc[old["accepted_for"] == period.name, list(kind.key)]
    return len(ours.merge(new[list(kind.key)], on=list(kind.key)))


def _cause(new: pd.DataFrame, home: Path, client: str, period: Period) -> pd.Series:
    """Whether a customer was graded for an earlier period, as the ledger knows it on the day of the acceptance."""
    graded = accepted_values(home, client, "grades", "customer_id", before=period)
    again: pd.Series = compute.is_in(pa.array(new["customer_id"], pa.string()), value_set=graded).to_pandas()
    causes = again.map({True: "re-graded", False: "first grade"}).astype("str")
    # told facts that count, or no longer do, are a cause of their own
    return causes.where(~again.to_numpy() | new["cause"].isna().to_numpy(), new["cause"])


def _counted(values: pd.Series) -> str:
    return ", ".join(f"{n:,} {value}" for value, n in values.value_counts(sort=False).sort_index().items())


def _sound(given: pd.DataFrame, kind: Kind, period: Period) -> pd.DataFrame:
    """The records in the form and order of the ledger.

    Raises:
        WorkbookError: where fields are strange, or keys missing, double or of another period.
    """
    if strange := sorted(set(map(str, given.columns)) - set(kind.fields)):
        raise WorkbookError(f"{kind.name}: found the fields {', '.join(strange)}, expected of {', '.join(kind.fields)}")
    frame = given.reindex(columns=list(kind.fields))
    for name in kind.key:
        if frame[name].isna().any():
            raise WorkbookError(f"{kind.name}: found records without {name}, expected {', '.join(kind.key)} in each")
    for name in kind.dated:
        expected = period.name if name == "period" else period.end.isoformat()
        if len(others := frame.loc[frame[name].astype("str") != expected, name]):
            raise WorkbookError(f"{kind.name}: found {name} {others.iloc[0]}, expected {expected}, which is accepted")
    double = frame[frame.duplicated(list(kind.key))]
    if len(double):
        raise WorkbookError(
            f"{kind.name}: found {' '.join(map(str, double.iloc[0][list(kind.key)]))} more than once, expected each "
            f"{', '.join(kind.key)} once"
        )
    return frame.sort_values(list(kind.key), ignore_index=True)


def _encode(frame: pd.DataFrame, kind: Kind) -> bytes:
    """The lines of records.

    Raises:
        WorkbookError: for a number that JSON cannot hold.
    """
    columns = [_plain(frame[name], form) for name, form in kind.fields.items()]
    dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
    try:
        lines = [dump(dict(zip(kind.fields, row, strict=True))) for row in zip(*columns, strict=True)]
        return "".join(f"{line}\n" for line in lines).encode()
    except ValueError as fault:
        raise WorkbookError(f"{kind.name}: found a value that cannot be kept ({fault}), expected finite numbers") from None


def _plain(column: pd.Series, form: str) -> list[Any]:
    kinds = {"text": str, "number": float, "count": int}
    made: Callable[[Any], Any] = kinds[form]
    return [None if missing else made(value) for value, missing in zip(column.tolist(), column.isna().tolist(), strict=True)]


def _recover(path: Path) -> str:
    """Move aside what a crash left below the last signature; says what was done, nothing where there was nothing."""
    _, end = signatures(path)
    if not path.is_file() or path.stat().st_size == end:
        return ""
    with path.open("r+b") as file:
        file.seek(end)
        torn = file.read()
        aside = path.with_suffix(".torn")
        with aside.open("ab") as kept:
            kept.write(torn)
            kept.flush()
            os.fsync(kept.fileno())
        file.truncate(end)
        os.fsync(file.fileno())
    return (
        f"{path}: found {len(torn):,} bytes below the last signature, left by an acceptance that did not end; they were never "
        f"accepted and now stand in {aside.name}"
    )


def _write(path: Path, batch: bytes) -> None:
    """Add a signed batch, on the disk when this returns; a fault takes back what was written of it."""
    fresh = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        before = file.tell()
        try:
            file.write(batch)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            file.truncate(before)
            raise
    if fresh and os.name == "posix":  # the name of a new file is on the disk when its folder is
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@dataclass(frozen=True)
class _Results:
    """The published results of a period."""

    folder: Path
    manifest: Mapping[str, Any]
    period: Period

    def has(self, name: str) -> bool:
        """Whether the run published an artefact of that name."""
        return Store(self.folder / "tables").has(name)

    def read(self, name: str) -> Any:
        """An artefact as its run published it: frame, dict, or the reason why there is none.

        Raises:
            WorkbookError: where it is not there or was changed since.
        """
        store = Store(self.folder / "tables")
        for ending in ("parquet", "json"):
            path = self.folder / "tables" / f"{name}.{ending}"
            said = self.manifest.get("artefacts", {}).get(f"tables/{name}.{ending}")
            if path.is_file() and said and sha256(path) != said:
                raise WorkbookError(
                    f"{path}: found a file that was changed after the run, expected it as the run made it; run the period again"
                )
        found = store.read(name)
        return f"{name} could not be measured" if isinstance(found, NotMeasured) else found


def _grades(results: _Results) -> pd.DataFrame | str:
    scores = results.read("scores")
    if isinstance(scores, str):
        return scores
    graded: pd.DataFrame = scores[scores["tier"].notna()].reindex(columns=["customer_id", "tier", "score", "waiting", "held"])
    told = results.read("told_facts") if results.has("told_facts") else None
    if isinstance(told, pd.DataFrame):
        causes = {True: "re-graded on told facts", False: "re-graded, told facts gave way"}
        kept = told.groupby("customer_id")["state"].agg(lambda states: bool((states == "carried").any()))
        graded = graded.assign(cause=graded["customer_id"].map(kept.map(causes)))
    return graded.assign(period=results.period.name)


def _policies(results: _Results) -> pd.DataFrame | str:
    """The policy that the grades of the period were given by; accepted once, however many periods it serves."""
    if not results.has("grade_policy"):
        return "these results were made before grades had a policy"
    policy = results.read("grade_policy")
    if isinstance(policy, str):
        return policy
    content = json.dumps(policy, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    row = {"number": policy["number"], "since": policy["since"], "cause": policy["cause"], "content": content}
    return pd.DataFrame([row])


def _cards(results: _Results) -> pd.DataFrame | str:
    if not results.has("pilot_cards"):
        return "these results were made before pilots had cards"
    cards = results.read("pilot_cards")
    if isinstance(cards, str):
        return cards
    items: pd.DataFrame = cards[list(KINDS["cards"].fields)]
    return items


def _looks(results: _Results) -> pd.DataFrame | str:
    effects = results.read("pilot_effects")
    if isinstance(effects, str):
        return effects
    fields = [name for name in KINDS["looks"].fields if name != "looked_at"]
    # what a check kept back nobody has looked at
    shown: pd.DataFrame = effects[effects["effect"].notna()].reindex(columns=fields)
    return shown.assign(looked_at=results.period.end.isoformat())


def _decisions(results: _Results) -> pd.DataFrame | str:
    decided = results.read("decision")
    if isinstance(decided, str):
        return decided
    rows = [{**_facts(said, "decisions"), "pilot": pilot, "period": results.period.name} for pilot, said in decided.items()]
    return pd.DataFrame(rows, columns=list(KINDS["decisions"].fields))


def _lessons(results: _Results) -> pd.DataFrame | str:
    """What the pilots that ended in the period taught: the measure and its measured effect."""
    decided = results.read("decision")
    if isinstance(decided, str):
        return decided
    first, last = results.period.start.isoformat(), results.period.end.isoformat()
    ended = {
        pilot["id"]: pilot["measure"] for pilot in results.manifest["settings"]["pilots"] if first <= pilot["ends"] <= last
    }
    rows = [
        {**_facts(said, "lessons"), "id": f"{pilot}.{results.period.name}", "pilot": pilot, "measure": ended[pilot] or None}
        for pilot, said in decided.items()
        if pilot in ended and said["decision"] in _JUDGED and said.get("effect") is not None
    ]
    return pd.DataFrame(rows, columns=list(KINDS["lessons"].fields))


def _facts(said: Mapping[str, Any], kind: str) -> dict[str, Any]:
    reasons = {f"reason_{language}": words for language, words in said.get("reason", {}).items()}
    return {name: value for name, value in {**said, **reasons}.items() if name in KINDS[kind].fields}


_TAKEN: Mapping[str, Callable[[_Results], pd.DataFrame | str]] = {
    "grades": _grades, "policies": _policies, "cards": _cards, "looks": _looks, "decisions": _decisions, "lessons": _lessons,
}  # fmt: skip
"""What is taken from a run; events and appeals come from elsewhere."""
