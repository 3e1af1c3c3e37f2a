"""Polymer chains of an mmCIF file: components, author numbers and observed residues along SEQRES."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from pyecod.errors import BrokenInputError
from pyecod.pdb.chain import Numbering, NumberingRun
from pyecod.pdb.ciffile import NULL, CifFile, unquoted

_SCHEME = ("asym_id", "entity_id", "seq_id", "mon_id", "pdb_seq_num", "pdb_strand_id", "pdb_ins_code")


@dataclass(frozen=True, slots=True)
class Polymer:
    """One polymer chain: ``components`` are its residues in SEQRES order, ``observed`` numbers count from 1."""

    asym_id: str
    author_id: str
    entity_id: str
    components: tuple[str, ...]
    numbering: Numbering
    observed: tuple[int, ...]


def read_polymers(file: CifFile, problems: list[str]) -> list[Polymer]:
    """All polymer chains in the file's order; what is wrong with single ones goes to ``problems``.

    Without ``_pdbx_poly_seq_scheme`` (files that are not from the PDB) the sequence is ``_entity_poly_seq``'s and only
    observed residues have author numbers; ``problems`` then says so.

    Raises:
        BrokenInputError: the file has polymers but no SEQRES, or a table that cannot be what it should be.
    """
    declared = dict.fromkeys(entity for entity, kind in file.rows("entity", "id", "type") if kind == "polymer")
    declared |= dict.fromkeys(entity for (entity,) in file.rows("entity_poly", "entity_id"))
    if not declared:
        return []
    sequences = _entity_sequences(file, problems)
    if file.values("_pdbx_poly_seq_scheme.seq_id"):
        polymers = _from_scheme(file, sequences, problems)
        present = set(file.values("_pdbx_poly_seq_scheme.entity_id"))
    elif sequences:
        polymers = _from_atoms(file, sequences, problems)
        present = set(file.values("_struct_asym.entity_id"))
    else:
        raise BrokenInputError("has polymers, but neither _pdbx_poly_seq_scheme nor _entity_poly_seq (SEQRES)")
    problems.extend(f"entity {entity} is a polymer without any chain" for entity in declared if entity not in present)
    return polymers


def _entity_sequences(file: CifFile, problems: list[str]) -> dict[str, tuple[str, ...]]:
    """Components of each polymer entity by ``_entity_poly_seq``, which may be absent."""
    columns = [file.values(f"_entity_poly_seq.{tag}") for tag in ("entity_id", "num", "mon_id")]
    sequences = {}
    for entity, (_, numbers, components) in _groups(columns, "_entity_poly_seq"):
        try:
            sequences[entity] = tuple(components[i] for i in _first_rows(numbers))
        except BrokenInputError as error:
            problems.append(f"entity {entity}: _entity_poly_seq {error.what}")
    return sequences


def _from_scheme(file: CifFile, sequences: dict[str, tuple[str, ...]], problems: list[str]) -> list[Polymer]:
    observed = _observed(file)
    polymers = []
    for asym, rows in _groups([file.values(f"_pdbx_poly_seq_scheme.{t}") for t in _SCHEME], "_pdbx_poly_seq_scheme"):
        _, entities, labels, components, numbers, authors, codes = rows
        try:
            kept = _first_rows(labels)
            if len(kept) < len(labels):
                components, numbers, codes = ([column[i] for i in kept] for column in (components, numbers, codes))
            if sequences.get(entities[0], tuple(components)) != tuple(components):
                raise BrokenInputError("its sequence differs between _pdbx_poly_seq_scheme and _entity_poly_seq")
            polymers.append(
                Polymer(
                    asym,
                    authors[0],
                    entities[0],
                    tuple(components),
                    _numbering(range(1, len(numbers) + 1), numbers, codes),
                    tuple(observed.get(asym, ())),
                )
            )
        except BrokenInputError as error:
            problems.append(f"chain {authors[0]!r} (label {asym}): {error.what}")
    return polymers


def _observed(file: CifFile) -> dict[str, list[int]]:
    """SEQRES numbers with atoms in the first model, by label chain id."""
    observed: dict[str, list[int]] = defaultdict(list)
    for asym, label in _residues(file, "label_asym_id", "label_seq_id"):
        if label not in NULL:
            observed[asym].append(_number(label))
    return {unquoted(asym): labels for asym, labels in observed.items()}


def _from_atoms(file: CifFile, sequences: dict[str, tuple[str, ...]], problems: list[str]) -> list[Polymer]:
    problems.append("no _pdbx_poly_seq_scheme: only residues with coordinates have author numbers")
    chains: dict[str, dict[int, tuple[str, str]]] = defaultdict(dict)
    authors: dict[str, str] = {}
    tags = ("label_asym_id", "label_seq_id", "auth_asym_id", "auth_seq_id", "pdbx_PDB_ins_code")
    for asym, label, author, number, code in _residues(file, *tags):
        if label not in NULL:
            asym = unquoted(asym)
            authors.setdefault(asym, unquoted(author))
            chains[asym].setdefault(_number(label), (number, code))
    polymers = []
    for asym, entity in file.rows("struct_asym", "id", "entity_id"):
        if entity not in sequences:
            continue
        if asym not in chains:
            problems.append(f"chain with label {asym} (entity {entity}) has no coordinates to tell its author id")
            continue
        labels = sorted(chains[asym])
        numbers, codes = zip(*(chains[asym][label] for label in labels), strict=True)
        try:
            numbering = _numbering(labels, numbers, codes)
            polymers.append(Polymer(asym, authors[asym], entity, sequences[entity], numbering, tuple(labels)))
        except BrokenInputError as error:
            problems.append(f"chain {authors[asym]!r} (label {asym}): {error.what}")
    met = {polymer.asym_id for polymer in polymers}
    problems.extend(f"label chain {asym} is not in _struct_asym" for asym in chains if asym not in met)
    return polymers


def _residues(file: CifFile, *tags: str) -> Iterable[tuple[str, ...]]:
    if file.atoms is None:
        return ()
    try:
        return list(file.atoms.residues(*tags))
    except KeyError as error:
        raise BrokenInputError(f"_atom_site lacks {error.args[0]}") from None


def _groups(columns: list[list[str]], category: str) -> Iterable[tuple[str, list[list[str]]]]:
    """Rows that share their first column, as columns; they must stand together."""
    if len({len(column) for column in columns}) != 1:
        raise BrokenInputError(f"{category} lacks a column it must have")
    groups: dict[str, list[list[str]]] = {}
    start = 0
    for key, same in groupby(columns[0]):
        end = start + sum(1 for _ in same)
        if key in groups:
            raise BrokenInputError(f"the rows of {key} in {category} do not stand together")
        groups[key] = [column[start:end] for column in columns]
        start = end
    return groups.items()


def _first_rows(labels: Sequence[str]) -> Sequence[int]:
    """Indices of the first row of each residue (microheterogeneity has several); numbers must run 1, 2, 3…"""
    if labels == _counting(len(labels)):
        return range(len(labels))
    kept = [i for i, label in enumerate(labels) if i == 0 or label != labels[i - 1]]
    if [labels[i] for i in kept] != _counting(len(kept)):
        raise BrokenInputError("is not numbered 1, 2, 3…")
    return kept


def _counting(count: int, start: int = 1) -> list[str]:
    return [str(number) for number in range(start, start + count)]


def _numbering(labels: Sequence[int], numbers: Sequence[str], codes: Sequence[str]) -> Numbering:
    """Author numbers along SEQRES as runs; residues with an unknown number are left out."""
    runs: list[NumberingRun] = []
    start = first = count = 0
    shared = ""
    for label, text, code in zip(labels, numbers, codes, strict=True):
        if text in NULL:
            continue
        number = _number(text)
        code = "" if code in NULL else code
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
def _number(text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise BrokenInputError(f"{text[:20]!r} is not a residue number")
    return int(text)
