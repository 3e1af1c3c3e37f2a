"""Depositors: they turn proteins into entries, with copies, partners and peculiarities."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from itertools import islice

from numpy.random import Generator

from pyecod.pdb.chain import CannotClassify
from pyecod.simulate.architectures import Proteome, deposited_chain, near_identical
from pyecod.simulate.chains import ProteinChain
from pyecod.simulate.entries import (
    PROTEIN_TYPE,
    THREE_LETTERS,
    Copy,
    EntryPlan,
    Polymer,
    Quirk,
    author_ids,
    label_ids,
    pdb_ids,
)
from pyecod.simulate.evolution import random_letters
from pyecod.simulate.numbering import Style, number_residues, observed_residues

# component, its parent's letter, share of the parent's residues that carry it in an entry with modified residues;
# A1SIM is in no dictionary: only the file itself names its parent
MODIFICATIONS = (
    ("MSE", "M", 1.0),
    ("SEP", "S", 0.08),
    ("TPO", "T", 0.05),
    ("PTR", "Y", 0.1),
    ("CSO", "C", 0.2),
    ("MLY", "K", 0.08),
    ("A1SIM", "L", 0.03),
)
_PNA = {"A": "APN", "C": "CPN", "G": "GPN", "T": "TPN"}
_LIGANDS = ("ZN", "MG", "ATP", "SO4", "GOL", "NAG")
_COPIES = ((1, 2, 3, 4, 6), (0.34, 0.34, 0.08, 0.16, 0.08))
_REUSE = 0.3  # of the proteins in an entry that were deposited before
_PROTEINS = ((1, 2, 3), (0.55, 0.33, 0.12))
_STYLES = {
    Quirk.INSERTIONS: Style.INSERTIONS,
    Quirk.NEGATIVE: Style.NEGATIVE,
    Quirk.GAPS: Style.GAPS,
}


class Depositors:
    """Makes one entry after the other from a proteome; every call continues where the last one stopped."""

    def __init__(self, proteome: Proteome, divergence: float, copies: float) -> None:
        self._proteome = proteome
        self._divergence = divergence
        self._copies = copies
        self._deposited: list[ProteinChain] = []
        self._new = 0
        self._ids = pdb_ids("98")
        self._extended_ids = pdb_ids("98", extended=True)

    def entry(self, quirk: Quirk, date: datetime.date, rng: Generator) -> EntryPlan:
        """A new entry with the given peculiarity."""
        pdb_id = next(self._extended_ids if quirk is Quirk.EXTENDED_ID else self._ids)
        authors, labels = author_ids(quirk), label_ids()
        polymers: list[Polymer] = []
        if quirk is not Quirk.NO_POLYMER:
            for protein in self._proteins(quirk, rng):
                copies = self._copy_count(quirk, rng)
                polymers.append(_protein(len(polymers) + 1, protein, copies, quirk, authors, labels, rng))
            partner = _partner(len(polymers) + 1, quirk, authors, labels, rng)
            polymers.extend([partner] if partner else [])
        method, resolution, models = _method(quirk, rng)
        ligands = tuple(str(name) for name in rng.choice(_LIGANDS, int(rng.integers(1, 3)), replace=False))
        return EntryPlan(
            pdb_id=pdb_id,
            title=_title(polymers, quirk),
            method=method,
            resolution=resolution,
            revisions=(date,),
            polymers=tuple(polymers),
            ligands=ligands,
            models=models,
            quirk=quirk,
        )

    def _proteins(self, quirk: Quirk, rng: Generator) -> list[ProteinChain]:
        if quirk in (Quirk.NEAR_IDENTICAL, Quirk.CASED_IDS):
            first = self._protein(rng)
            return [first, near_identical(first, rng) if quirk is Quirk.NEAR_IDENTICAL else self._fresh(rng)]
        number = 1 if quirk is Quirk.MODELS else int(rng.choice(_PROTEINS[0], p=_PROTEINS[1]))
        return [self._protein(rng) for _ in range(number)]

    def _protein(self, rng: Generator) -> ProteinChain:
        if self._deposited and rng.random() < _REUSE:
            return self._deposited[int(rng.integers(len(self._deposited)))]
        return self._fresh(rng)

    def _fresh(self, rng: Generator) -> ProteinChain:
        protein = deposited_chain(self._proteome, self._new, self._divergence, rng)
        self._new += 1
        self._deposited.append(protein)
        return protein

    def _copy_count(self, quirk: Quirk, rng: Generator) -> int:
        if quirk is Quirk.MODELS:
            return 1
        if quirk is Quirk.ASSEMBLY:
            return int(rng.integers(5, 9))
        return max(1, round(int(rng.choice(_COPIES[0], p=_COPIES[1])) * self._copies))


def _protein(
    entity: int,
    protein: ProteinChain,
    copies: int,
    quirk: Quirk,
    authors: Iterator[str],
    labels: Iterator[str],
    rng: Generator,
) -> Polymer:
    length = len(protein.sequence)
    style = _STYLES.get(quirk) or (Style.OFFSET if rng.random() < 0.4 else Style.PLAIN)
    numbering = number_residues(length, style, rng)
    if quirk is Quirk.CASED_IDS:
        copies = 1  # so that A and a are of different entities
    alternatives: tuple[tuple[int, str], ...] = ()
    if quirk is Quirk.HETEROGENEITY:
        at = int(rng.integers(1, length))
        alternatives = ((at, "SER" if protein.sequence[at - 1] != "S" else "ALA"),)
    return Polymer(
        entity,
        f"Simulated protein, {protein.architecture}",
        PROTEIN_TYPE,
        _components(protein.sequence, quirk is Quirk.MODIFIED, rng),
        tuple(
            Copy(author, label, numbering, observed_residues(length, protein.n_tag, protein.c_tag, rng))
            for author, label in islice(zip(authors, labels, strict=False), copies)
        ),
        protein=protein,
        alternatives=alternatives,
    )


def _components(sequence: str, modified: bool, rng: Generator) -> tuple[str, ...]:
    components = [THREE_LETTERS[letter] for letter in sequence]
    if modified:
        for component, parent, share in MODIFICATIONS:
            sites = [i for i, letter in enumerate(sequence) if letter == parent]
            wanted = min(len(sites), max(1, round(share * len(sites))))
            for i in rng.choice(sites, wanted, replace=False) if wanted else ():
                components[i] = component
    return tuple(components)


def _partner(
    entity: int, quirk: Quirk, authors: Iterator[str], labels: Iterator[str], rng: Generator
) -> Polymer | None:
    """The polymer in the entry that cannot be classified, if its peculiarity is one."""
    copies, letters, reason = 1, "", CannotClassify.NUCLEIC_ACID
    if quirk is Quirk.DNA:
        kind, description, copies = "polydeoxyribonucleotide", "DNA", 2
        half = "".join(rng.choice(list("ACGT"), int(rng.integers(6, 12))))
        letters = half + half[::-1].translate(str.maketrans("ACGT", "TGCA"))  # its own complement
        components = [f"D{letter}" for letter in letters]
    elif quirk is Quirk.RNA:
        kind, description = "polyribonucleotide", "RNA"
        letters = "".join(rng.choice(list("ACGU"), int(rng.integers(20, 70))))
        components = list(letters)
    elif quirk is Quirk.PNA:
        kind, description, reason = "peptide nucleic acid", "PNA", CannotClassify.NOT_PROTEIN
        letters = "".join(rng.choice(list("ACGT"), 10))
        components = [_PNA[letter] for letter in letters]
    elif quirk is Quirk.PEPTIDE:
        kind, description, reason = PROTEIN_TYPE, "Simulated peptide", CannotClassify.PEPTIDE
        letters = random_letters(int(rng.integers(5, 20)), rng)
        components = [THREE_LETTERS[letter] for letter in letters]
    elif quirk is Quirk.UNKNOWN:
        kind, description, reason = PROTEIN_TYPE, "Unknown residues", CannotClassify.UNKNOWN_SEQUENCE
        letters = "X" * int(rng.integers(25, 60))
        components = [THREE_LETTERS[letter] for letter in letters]
    else:
        return None
    numbering = number_residues(len(letters), Style.PLAIN, rng)
    seen = observed_residues(len(letters), 0, 0, rng)
    found = tuple(Copy(a, b, numbering, seen) for a, b in islice(zip(authors, labels, strict=False), copies))
    return Polymer(entity, description, kind, tuple(components), found, reason=reason, letters=letters)


def _method(quirk: Quirk, rng: Generator) -> tuple[str, float | None, int]:
    if quirk is Quirk.MODELS:
        return "SOLUTION NMR", None, int(rng.integers(3, 11))
    if quirk is Quirk.ASSEMBLY or rng.random() < 0.3:
        return "ELECTRON MICROSCOPY", round(float(rng.uniform(2.0, 4.5)), 2), 1
    return "X-RAY DIFFRACTION", round(float(rng.uniform(1.1, 3.4)), 2), 1


def _title(polymers: list[Polymer], quirk: Quirk) -> str:
    first = polymers[0].description if polymers else "Ligands alone"
    return f"{first}; an entry with {quirk}" if quirk is not Quirk.PLAIN else f"{first}; the authors' favourite"
