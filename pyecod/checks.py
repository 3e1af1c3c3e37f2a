"""What a check found, each problem with its remedy: one line of the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor: ``remedy`` says what to do about a problem."""

    check: str
    state: Literal["ok", "note", "problem"]
    detail: str
    remedy: str = ""
