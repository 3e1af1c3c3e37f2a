"""What the partitioner asks of a reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from pyecod.reference.groups import Level

Codes = NDArray[np.int32]
Shares = NDArray[np.float64]
Masks = NDArray[np.bool_]


class ClassifiedDomain(Protocol):
    """A reference domain: its id, and the groups it is in; None where it is not classified that deep."""

    @property
    def id(self) -> str:
        """``e1suaA1``."""

    @property
    def t_group(self) -> str | None:
        """``1.1.1``."""

    @property
    def h_group(self) -> str | None:
        """``1.1``."""

    @property
    def x_group(self) -> str | None:
        """``1``."""


class ReferenceLookup(Protocol):
    """Domains and chains by row, groups by code; :class:`~pyecod.reference.Reference` is one.

    The arrays have one value per domain: its length in residues, and the codes of its groups, -1 where it has none.
    """

    @property
    def version(self) -> str:
        """Name of the reference."""

    @property
    def length(self) -> Codes:
        """Residues of each domain."""

    @property
    def t(self) -> Codes:
        """T-group of each domain."""

    @property
    def h(self) -> Codes:
        """H-group of each domain."""

    @property
    def f(self) -> Codes:
        """F-group of each domain."""

    @property
    def family_share(self) -> Shares:
        """Of the domains that carry an F-group's name, the share filed in its H-group; by the F-group's code."""

    @property
    def masked(self) -> Masks | None:
        """Domains that count for nothing, which are in no group here; None where all count."""

    def rows(self, ids: Sequence[str], /) -> Codes:
        """Row of each domain id, -1 where unknown."""

    def chains(self, keys: Sequence[str], /) -> Codes:
        """Row of each chain key, -1 where unknown."""

    def chain_segments(self, rows: Codes, /) -> Codes:
        """The domain segments on chains, four columns: place in ``rows``, domain row, first and last residue (SEQRES,
        1-based), sorted by place, then along the chain; none for the row -1."""

    def domain_at(self, row: int, /) -> ClassifiedDomain:
        """The domain of a row."""

    def beyond_family(self, row: int, size: int, /) -> Literal["merged", "repeat"] | None:
        """Whether ``size`` residues are too long for the family of a row's domain, and what that speaks for."""

    def group_id(self, level: Level, code: int, /) -> str:
        """Id of the group with this code."""

    def group_names(self, group: str, /) -> Mapping[str, str]:
        """Names of an F- or T-group and of those above it, by level."""
