"""The library of measures (S1): what is done against which problem, by whom, in how many working days.

The files ``templates/measures/*.yaml`` are the consultant's to change and extend; a measure's ``checks`` name the checks of
stage 3 that it answers, a ``*`` standing for any ending.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from workbook.errors import SettingsError, WorkbookError
from workbook.places import templates_folder
from workbook.settings.models import Identifier
from workbook.settings.models import Measures as MeasureSettings

Bilingual = Mapping[str, str]


class Measure(BaseModel):
    """One measure of the library."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Identifier = Field(description="Short name of the measure.")
    name: Bilingual = Field(description="Name in each language.")
    checks: list[str] = Field(min_length=1, description="Checks of stage 3 that it answers; * for any ending.")
    owner: Bilingual = Field(description="Role that answers for it.")
    days: Annotated[int, Field(ge=1)] = Field(description="Limit in working days.")
    deliverable: Bilingual = Field(description="What stands at its end.")
    expected: Bilingual = Field(description="Expected effect in words; a size is only ever measured by a pilot.")
    steps: list[Bilingual] = Field(default_factory=list, description="What is done, in order.")

    def answers(self, check: str) -> bool:
        """Whether the measure is made for a check."""
        return any(fnmatchcase(check, pattern) for pattern in self.checks)


def read_measures(folder: Path | None = None) -> tuple[Measure, ...]:
    """All measures of the library, in the order of files and lines.

    Args:
        folder: where the YAML files lie; the library of the product by default.

    Raises:
        SettingsError: naming every file and measure that cannot be read, and each id that stands twice.
    """
    measures: list[Measure] = []
    faults: list[str] = []
    for path in sorted((folder or templates_folder() / "measures").glob("*.yaml")):
        try:
            listed = YAML(typ="safe").load(path.read_text("utf-8")) or []
        except (YAMLError, UnicodeDecodeError) as error:
            faults.append(f"{path.name}: this is not YAML that can be read: {error}")
            continue
        if not isinstance(listed, list):
            faults.append(f"{path.name}: found one {type(listed).__name__}, expected a list of measures, each begun by a dash")
            continue
        for place, entry in enumerate(listed, start=1):
            try:
                measures.append(Measure.model_validate(entry))
            except ValidationError as error:
                faults += [f"{path.name}: measure {place}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
    ids = [measure.id for measure in measures]
    faults += [f"measure {id!r} stands twice in the library" for id in sorted({i for i in ids if ids.count(i) > 1})]
    if faults:
        raise SettingsError(faults)
    return tuple(measures)


def measure_for(check: str, library: Iterable[Measure]) -> Measure:
    """The first measure of the library that answers a check.

    Raises:
        WorkbookError: where there is none.
    """
    for measure in library:
        if measure.answers(check):
            return measure
    raise WorkbookError(
        f"templates/measures: no measure answers the check {check!r}; add one whose checks name it, for instance "
        f"checks: [{check}]"
    )


def adjusted(library: Iterable[Measure], settings: MeasureSettings) -> tuple[Measure, ...]:
    """The library with the client's own owners and limits (``measures.owners``, ``measures.days``).

    Raises:
        SettingsError: for an owner or limit of a measure that the library does not hold.
    """
    listed = tuple(library)
    known = [measure.id for measure in listed]
    faults = []
    for section, keys in (("owners", settings.owners), ("days", settings.days)):
        for key in keys:
            if key not in known:
                near = get_close_matches(key, known, 1)
                hint = f"; the nearest is {near[0]}" if near else ""
                faults.append(f"measures.{section}: found {key!r}, expected one of {', '.join(sorted(known))}{hint}")
    if faults:
        raise SettingsError(faults)

    def changed(measure: Measure) -> Measure:
        update: dict[str, object] = {}
        if measure.id in settings.owners:
            owner = settings.owners[measure.id]
            update["owner"] = dict.fromkeys(measure.owner, owner) if isinstance(owner, str) else owner
        if measure.id in settings.days:
            update["days"] = settings.days[measure.id]
        return measure.model_copy(update=update)

    return tuple(changed(measure) for measure in listed)
