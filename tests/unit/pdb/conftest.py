"""mmCIF texts of any content, laid out as wwPDB's files are."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_NAMES = "ALA CYS ASP GLU PHE GLY HIS ILE LYS LEU MET ASN PRO GLN ARG SER THR VAL TRP TYR UNK"
THREE = dict(zip("ACDEFGHIKLMNPQRSTVWYX", _NAMES.split(), strict=True))


@dataclass
class Molecule:
    """One polymer chain of a made-up entry; ``components`` may hold alternatives as ``SER/THR``."""

    author: str
    components: Sequence[str]
    kind: str = "polypeptide(L)"
    numbers: Sequence[str] | None = None
    observed: Iterable[int] | None = None
    entity: str | None = None

    @classmethod
    def protein(cls, author: str, sequence: str, **more: object) -> Molecule:
        return cls(author, [THREE[letter] for letter in sequence], **more)


@dataclass
class MadeEntry:
    """Text of an mmCIF file with the given chains; ``without`` names categories to leave out."""

    molecules: Sequence[Molecule]
    id: str = "1ABC"
    block: str | None = None
    models: int = 1
    without: Sequence[str] = ()
    aligned: bool = True
    extra: str = ""
    method: Sequence[str] = ("X-RAY DIFFRACTION",)
    categories: dict[str, tuple[Sequence[str], list[Sequence[str]]]] = field(default_factory=dict)

    def text(self) -> str:
        parts = [f"data_{self.block or self.id}", f"_entry.id   {self.id} "]
        for name, (tags, rows) in self._tables().items():
            if name not in self.without and rows:
                parts.append(_loop(name, tags, rows, self.aligned))
        if self.extra:
            parts.append(self.extra.rstrip("\n"))
        return " \n# \n".join(parts) + " \n# \n"

    def _tables(self) -> dict[str, tuple[Sequence[str], list[Sequence[str]]]]:
        kinds: dict[str, tuple[str, list[list[str]], list[str]]] = {}
        scheme, atoms, asyms = [], [], []
        for index, molecule in enumerate(self.molecules):
            asym = chr(ord("A") + index)
            entity = molecule.entity or str(index + 1)
            choices = [component.split("/") for component in molecule.components]
            kinds.setdefault(entity, (molecule.kind, choices, []))[2].append(molecule.author)
            asyms.append((asym, entity))
            author = f"'{molecule.author}'" if set("/;_") & set(molecule.author) else molecule.author
            numbers = molecule.numbers or [str(i) for i in range(1, len(choices) + 1)]
            observed = set(range(1, len(choices) + 1) if molecule.observed is None else molecule.observed)
            for label, (alternatives, number) in enumerate(zip(choices, numbers, strict=True), 1):
                digits = number.rstrip("ABCDEFGH")
                code = number[len(digits) :]
                for component in alternatives:
                    seen = digits if label in observed else "?"
                    scheme.append((asym, entity, str(label), component, str(label), digits, seen, author, code or "."))
            for model in range(1, self.models + 1):
                for label, (alternatives, number) in enumerate(zip(choices, numbers, strict=True), 1):
                    digits = number.rstrip("ABCDEFGH")
                    for atom in ("N", "CA") if label in observed or model > 1 else ():
                        for component in alternatives:
                            code = number[len(digits) :] or "?"
                            atoms.append((asym, entity, str(label), component, atom, digits, code, author, model))
        for label, model in ((1, m) for m in range(1, self.models + 1)):
            atoms.append(("W", "9", ".", "HOH", "O", str(label + 500), "?", "A", model))
        atoms.sort(key=lambda row: row[-1])
        atoms = [
            ("ATOM", str(i), a, ".", c, asym, e, label, code, "1.000", "-2.5", digits, author, str(m))
            for i, (asym, e, label, c, a, digits, code, author, m) in enumerate(atoms, 1)
        ]
        tables = {
            "entity": (("id", "type"), [(e, "polymer") for e in kinds] + [("9", "water")]),
            "entity_poly": (
                ("entity_id", "type", "pdbx_strand_id"),
                [(e, k if k == "?" else f"'{k}'", f"'{','.join(ids)}'") for e, (k, _, ids) in kinds.items()],
            ),
            "entity_poly_seq": (
                ("entity_id", "num", "mon_id"),
                [(e, str(i), c) for e, (_, cs, _) in kinds.items() for i, alts in enumerate(cs, 1) for c in alts],
            ),
            "exptl": (("entry_id", "method"), [(self.id, f"'{m}'") for m in self.method]),
            "struct_asym": (("id", "entity_id"), asyms),
            "struct": (("entry_id", "title"), [(self.id, "'A made-up entry'")]),
            "atom_site": (
                (
                    "group_PDB", "id", "label_atom_id", "label_alt_id", "label_comp_id", "label_asym_id",
                    "label_entity_id", "label_seq_id", "pdbx_PDB_ins_code", "Cartn_x", "Cartn_y",
                    "auth_seq_id", "auth_asym_id", "pdbx_PDB_model_num",
                ),
                atoms,
            ),
            "pdbx_poly_seq_scheme": (
                (
                    "asym_id", "entity_id", "seq_id", "mon_id", "ndb_seq_num", "pdb_seq_num",
                    "auth_seq_num", "pdb_strand_id", "pdb_ins_code",
                ),
                scheme,
            ),
            "pdbx_audit_revision_history": (("ordinal", "revision_date"), [("1", "2021-09-17"), ("2", "2023-01-02")]),
        }  # fmt: skip
        return tables | self.categories


def _loop(name: str, tags: Sequence[str], rows: list[Sequence[str]], aligned: bool) -> str:
    widths = [max(len(row[i]) for row in rows) if aligned else 0 for i in range(len(tags))]
    lines = ["loop_", *(f"_{name}.{tag} " for tag in tags)]
    lines += [" ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(lines)


@pytest.fixture(scope="session")
def molecule() -> type[Molecule]:
    return Molecule


@pytest.fixture(scope="session")
def made_entry() -> type[MadeEntry]:
    return MadeEntry


@pytest.fixture
def store(tmp_path: Path) -> Callable[..., Path]:
    """Write a text (or bytes) as ``name``, gzipped where the name says so."""

    def write(content: str | bytes | MadeEntry, name: str = "1abc.cif.gz") -> Path:
        if isinstance(content, MadeEntry):
            content = content.text()
        data = content.encode() if isinstance(content, str) else content
        path = tmp_path / name
        path.write_bytes(gzip.compress(data, 1) if name.endswith(".gz") else data)
        return path

    return write
