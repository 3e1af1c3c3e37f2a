"""Polymer chains of an mmCIF file: components, author numbers and observed residues along SEQRES."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from pyecod.errors import BrokenInputError
from pyecod.pdb.chain import Numbering, NumberingRun
from pyecod.pdb.ciffile import NULL, CifFile, known, unquoted
from pyecod.pdb.sequences import PolymerEntity, positions_of, read_entities

_SCHEME = ("asym_id", "entity_id", "seq_id", "mon_id", "pdb_seq_num")
_NUMBER = re.compile(r"([+-]?[0-9]{1,9})([A-Za-z]?)", re.ASCII)
UNKNOWN_AUTHOR = "?"
NOT_NUMBERED = Numbering(())


@dataclass(frozen=True, slots=True)
class Polymer:
    """One polymer chain: ``observed`` are the SEQRES numbers with atoms in the first model. ``components`` are its
    entity's. ``author_id`` is ``?`` where no table has it. ``failure`` says why it cannot be used: then the rest is as
    far as known."""

    asym_id: str
    author_id: str
    entity: PolymerEntity
    components: tuple[str, ...] = ()
    numbering: Numbering = NOT_NUMBERED
    observed: tuple[int, ...] = ()
    failure: str | None = None


@dataclass(slots=True)
class _Atoms:
    """What the atom table says of one label chain in the first model. ``residues`` maps a SEQRES number to author
    number and insertion code (nothing where they were not asked for)."""

    author: str = ""
    entity: str = ""
    residues: dict[int, tuple[str, ...]] = field(default_factory=dict)


def read_polymers(file: CifFile, notes: list[str]) -> list[Polymer]:
    """Every polymer that any table of the file names, in its order; what is wrong with one is its ``failure``.

    Without ``_pdbx_poly_seq_scheme`` (files that are not from the PDB) the sequence is the entity's and only observed
    residues have author numbers; ``notes`` then says so.

    Raises:
        BrokenInputError: the file has polymers but no SEQRES, is cut off before the scheme, or has a table that cannot
            be what it should be.
    """
    entities = read_entities(file)
    has_scheme = bool(file.values("_pdbx_poly_seq_scheme.seq_id"))
    if not entities and not has_scheme:
        return []
    if has_scheme:
        polymers = _from_scheme(file, entities)
    elif any(entity.components for entity in entities.values()):
        polymers = _from_atoms(file, entities)
        notes.append("no _pdbx_poly_seq_scheme: only residues with coordinates have author numbers")
    else:
        raise BrokenInputError("has polymers, but no table of their residues (SEQRES)")
    for entity in entities.values():
        polymers += _without_rows(entity, [p for p in polymers if p.entity.id == entity.id], has_scheme)
    return polymers


def _from_scheme(file: CifFile, entities: Mapping[str, PolymerEntity]) -> list[Polymer]:
    columns = [file.values(f"_pdbx_poly_seq_scheme.{tag}") for tag in _SCHEME]
    for optional in ("pdb_strand_id", "pdb_ins_code"):
        columns.append(file.values(f"_pdbx_poly_seq_scheme.{optional}") or ["?"] * len(columns[0]))
    if len({len(column) for column in columns}) != 1:
        raise BrokenInputError("_pdbx_poly_seq_scheme lacks a column it must have")
    atoms = _atoms(file, numbers=False)
    rows: dict[str, list[int]] = {}
    for i, asym in enumerate(columns[0]):
        rows.setdefault(asym, []).append(i)
    polymers = []
    for asym, places in rows.items():
        of_chain = [[column[i] for i in places] for column in columns[1:]]
        polymers.append(_scheme_chain(asym, of_chain, entities, atoms.pop(asym, _Atoms())))
    for asym, entity in _polymer_asyms(file, entities, atoms).items():
        if asym not in rows:
            author = atoms[asym].author if asym in atoms else ""
            failure = "_pdbx_poly_seq_scheme has no rows for it"
            polymers.append(Polymer(asym, author or UNKNOWN_AUTHOR, entity, failure=failure))
    return polymers


def _scheme_chain(asym: str, columns: list[list[str]], entities: Mapping[str, PolymerEntity], atoms: _Atoms) -> Polymer:
    of_entity, labels, components, numbers, authors, codes = columns
    entity = entities.get(of_entity[0], PolymerEntity(of_entity[0]))
    stated = [author for author in dict.fromkeys(authors) if author not in NULL]
    author = stated[0] if stated else atoms.author or UNKNOWN_AUTHOR
    try:
        if entity.failure:
            raise BrokenInputError(entity.failure)
        if len(stated) > 1:
            raise BrokenInputError(f"its author chain id changes from {stated[0]!r} to {stated[1]!r} on the way")
        if atoms.author and atoms.author != author:
            raise BrokenInputError(f"its author chain id is {author!r} in the scheme, {atoms.author!r} in the atoms")
        if len(set(of_entity)) > 1:
            raise BrokenInputError(f"belongs to two entities, {of_entity[0]} and {next(e for e in of_entity[1:])}")
        positions = positions_of(labels)
        first = [position.rows[0] for position in positions]
        own = tuple(components[i] for i in first)
        if entity.components:
            if own != entity.components or len(first) < len(labels):
                _compare(entity, [{components[i] for i in position.rows} for position in positions])
            own = entity.components
        numbering = _numbering(range(1, len(own) + 1), [numbers[i] for i in first], [codes[i] for i in first])
        return Polymer(asym, author, entity, own, numbering, _observed(atoms, own))
    except BrokenInputError as error:
        return Polymer(asym, author, entity, failure=error.what)


def _compare(entity: PolymerEntity, found: Sequence[set[str]]) -> None:
    """Raises where a chain has other residues than its entity; the order of alternatives does not matter."""
    if len(found) != len(entity.components):
        raise BrokenInputError(
            f"has {len(found)} residues in _pdbx_poly_seq_scheme, but {len(entity.components)} in its entity's sequence"
        )
    for label, components in enumerate(found, 1):
        if not entity.allows(label, components):
            raise BrokenInputError(
                f"its sequence differs between _pdbx_poly_seq_scheme ({'/'.join(sorted(components))}) and its entity's "
                f"({entity.components[label - 1]}) at residue {label}"
            )


def _observed(atoms: _Atoms, components: Sequence[str]) -> tuple[int, ...]:
    labels = sorted(atoms.residues)
    if labels and labels[-1] > len(components):
        raise BrokenInputError(f"has atoms of residue {labels[-1]}, but SEQRES has {len(components)}")
    return tuple(labels)


def _from_atoms(file: CifFile, entities: Mapping[str, PolymerEntity]) -> list[Polymer]:
    if is_deposited(file):
        raise BrokenInputError("the file is cut off: an entry of the PDB has _pdbx_poly_seq_scheme")
    atoms = _atoms(file, numbers=True)
    asyms = _polymer_asyms(file, entities, atoms)
    authors = _authors(asyms, atoms)
    is_released = bool(file.values("_pdbx_audit_revision_history.revision_date"))
    polymers = []
    for asym, entity in asyms.items():
        residues = atoms.get(asym, _Atoms())
        labels = sorted(residues.residues)
        if is_released and 0 < len(labels) < len(entity.components):
            raise BrokenInputError(
                f"the file is cut off: chain {authors[asym]!r} has residues without coordinates, and their author "
                "numbers are nowhere (_pdbx_poly_seq_scheme, which every released entry has)"
            )
        try:
            if entity.failure or not entity.components:
                raise BrokenInputError(entity.failure or "no table has its residues (SEQRES)")
            observed = _observed(residues, entity.components)
            values = [residues.residues[label] for label in labels]
            numbering = _numbering(labels, [value[0] for value in values], [value[1] for value in values])
            polymers.append(Polymer(asym, authors[asym], entity, entity.components, numbering, observed))
        except BrokenInputError as error:
            polymers.append(Polymer(asym, authors[asym], entity, failure=error.what))
    return polymers


def is_deposited(file: CifFile) -> bool:
    """Categories only the PDB's own files have."""
    return bool(file.values("_pdbx_database_status.entry_id") or file.values("_database_2.database_id"))


def _polymer_asyms(
    file: CifFile, entities: Mapping[str, PolymerEntity], atoms: Mapping[str, _Atoms]
) -> dict[str, PolymerEntity]:
    """Label chains of polymers: those of ``_struct_asym``, and those that only the atoms name."""
    asyms = {
        asym: entities[entity] for asym, entity in file.rows("struct_asym", "id", "entity_id") if entity in entities
    }
    for asym, residues in atoms.items():
        if asym not in asyms:
            asyms[asym] = entities.get(residues.entity) or PolymerEntity(
                residues.entity, failure="the atoms of its residues belong to no polymer entity of the file"
            )
    return asyms


def _authors(asyms: Mapping[str, PolymerEntity], atoms: Mapping[str, _Atoms]) -> dict[str, str]:
    """Author ids: those of the atoms; without coordinates those the entity names and no other chain has."""
    authors = {asym: atoms[asym].author if asym in atoms else "" for asym in asyms}
    for entity in {entity.id: entity for entity in asyms.values()}.values():
        own = [asym for asym, of in asyms.items() if of.id == entity.id]
        open_ = [asym for asym in own if not authors[asym]]
        left = [strand for strand in entity.strands if strand not in {authors[asym] for asym in own}]
        if len(open_) == len(left):
            authors |= dict(zip(open_, left, strict=True))
    return {asym: author or UNKNOWN_AUTHOR for asym, author in authors.items()}


def _without_rows(entity: PolymerEntity, chains: Sequence[Polymer], has_scheme: bool) -> Iterable[Polymer]:
    """Chains an entity names, but no table has rows of; an entity without any chain is a polymer all the same.

    Without the scheme a chain without coordinates stands nowhere else, and its sequence is its entity's.
    """
    failure = entity.failure
    if has_scheme or not entity.components:
        failure = failure or "_entity_poly names it, but no table has its residues"
    if len(entity.strands) > len(chains):
        authors = {chain.author_id for chain in chains}
        for strand in [strand for strand in entity.strands if strand not in authors]:
            yield Polymer("", strand, entity, entity.components if failure is None else (), failure=failure)
    elif not chains:
        yield Polymer("", UNKNOWN_AUTHOR, entity, failure=f"entity {entity.id} is a polymer without any chain")


def _atoms(file: CifFile, *, numbers: bool) -> dict[str, _Atoms]:
    """Polymer residues of the atom table, by label chain."""
    table = file.atoms
    if table is None:
        return {}
    names = ("auth_asym_id", "label_entity_id", *(("auth_seq_id", "pdbx_PDB_ins_code") if numbers else ()))
    present = [tag for tag in names if table.has(tag)]
    # where a column is absent, the value behind the last one stands for it
    author, entity, *number = (present.index(tag) if tag in present else -1 for tag in names)
    chains: dict[str, _Atoms] = defaultdict(_Atoms)
    try:
        for asym, label, *values in table.residues("label_asym_id", "label_seq_id", *present):
            if label in NULL:
                continue
            chain = chains[asym]
            values.append("?")
            if not chain.residues:
                chain.author = known(values[author])
                chain.entity = known(values[entity])
            chain.residues.setdefault(_label(label), tuple(values[i] for i in number) if numbers else ())
    except KeyError as error:
        raise BrokenInputError(f"_atom_site lacks {error.args[0]}") from None
    return {unquoted(asym): chain for asym, chain in chains.items()}


def _numbering(labels: Sequence[int], numbers: Sequence[str], codes: Sequence[str]) -> Numbering:
    """Author numbers along SEQRES as runs; residues with an unknown number are left out."""
    runs: list[NumberingRun] = []
    start = first = count = 0
    shared = ""
    for label, text, stated in zip(labels, numbers, codes, strict=True):
        if text in NULL:
            continue
        number, code = _author_number(text)
        code = code if stated in NULL else stated
        if count and label == start + count and number == first + count and code == shared:
            count += 1
            continue
        if count:
            runs.append(NumberingRun(start, first, count, shared))
        start, first, count, shared = label, number, 1, code
    if count:
        runs.append(NumberingRun(start, first, count, shared))
    return Numbering(tuple(runs))


@lru_cache(maxsize=65_536)
def _label(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BrokenInputError(f"{text[:20]!r} is not a residue's number in SEQRES (_atom_site.label_seq_id)")
    return int(text)


@lru_cache(maxsize=65_536)
def _author_number(text: str) -> tuple[int, str]:
    """Author number and insertion code of ``6``, ``+6``, ``-6`` or ``6A``."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise BrokenInputError(f"{text[:20]!r} is not a residue number")
    return int(match[1]), match[2]
