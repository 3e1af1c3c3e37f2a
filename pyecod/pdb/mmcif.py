"""An mmCIF file as an entry with its chains."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pyecod.errors import BrokenInputError, IdError
from pyecod.ids import ChainKey, parse_pdb_id
from pyecod.pdb.chain import Chain, Entry, ModifiedResidue
from pyecod.pdb.ciffile import CifFile, read_cif
from pyecod.pdb.eligibility import why_not_classifiable
from pyecod.pdb.polymers import Polymer, read_polymers
from pyecod.pdb.residues import POLYMER_TYPES, guess_polymer_type, letters_of, one_letter
from pyecod.ranges import ResidueRange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyecod.settings import ChainSettings

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_entry(path: Path, pdb_id: str, settings: ChainSettings) -> Entry:
    """Entry ``pdb_id`` from its mmCIF file, plain or gzipped: one chain per author chain id, in the file's order.

    The sequence is SEQRES (``_pdbx_poly_seq_scheme``, which repeats ``_entity_poly_seq`` for each chain), never what
    happens to be observed; at a position with several components the first counts. Author numbers are those of
    ``_atom_site`` (``pdb_seq_num``), also for residues without coordinates. Observed is what has an atom in the first
    model. Peptides, nucleic acids and other polymers are chains with a ``cannot_classify`` reason. What is wrong with
    single chains is in ``problems``; an entry without polymers has no chains, and a problem that says so.

    Raises:
        IdError: ``pdb_id`` is not a PDB id.
        BrokenInputError: the file is unreadable, damaged, cut off, no mmCIF, or another entry's.
    """
    pdb_id = parse_pdb_id(pdb_id)
    file = read_cif(path, settings.max_file_mib << 20)
    try:
        _check_identity(file, pdb_id)
        _check_complete(file)
        problems: list[str] = []
        chains = _chains(file, pdb_id, settings, problems)
    except BrokenInputError as error:
        raise BrokenInputError(error.what, where=path, hint=error.hint or "fetch the file again") from None
    return Entry(
        pdb_id=pdb_id,
        chains=tuple(chains),
        title=file.text("_struct.title"),
        method="; ".join(row[0] for row in file.rows("exptl", "method")),
        resolution=_resolution(file),
        release_date=_release_date(file),
        source_sha256=file.sha256,
        problems=tuple(problems),
    )


def _check_identity(file: CifFile, pdb_id: str) -> None:
    """Every id the file gives itself must be the one asked for; a block name that is no PDB id says nothing."""
    stated = {"_entry.id": file.text("_entry.id"), "data block": file.block.name}
    known = {name: canonical for name, text in stated.items() if (canonical := _canonical(text))}
    if not known:
        raise BrokenInputError(f"the file does not say which entry it is (_entry.id {stated['_entry.id']!r})")
    for name, found in known.items():
        if found != pdb_id:
            raise BrokenInputError(
                f"holds entry {found} ({name}), not {pdb_id}", hint="the mirror has a misplaced file"
            )


def _canonical(text: str) -> str | None:
    try:
        return parse_pdb_id(text)
    except IdError:
        return None


def _check_complete(file: CifFile) -> None:
    """A file cut off between two categories is valid CIF; these are in every entry."""
    if not file.values("_entity.id"):
        raise BrokenInputError("there is no _entity category: the file is cut off or not an entry")
    # integrative models (PDB-IHM) may have spheres instead of atoms
    if file.atoms is None and not file.values("_ihm_sphere_obj_site.id"):
        raise BrokenInputError("there are no coordinates (_atom_site): the file is cut off or not an entry")


def _chains(file: CifFile, pdb_id: str, settings: ChainSettings, problems: list[str]) -> list[Chain]:
    polymers = read_polymers(file, problems)
    if not polymers and not problems:
        problems.append("the entry has no polymer")
    types = {row[0]: row[1] for row in file.rows("entity_poly", "entity_id", "type")}
    parents = _parents(file)
    builder = _ChainBuilder(pdb_id, types, parents, settings)
    chains: dict[ChainKey, Chain] = {}
    for polymer in polymers:
        try:
            chain = builder.chain(polymer)
        except BrokenInputError as error:
            problems.append(f"chain {polymer.author_id!r} (label {polymer.asym_id}): {error.what}")
            continue
        twin = chains.get(chain.key)
        if twin is None:
            chains[chain.key] = chain
            continue
        # wwPDB gives every polymer an author chain id of its own; where it is not so, the one to classify stays
        kept, left = sorted((twin, chain), key=lambda c: (c.cannot_classify is not None, -c.length))
        chains[chain.key] = kept
        problems.append(
            f"chain {polymer.author_id!r}: is also the id of the {left.polymer_type} chain with label "
            f"{left.label_asym_id} (entity {left.entity_id}, {left.length} residues), left out for {kept.label_asym_id}"
        )
    return list(chains.values())


def _parents(file: CifFile) -> dict[str, str]:
    """Parent component of each modified one, where the file names exactly one."""
    named = file.rows("pdbx_struct_mod_residue", "label_comp_id", "parent_comp_id")
    named += file.rows("chem_comp", "id", "mon_nstd_parent_comp_id")
    return {component: parent for component, parent in reversed(named) if parent and "," not in parent}


class _ChainBuilder:
    """Turns polymers into chains; copies of an entity share the work on its sequence."""

    def __init__(
        self, pdb_id: str, types: Mapping[str, str], parents: Mapping[str, str], settings: ChainSettings
    ) -> None:
        self._pdb_id = pdb_id
        self._types = types
        self._parents = parents
        self._settings = settings
        self._sequences: dict[tuple[str, ...], tuple[str, tuple[ModifiedResidue, ...]]] = {}

    def chain(self, polymer: Polymer) -> Chain:
        key = ChainKey.of_pdb(self._pdb_id, polymer.author_id)
        if polymer.components not in self._sequences:
            self._sequences[polymer.components] = self._sequence(polymer.components)
        sequence, modified = self._sequences[polymer.components]
        stated = self._types.get(polymer.entity_id, "")
        kind = POLYMER_TYPES.get(stated, "other") if stated else guess_polymer_type(polymer.components)
        observed = ResidueRange.of((label, label) for label in polymer.observed)
        if observed and observed.end > len(sequence):
            raise BrokenInputError(f"has atoms of residue {observed.end}, but SEQRES has {len(sequence)}")
        return Chain(
            key=key,
            sequence=sequence,
            entity_id=polymer.entity_id,
            label_asym_id=polymer.asym_id,
            polymer_type=kind,
            numbering=polymer.numbering,
            observed=observed,
            modified=modified,
            cannot_classify=why_not_classifiable(sequence, self._settings, kind),
        )

    def _sequence(self, components: tuple[str, ...]) -> tuple[str, tuple[ModifiedResidue, ...]]:
        letters = letters_of(components, self._parents)
        changed = {component for component in letters if not one_letter(component)[1]}
        modified = (
            tuple(ModifiedResidue(i, c, letters[c]) for i, c in enumerate(components, 1) if c in changed)
            if changed
            else ()
        )
        return "".join([letters[component] for component in components]), modified


def _resolution(file: CifFile) -> float | None:
    """Å: the best of the refinement's (several for joint X-ray and neutron), else of the EM reconstruction's."""
    for tag in ("_refine.ls_d_res_high", "_em_3d_reconstruction.resolution"):
        numbers = [number for value in file.values(tag) if (number := _positive(value)) is not None]
        if numbers:
            return min(numbers)
    return None


def _positive(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 < number < 1000 else None


def _release_date(file: CifFile) -> str:
    """``YYYY-MM-DD`` of the first revision; files before version 5 of the dictionary keep it in another category."""
    for tag in ("_pdbx_audit_revision_history.revision_date", "_database_PDB_rev.date"):
        days = [value for value in file.values(tag) if _DAY.fullmatch(value)]
        if days:
            return min(days)
    return ""
