"""A small made reference, and the real one."""

from __future__ import annotations

import gzip
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pyecod.reference import BuildReport, build_reference

REAL = Path(__file__).resolve().parents[4] / "shared" / "real"
COLUMNS = "uid ecod_domain_id manual_rep f_id pdb chain pdb_range seqid_range arch_name x_name h_name t_name f_name"


@dataclass(frozen=True)
class Sources:
    """The files of a small reference; write to them before building to see what happens."""

    folder: Path
    domains: Path
    domain_fasta: Path
    chain_fasta: Path

    def build(self, out: Path, **options: object) -> BuildReport:
        return build_reference(
            out,
            "small1",
            **{
                "domains": [self.domains],
                "domain_fasta": [self.domain_fasta],
                "chain_fasta": [self.chain_fasta],
                **options,
            },  # type: ignore[arg-type]
        )


def chain(seed: int, length: int = 200) -> str:
    return "".join(random.Random(seed).choices("ACDEFGHIKLMNPQRSTVWY", k=length))


@pytest.fixture(scope="session")
def make_sources() -> Callable[[Path], Sources]:
    return _make_sources


def _make_sources(folder: Path) -> Sources:
    """Two chains that differ in case only, two domains each, one of them discontinuous."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = Sources(folder, folder / "list.txt", folder / "domains.fa", folder / "chains.fa")
    lines, domains, chains = ["\t".join(COLUMNS.split()) + "\n"], "", ""
    for seed, letter in ((1, "A"), (2, "a")):
        sequence = chain(seed)
        chains += f">1abc_{letter}\n{sequence}\n"
        for number, (text, residues, group) in enumerate(
            (
                (f"{letter}:1-80", sequence[:80], "1.1.1.1"),
                (f"{letter}:81-120,{letter}:141-200", sequence[80:120] + sequence[140:], "2.1.1.0"),
            ),
            1,
        ):
            id_ = f"e1abc{letter}{number}"
            names = "alpha\tX\tH\tT\tF"
            lines.append(f"00{number}\t{id_}\tTRUE\t{group}\t1abc\t{letter}\t{text}\t{text}\t{names}\n")
            domains += f">00{number}|{id_}|{group}|{text}\n{residues}\n"
    sources.domains.write_text("".join(lines))
    sources.domain_fasta.write_text(domains)
    sources.chain_fasta.write_text(chains)
    return sources


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    return _make_sources(tmp_path / "sources")


@pytest.fixture(scope="session")
def real() -> Path:
    folder = REAL / "reference"
    if not folder.is_dir():
        pytest.skip(f"real data are not here: {folder}")
    return folder


@pytest.fixture(scope="session")
def real_profiles(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prefix of the real HH-suite database, unpacked."""
    folder = tmp_path_factory.mktemp("hh")
    for path in (real / "hh").iterdir():
        if path.suffix == ".gz":
            with gzip.open(path) as packed, (folder / path.stem).open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked)
        else:
            shutil.copyfile(path, folder / path.name)
    return folder / "refdb"


@pytest.fixture(scope="session")
def real_reference(real: Path, real_profiles: Path, tmp_path_factory: pytest.TempPathFactory) -> BuildReport:
    return build_reference(
        tmp_path_factory.mktemp("references") / "develop291",
        "develop291",
        domains=[real / "ref.domains.txt", real / "ecoli.domains.txt"],
        domain_fasta=[real / "ref.domains.fasta", real / "ecoli.domains.fasta"],
        chain_fasta=[real / "ecoli.chains.fasta"],
        hh_db=real_profiles,
        hierarchy=real / "hierarchy.csv",
        strict=True,
    )
