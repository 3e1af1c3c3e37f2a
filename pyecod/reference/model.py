"""What a reference knows of a domain and of a chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pyecod.ranges import ResidueRange


@dataclass(frozen=True, slots=True)
class ReferenceDomain:
    """A classified domain.

    ``range`` is in SEQRES numbering of the chain ``chain_key``, empty where the list gives none or the domain spans
    several chains (``chain_key`` is empty then, and where the domain is of no chain). ``pdb_range`` is the author's
    numbering as the list has it. ``length`` counts residues. Groups are None where the domain is not classified that
    deep. ``names`` maps ``x``, ``h``, ``t`` and ``f`` to the groups' names.
    """

    id: str
    uid: str
    chain_key: str
    range: ResidueRange
    pdb_range: str
    length: int
    f_group: str | None
    t_group: str | None
    h_group: str | None
    x_group: str | None
    names: Mapping[str, str] = field(default_factory=dict)
    is_representative: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ChainDomains:
    """The domains of a reference chain that have a range, by first residue: their rows and SEQRES ranges.

    ``length`` is that of the chain in residues, None where the reference has no sequence of it.
    """

    chain_key: str
    rows: NDArray[np.int32]
    ranges: tuple[ResidueRange, ...]
    length: int | None
