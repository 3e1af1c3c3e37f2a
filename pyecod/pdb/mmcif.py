"""An mmCIF file as an entry with its chains."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from pyecod.errors import BrokenInputError, IdError
from pyecod.ids import ChainKey, parse_pdb_id
from pyecod.pdb.chain import Chain, Entry, ModifiedResidue
from pyecod.pdb.ciffile import CifFile, read_cif
from pyecod.pdb.eligibility import PROTEIN, why_not_classifiable
from pyecod.pdb.polymers import Polymer, is_deposited, read_polymers
from pyecod.pdb.residues import canonical_letters, guess_polymer_type, letters_of, one_letter
from pyecod.ranges import ResidueRange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyecod.settings import ChainSettings

_VERSION = re.compile(r"([0-9]{1,3})\.")
_WITH_HISTORY = 5  # first version of the dictionary whose files all have a revision history
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_entry(path: Path, pdb_id: str, settings: ChainSettings) -> Entry:
    """Entry ``pdb_id`` from its mmCIF file, plain or gzipped: one chain for every polymer the file names, in its order.

    The sequence is SEQRES (``_entity_poly_seq``, which ``_pdbx_poly_seq_scheme`` repeats for each chain; or the
    one-letter codes of ``_entity_poly``), never what happens to be observed; at a position with several components the
    first counts. Author numbers are those of ``_atom_site`` (``pdb_seq_num``), also for residues without coordinates.
    Observed is what has an atom in the first model. Peptides, nucleic acids and other polymers are chains with a
    ``cannot_classify`` reason, proteins that cannot be used have a ``failure``. An entry without polymers has no
    chains, and a note in ``problems`` that says so.

    Raises:
        IdError: ``pdb_id`` is not a PDB id.
        BrokenInputError: the file is unreadable, damaged, cut off, no mmCIF, or another entry's.
    """
    pdb_id = parse_pdb_id(pdb_id)
    file = read_cif(path, settings.max_file_mib << 20)
    try:
        _check_identity(file, pdb_id)
        _check_complete(file)
        notes = list(file.notes)
        chains = _chains(file, pdb_id, settings, notes)
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
        problems=tuple(notes),
    )


def _check_identity(file: CifFile, pdb_id: str) -> None:
    """Every id the file gives itself must be the one asked for; a block name that is no PDB id says nothing."""
    stated = {"_entry.id": file.text("_entry.id"), "data block": file.block.name}
    known = {name: canonical for name, text in stated.items() if (canonical := _canonical(text))}
    if not known:
        raise BrokenInputError(
            f"the file does not say which entry of the PDB it is (_entry.id {stated['_entry.id']!r})",
            hint="a mirror holds entries of the PDB; a model of your own is for `pyecod classify`",
        )
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
    # the newer of the two orders of the PDB's files has it behind the sequences, so it shows that the rest is there
    version = _VERSION.match(file.text("_audit_conform.dict_version"))
    dated = file.values("_pdbx_audit_revision_history.revision_date")
    if is_deposited(file) and version and int(version[1]) >= _WITH_HISTORY and not dated:
        raise BrokenInputError("there is no revision history (_pdbx_audit_revision_history): the file is cut off")


def _chains(file: CifFile, pdb_id: str, settings: ChainSettings, notes: list[str]) -> list[Chain]:
    polymers = read_polymers(file, notes)
    if not polymers:
        notes.append("the entry has no polymer")
    shared = Counter(polymer.author_id for polymer in polymers)
    builder = _ChainBuilder(_parents(file), settings)
    return [builder.chain(_key(pdb_id, polymer, shared[polymer.author_id] > 1), polymer) for polymer in polymers]


def _key(pdb_id: str, polymer: Polymer, is_shared: bool) -> ChainKey:
    """wwPDB gives every polymer an author id of its own; where it is not so, the label id tells them apart."""
    label = polymer.asym_id or f"entity-{polymer.entity.id}"
    return ChainKey.of_author(pdb_id, polymer.author_id, label if is_shared else "")


def _parents(file: CifFile) -> dict[str, str]:
    """Parent component of each modified one, where the file names exactly one."""
    named = file.rows("pdbx_struct_mod_residue", "label_comp_id", "parent_comp_id")
    named += file.rows("chem_comp", "id", "mon_nstd_parent_comp_id")
    return {component: parent for component, parent in reversed(named) if parent and "," not in parent}


class _ChainBuilder:
    """Turns polymers into chains; copies of an entity share the work on its sequence."""

    def __init__(self, parents: Mapping[str, str], settings: ChainSettings) -> None:
        self._parents = parents
        self._settings = settings
        self._sequences: dict[tuple[tuple[str, ...], str], tuple[str, tuple[ModifiedResidue, ...]]] = {}

    def chain(self, key: ChainKey, polymer: Polymer) -> Chain:
        entity = polymer.entity
        components = polymer.components or entity.components
        kind = entity.polymer_type or guess_polymer_type(components)
        about = (components, entity.canonical)
        if about not in self._sequences:
            self._sequences[about] = self._sequence(*about)
        sequence, modified = self._sequences[about]
        reason = why_not_classifiable(sequence, self._settings, kind)
        if polymer.failure is not None and kind == PROTEIN:
            reason = None  # what would be searched is not known
        return Chain(
            key=key,
            sequence=sequence,
            entity_id=entity.id,
            label_asym_id=polymer.asym_id,
            polymer_type=kind,
            numbering=polymer.numbering,
            observed=ResidueRange.of((label, label) for label in polymer.observed),
            modified=modified,
            cannot_classify=reason,
            failure=polymer.failure if reason is None else None,
        )

    def _sequence(self, components: tuple[str, ...], canonical: str) -> tuple[str, tuple[ModifiedResidue, ...]]:
        letters = canonical_letters(components, letters_of(components, self._parents), canonical)
        changed = {component for component in set(components) if not one_letter(component)[1]}
        modified = tuple(
            ModifiedResidue(label, component, letter)
            for label, (component, letter) in enumerate(zip(components, letters, strict=True), 1)
            if component in changed
        )
        return "".join(letters), modified


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
