"""Which chains can be classified; the others are recorded with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyecod.pdb.chain import CannotClassify

if TYPE_CHECKING:
    from pyecod.settings import ChainSettings

PROTEIN = "protein"
NUCLEIC_ACIDS = frozenset({"dna", "rna", "dna_rna_hybrid"})


def why_not_classifiable(sequence: str, settings: ChainSettings, polymer_type: str = PROTEIN) -> CannotClassify | None:
    """Reason why a chain is not searched, None for one that is.

    A protein chain shorter than ``settings.min_length`` residues is a peptide, one longer than
    ``settings.max_length`` is too long, one with no known residue has no sequence to search with.
    """
    if polymer_type in NUCLEIC_ACIDS:
        return CannotClassify.NUCLEIC_ACID
    if polymer_type != PROTEIN:
        return CannotClassify.NOT_PROTEIN
    if len(sequence) < settings.min_length:
        return CannotClassify.PEPTIDE
    if len(sequence) > settings.max_length:
        return CannotClassify.TOO_LONG
    if not sequence.strip("X"):
        return CannotClassify.UNKNOWN_SEQUENCE
    return None
