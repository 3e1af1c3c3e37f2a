"""Simulated PDB entries as plans: polymers, copies, numbering, and the habits of real files."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count, product
from string import ascii_lowercase, ascii_uppercase, digits

from pyecod.pdb.chain import CannotClassify, Numbering
from pyecod.ranges import ResidueRange
from pyecod.simulate.chains import ProteinChain, with_prefix
from pyecod.simulate.numbering import prefixed

PROTEIN_TYPE = "polypeptide(L)"
_BASE36 = digits + ascii_lowercase
_COMPONENTS = "ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL UNK"
THREE_LETTERS = dict(zip("ARNDCQEGHILKMFPSTWYVX", _COMPONENTS.split(), strict=True))


class Quirk(StrEnum):
    """What makes an entry special. Every release shows all of them from as many entries on as there are quirks."""

    PLAIN = "plain"
    CASED_IDS = "chains A and a with different sequences"
    MODELS = "NMR ensemble"
    DNA = "double-stranded DNA"
    MODIFIED = "modified residues"
    INSERTIONS = "insertion codes"
    PEPTIDE = "peptide"
    LONG_IDS = "multi-letter chain ids"
    NEGATIVE = "negative residue numbers"
    EXTENDED_ID = "extended PDB id without a four-character form"
    RNA = "RNA"
    GAPS = "author numbers left out"
    NO_POLYMER = "no polymer"
    HETEROGENEITY = "two components at one position"
    NEAR_IDENTICAL = "two near-identical entities"
    UNKNOWN = "chain of unknown residues"
    PNA = "peptide nucleic acid"
    ASSEMBLY = "large symmetric assembly by cryo-EM"
    EXTENDED_LISTED = "listed under the extended form of a classic id"


@dataclass(frozen=True, slots=True)
class Copy:
    """One chain of an entity. ``observed`` are the SEQRES residues with coordinates."""

    author_id: str
    label_id: str
    numbering: Numbering
    observed: ResidueRange


@dataclass(frozen=True, slots=True)
class Polymer:
    """A polymer entity. ``components`` has one per SEQRES residue; ``alternatives`` a second one at some (1-based).

    ``protein`` holds sequence and truth of a protein that can be classified, else ``reason`` says why it cannot.
    """

    id: int
    description: str
    type: str
    components: tuple[str, ...]
    copies: tuple[Copy, ...]
    protein: ProteinChain | None = None
    reason: CannotClassify | None = None
    alternatives: tuple[tuple[int, str], ...] = ()
    letters: str = ""

    @property
    def sequence(self) -> str:
        """One-letter code, modified residues as their parents."""
        return self.protein.sequence if self.protein else self.letters


@dataclass(frozen=True, slots=True)
class EntryPlan:
    """Everything about an entry but its coordinates, which follow from the sequences."""

    pdb_id: str
    title: str
    method: str
    resolution: float | None
    revisions: tuple[datetime.date, ...]
    polymers: tuple[Polymer, ...]
    ligands: tuple[str, ...]
    models: int
    quirk: Quirk


def pdb_ids(first_digits: str, extended: bool = False) -> Iterator[str]:
    """Ids that look random but never repeat: ``9x4k``; extended ones have no four-character form."""
    for digit, number in product(first_digits, range(36**3)):
        scattered = (number * 17_321 + 4_099) % 36**3
        tail = "".join(_BASE36[scattered // 36**power % 36] for power in (2, 1, 0))
        yield f"pdb_1000{digit}{tail}" if extended else digit + tail


def author_ids(quirk: Quirk) -> Iterator[str]:
    """Author chain ids in the order depositors use them."""
    if quirk is Quirk.CASED_IDS:
        yield from (letter for pair in zip(ascii_uppercase, ascii_lowercase, strict=True) for letter in pair)
    elif quirk is Quirk.LONG_IDS:
        yield from (f"{a}{b}{c}" for c, a, b in product(("", "1", "2"), "UAV", "BbCD"))
    else:
        yield from ascii_uppercase + ascii_lowercase + digits
    yield from (f"{letter}{number}" for number in count(1) for letter in "XYZ")


def label_ids() -> Iterator[str]:
    """Label asym ids as wwPDB gives them: A to Z, AA, BA, CA, …"""
    for size in count(1):
        yield from ("".join(reversed(letters)) for letters in product(ascii_uppercase, repeat=size))


def revised(plan: EntryPlan, date: datetime.date) -> EntryPlan:
    """The entry after a revision that found two more residues at the start of its first protein."""
    polymers = list(plan.polymers)
    for place, polymer in enumerate(polymers):
        if polymer.protein is not None:
            polymers[place] = _lengthened(polymer, "GS")
            break
    return replace(plan, polymers=tuple(polymers), revisions=(*plan.revisions, date))


def _lengthened(polymer: Polymer, tag: str) -> Polymer:
    shift = len(tag)
    assert polymer.protein is not None
    return replace(
        polymer,
        components=(*(THREE_LETTERS[letter] for letter in tag), *polymer.components),
        copies=tuple(
            replace(
                copy,
                numbering=prefixed(copy.numbering, shift),
                observed=ResidueRange(tuple((a + shift, b + shift) for a, b in copy.observed.segments)),
            )
            for copy in polymer.copies
        ),
        protein=with_prefix(polymer.protein, tag),
        alternatives=tuple((at + shift, component) for at, component in polymer.alternatives),
    )
