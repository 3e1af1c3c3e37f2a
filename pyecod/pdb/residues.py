"""Components of polymers as one-letter codes, modified residues as their parents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import gemmi

from pyecod.pdb.eligibility import PROTEIN

UNKNOWN = "X"

# _entity_poly.type of the PDBx dictionary; mirror-image (D) proteins have the sequence of their L form
POLYMER_TYPES = {
    "polypeptide(L)": PROTEIN,
    "polypeptide(D)": PROTEIN,
    "polydeoxyribonucleotide": "dna",
    "polyribonucleotide": "rna",
    "polydeoxyribonucleotide/polyribonucleotide hybrid": "dna_rna_hybrid",
    "peptide nucleic acid": "pna",
    "polysaccharide(D)": "polysaccharide",
    "polysaccharide(L)": "polysaccharide",
    "cyclic-pseudo-peptide": "cyclic_pseudo_peptide",
    "other": "other",
}


_TYPES = {name.lower(): kind for name, kind in POLYMER_TYPES.items()}


def polymer_type(stated: str) -> str:
    """Kind of polymer by ``_entity_poly.type``, in whichever case; ``other`` for one that is not in the dictionary, an
    empty text where nothing is stated."""
    return _TYPES.get(" ".join(stated.lower().split()), "other") if stated else ""


@lru_cache(maxsize=65_536)
def one_letter(component: str) -> tuple[str, bool]:
    """One-letter code of a component (of its parent, where it is a modified residue), and whether it is standard.

    From gemmi's table of the chemical component dictionary; ``("X", False)`` for what is not in it.
    """
    letter = gemmi.find_tabulated_residue(component).one_letter_code
    if not letter.isalpha():
        return UNKNOWN, False
    return letter.upper(), letter.isupper()


def canonical_letters(components: Sequence[str], letters: Mapping[str, str], canonical: str) -> list[str]:
    """One letter for each component, by ``letters``; what those do not know by the file's canonical sequence, where it
    has a letter for every component (a chromophore of three residues has three)."""
    known = [letters[component] for component in components]
    if UNKNOWN not in known or len(canonical) != len(components) or not (canonical.isascii() and canonical.isalpha()):
        return known
    return [other if letter == UNKNOWN else letter for letter, other in zip(known, canonical, strict=True)]


def letters_of(components: Iterable[str], parents: Mapping[str, str]) -> dict[str, str]:
    """Letter of each distinct component; ``parents`` (component to parent component) helps where the table does not."""
    letters = {}
    for component in set(components):
        letter, standard = one_letter(component)
        if letter == UNKNOWN and not standard and component in parents:
            letter = one_letter(parents[component])[0]
        letters[component] = letter
    return letters


def guess_polymer_type(components: Iterable[str]) -> str:
    """Polymer type by what most components are, for files that do not state it."""
    counts = {PROTEIN: 0, "dna": 0, "rna": 0, "other": 0}
    for component in components:
        residue = gemmi.find_tabulated_residue(component)
        if residue.is_amino_acid():
            counts[PROTEIN] += 1
        elif residue.is_nucleic_acid():
            counts["dna" if residue.kind == gemmi.ResidueKind.DNA else "rna"] += 1
        else:
            counts["other"] += 1
    return max(counts, key=lambda kind: counts[kind])
