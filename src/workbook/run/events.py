"""What a run tells while it works: one event a step, as a line for people or as JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

Kind = Literal["begun", "prepared", "stage", "reused", "report", "published", "up_to_date", "failed", "waiting"]


@dataclass(frozen=True)
class Event:
    """One step of a run.

    Attributes:
        kind: what happened.
        client, period: whose run.
        stage: the stage it is about, where it is about one.
        seconds: how long the step took, where it took time.
        words: what else there is to say: the path of a report, the message of a failure.
    """

    kind: Kind
    client: str
    period: str
    stage: str = ""
    seconds: float | None = None
    words: str = ""

    def line(self) -> str:
        """The event as one line for people.

        >>> Event("stage", "demo", "2025Q4", "1_goals", 1.24).line()
        'demo 2025Q4  1_goals          1.2 s'
        """
        subject = self.stage or self.kind.replace("_", " ")
        if self.kind == "reused":
            subject += "  as before"
        time = "" if self.seconds is None else f"  {self.seconds:5.1f} s"
        return f"{self.client} {self.period}  {subject:<13}{time}{'  ' + self.words if self.words else ''}"

    def as_json(self) -> str:
        """The event as one line of JSON."""
        return json.dumps({name: value for name, value in asdict(self).items() if value not in ("", None)}, ensure_ascii=False)
