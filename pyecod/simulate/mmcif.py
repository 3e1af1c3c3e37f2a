"""Simulated entries as mmCIF, with the categories and the order of wwPDB's files."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.random import Generator

from pyecod.ids import extended_pdb_id
from pyecod.simulate.coordinates import Coordinates, double_helix_strand, fold
from pyecod.simulate.deposition import MODIFICATIONS
from pyecod.simulate.entries import PROTEIN_TYPE, THREE_LETTERS, Copy, EntryPlan, Polymer

_PARENTS = {component: THREE_LETTERS[letter] for component, letter, _ in MODIFICATIONS}
_LIGAND_NAMES = {
    "ZN": "ZINC ION",
    "MG": "MAGNESIUM ION",
    "ATP": "ADENOSINE-5'-TRIPHOSPHATE",
    "SO4": "SULFATE ION",
    "GOL": "GLYCEROL",
    "NAG": "2-acetamido-2-deoxy-beta-D-glucopyranose",
    "HOH": "WATER",
}
_LETTERS = {name: letter for letter, name in THREE_LETTERS.items()}
_SPACING = 15.0  # Å between neighbouring chains
_COMPRESSION = 4


def entry_cif(plan: EntryPlan, rng: Generator) -> str:
    """The text of an entry's mmCIF file; ``rng`` decides the coordinates."""
    name = plan.pdb_id if plan.pdb_id.startswith("pdb_") else plan.pdb_id.upper()
    blocks = [f"data_{name}\n#", _items("entry", id=name), *_about(plan, name), *_entities(plan)]
    blocks += [_struct_asym(plan), _modified(plan), _poly_seq_scheme(plan), _nonpoly_scheme(plan)]
    blocks.append(_atoms(plan, rng))
    return "".join(f"{block}\n#\n" for block in blocks if block)


def compressed(text: str) -> bytes:
    """Gzipped without a time stamp, so that equal text gives equal bytes."""
    return gzip.compress(text.encode("ascii"), _COMPRESSION, mtime=0)


def _about(plan: EntryPlan, name: str) -> Iterator[str]:
    code = extended_pdb_id(plan.pdb_id)
    yield _items("database_2", database_id="PDB", database_code=name, pdbx_database_accession=code)
    history = (
        f"{number} 'Structure model' {1 if number == 1 else 2} {max(0, number - 2)} {date.isoformat()}"
        for number, date in enumerate(plan.revisions, 1)
    )
    columns = "ordinal data_content_type major_revision minor_revision revision_date"
    yield _loop("pdbx_audit_revision_history", columns, history)
    deposited = plan.revisions[0].replace(year=plan.revisions[0].year - 1, day=1)
    yield _items(
        "pdbx_database_status",
        status_code="REL",
        entry_id=name,
        recvd_initial_deposition_date=deposited.isoformat(),
        SG_entry="N",
    )
    yield _items("struct", entry_id=name, title=plan.title)
    yield _items("exptl", entry_id=name, method=plan.method)
    if plan.method == "X-RAY DIFFRACTION":
        yield _items("refine", entry_id=name, pdbx_refine_id=plan.method, ls_d_res_high=str(plan.resolution))
    elif plan.resolution is not None:
        yield _items("em_3d_reconstruction", entry_id=name, id="1", resolution=str(plan.resolution))


def _entities(plan: EntryPlan) -> Iterator[str]:
    rows = [f"{p.id} polymer man {_quote(p.description)} {len(p.copies)}" for p in plan.polymers]
    rows += [f"{entity} non-polymer syn {_quote(_LIGAND_NAMES[name])} 1" for entity, name, _ in _ligands(plan)]
    rows.append(f"{_water(plan)[0]} water nat water 2")
    yield _loop("entity", "id type src_method pdbx_description pdbx_number_of_molecules", rows)
    if plan.polymers:
        yield _loop(
            "entity_poly",
            "entity_id type nstd_linkage nstd_monomer pdbx_seq_one_letter_code pdbx_seq_one_letter_code_can "
            "pdbx_strand_id pdbx_target_identifier",
            (_entity_poly(polymer) for polymer in plan.polymers),
        )
        yield _loop(
            "entity_poly_seq",
            "entity_id num mon_id hetero",
            (
                f"{polymer.id} {number} {component} {hetero}"
                for polymer in plan.polymers
                for number, component, hetero in _residues(polymer)
            ),
        )
    yield _loop("chem_comp", "id type mon_nstd_flag name mon_nstd_parent_comp_id", _components(plan))


def _entity_poly(polymer: Polymer) -> str:
    code = "".join(_LETTERS.get(c, f"({c})") for c in polymer.components)
    modified = "yes" if any(c in _PARENTS for c in polymer.components) else "no"
    strands = ",".join(copy.author_id for copy in polymer.copies)
    kind = f"{polymer.id} {_quote(polymer.type)} no {modified}"
    return f"{kind}\n{_text_field(code)}\n{_text_field(polymer.sequence)}\n{strands} ?"


def _text_field(text: str) -> str:
    lines = (text[i : i + 80] for i in range(0, len(text), 80))
    return ";" + "\n".join(lines) + "\n;"


def _residues(polymer: Polymer) -> Iterator[tuple[int, str, str]]:
    """SEQRES number, component and whether the position has several, one row per component."""
    second = dict(polymer.alternatives)
    for number, component in enumerate(polymer.components, 1):
        if number in second:
            yield number, component, "y"
            yield number, second[number], "y"
        else:
            yield number, component, "n"


def _components(plan: EntryPlan) -> Iterator[str]:
    used = {component for polymer in plan.polymers for component in polymer.components}
    used |= {component for polymer in plan.polymers for _, component in polymer.alternatives}
    for component in sorted(used | set(plan.ligands) | {"HOH"}):
        if component in _LIGAND_NAMES:
            yield f"{component} non-polymer . {_quote(_LIGAND_NAMES[component])} ?"
        elif component in _PARENTS:
            yield f"{component} 'L-peptide linking' n 'modified {_PARENTS[component]}' {_PARENTS[component]}"
        elif component in _LETTERS:
            yield f"{component} 'L-peptide linking' {'n' if component == 'UNK' else 'y'} {component} ?"
        else:
            kind = (
                "DNA linking" if component.startswith("D") else "RNA linking" if len(component) == 1 else "peptide-like"
            )
            yield f"{component} '{kind}' y {component} ?"


def _ligands(plan: EntryPlan) -> list[tuple[int, str, str]]:
    """Entity id, component and label id of each ligand; their labels follow those of the polymers."""
    first = len(plan.polymers) + 1
    return [(first + i, name, f"L{i + 1}") for i, name in enumerate(plan.ligands)]


def _water(plan: EntryPlan) -> tuple[int, str]:
    return len(plan.polymers) + len(plan.ligands) + 1, "W1"


def _host(plan: EntryPlan) -> str:
    """Author chain id that ligands and water share."""
    return plan.polymers[0].copies[0].author_id if plan.polymers else "A"


def _struct_asym(plan: EntryPlan) -> str:
    rows = [f"{copy.label_id} N N {polymer.id} ?" for polymer in plan.polymers for copy in polymer.copies]
    rows += [f"{label} N N {entity} ?" for entity, _, label in _ligands(plan)]
    entity, label = _water(plan)
    columns = "id pdbx_blank_PDB_chainid_flag pdbx_modified entity_id details"
    return _loop("struct_asym", columns, [*rows, f"{label} N N {entity} ?"])


def _modified(plan: EntryPlan) -> str:
    rows: list[str] = []
    for polymer in plan.polymers:
        sites = [(i, c) for i, c in enumerate(polymer.components, 1) if c in _PARENTS]
        for copy in polymer.copies:
            for number, component in sites:
                if number in copy.observed:
                    author, code = _author(copy, number)
                    rows.append(
                        f"{len(rows) + 1} {copy.label_id} {component} {number} {copy.author_id} {component} "
                        f"{author} {code or '?'} {_PARENTS[component]} 'modified residue'"
                    )
    columns = "id label_asym_id label_comp_id label_seq_id auth_asym_id auth_comp_id auth_seq_id PDB_ins_code"
    return _loop("pdbx_struct_mod_residue", f"{columns} parent_comp_id details", rows)


def _author(copy: Copy, number: int) -> tuple[str, str]:
    """Author number and insertion code (empty where there is none)."""
    text = copy.numbering.author(number)
    return (text[:-1], text[-1]) if text[-1].isalpha() else (text, "")


def _poly_seq_scheme(plan: EntryPlan) -> str:
    columns = (
        "asym_id entity_id seq_id mon_id ndb_seq_num pdb_seq_num auth_seq_num pdb_mon_id auth_mon_id pdb_strand_id "
        "pdb_ins_code hetero"
    )
    return _loop(
        "pdbx_poly_seq_scheme", columns, (row for p in plan.polymers for c in p.copies for row in _scheme_rows(p, c))
    )


def _scheme_rows(polymer: Polymer, copy: Copy) -> Iterator[str]:
    seen = copy.observed.mask(len(polymer.components))
    head = f"{copy.label_id} {polymer.id}"
    for number, component, hetero in _residues(polymer):
        author, code = _author(copy, number)
        shown = f"{author} {component} {component}" if seen[number - 1] else "? ? ?"
        yield f"{head} {number} {component} {number} {author} {shown} {copy.author_id} {code or '.'} {hetero}"


def _nonpoly_scheme(plan: EntryPlan) -> str:
    columns = "asym_id entity_id mon_id ndb_seq_num pdb_seq_num auth_seq_num pdb_mon_id auth_mon_id"
    host = _host(plan)
    rows = [
        f"{label} {entity} {name} 1 {_LIGAND_NUMBER + i} {i + 1} {name} {name} {host} ."
        for i, (entity, name, label) in enumerate(_ligands(plan))
    ]
    entity, label = _water(plan)
    rows += [f"{label} {entity} HOH {i} {_WATER_NUMBER + i} {i} HOH HOH {host} ." for i in (1, 2)]
    return _loop("pdbx_nonpoly_scheme", f"{columns} pdb_strand_id pdb_ins_code", rows)


_LIGAND_NUMBER, _WATER_NUMBER = 2001, 3000  # author numbers beyond those of any chain


def _atoms(plan: EntryPlan, rng: Generator) -> str:
    columns = (
        "group_PDB id type_symbol label_atom_id label_alt_id label_comp_id label_asym_id label_entity_id label_seq_id "
        "pdbx_PDB_ins_code Cartn_x Cartn_y Cartn_z occupancy B_iso_or_equiv pdbx_formal_charge auth_seq_id "
        "auth_comp_id auth_asym_id auth_atom_id pdbx_PDB_model_num"
    )
    rows: list[str] = []
    traces = {polymer.id: _traces(polymer, rng) for polymer in plan.polymers}
    for model in range(1, plan.models + 1):
        left = 0.0
        for polymer in plan.polymers:
            for copy, trace in zip(polymer.copies, traces[polymer.id], strict=True):
                width = float(np.ptp(trace[:, 0])) + _SPACING
                moved = trace + np.array([left + width / 2, 0.0, 0.0])
                if plan.models > 1:
                    moved = moved + rng.normal(scale=0.3, size=moved.shape)
                rows.extend(_chain_atoms(polymer, copy, moved, model, len(rows)))
                left += width
        rows.extend(_other_atoms(plan, left, model, len(rows)))
    return _loop("atom_site", columns, rows)


def _traces(polymer: Polymer, rng: Generator) -> list[Coordinates]:
    """One trace per copy; copies of a protein have one fold."""
    length = len(polymer.components)
    if polymer.type == PROTEIN_TYPE:
        return [fold(length, rng)] * len(polymer.copies)
    return [double_helix_strand(length, reverse=bool(i % 2)) for i, _ in enumerate(polymer.copies)]


def _chain_atoms(polymer: Polymer, copy: Copy, trace: Coordinates, model: int, done: int) -> Iterator[str]:
    protein = polymer.type == PROTEIN_TYPE
    symbol, atom = ("C", "CA") if protein else ("P", "P")
    seen = copy.observed.mask(len(polymer.components)).tolist()
    second = dict(polymer.alternatives)
    places = trace.tolist()
    for number, component, hetero in _residues(polymer):
        if not seen[number - 1]:
            continue
        done += 1
        x, y, z = places[number - 1]
        author, code = _author(copy, number)
        group = "HETATM" if component in _PARENTS or component == "UNK" else "ATOM"
        alternative = "." if hetero == "n" else "B" if second[number] == component else "A"
        share = "1.00" if hetero == "n" else "0.50"
        yield (
            f"{group} {done} {symbol} {atom} {alternative} {component} {copy.label_id} {polymer.id} {number} "
            f"{code or '?'} {x:.3f} {y:.3f} {z:.3f} {share} {30 + number % 17}.00 ? {author} {component} "
            f"{copy.author_id} {atom} {model}"
        )


def _other_atoms(plan: EntryPlan, left: float, model: int, done: int) -> Iterator[str]:
    host = _host(plan)
    others = [(e, name, label, _LIGAND_NUMBER + i) for i, (e, name, label) in enumerate(_ligands(plan))]
    water_entity, water = _water(plan)
    others += [(water_entity, "HOH", water, _WATER_NUMBER + i) for i in (1, 2)]
    for i, (entity, name, label, number) in enumerate(others, 1):
        symbol = {"ZN": "ZN", "MG": "MG", "ATP": "P", "SO4": "S"}.get(name, "O" if name == "HOH" else "C")
        atom = {"ATP": "PG", "HOH": "O", "GOL": "C1", "NAG": "C1"}.get(name, symbol)
        yield (
            f"HETATM {done + i} {symbol} {atom} . {name} {label} {entity} . ? {left:.3f} {5.0 * i:.3f} 0.000 1.00 "
            f"40.00 ? {number} {name} {host} {atom} {model}"
        )


def _items(category: str, **values: str) -> str:
    width = max(map(len, values)) + len(category) + 3
    return "\n".join(f"{f'_{category}.{name}':{width}} {_quote(value)}" for name, value in values.items())


def _loop(category: str, columns: str, rows: Iterable[str]) -> str:
    """A loop; empty text where there are no rows."""
    body = "\n".join(rows)
    if not body:
        return ""
    return "loop_\n" + "".join(f"_{category}.{column}\n" for column in columns.split()) + body


def _quote(text: str) -> str:
    if text and not (set(" '\"#;") & set(text)) and text[0] not in "_$[":
        return text
    return f'"{text}"' if "'" in text else f"'{text}'"
