"""The simulated reference as ECOD publishes one: domain list, domain FASTA, chain FASTA."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from numpy.random import Generator

from pyecod.fasta import write_fasta
from pyecod.files import atomic_write
from pyecod.ids import ChainKey
from pyecod.pdb.chain import Numbering
from pyecod.simulate.architectures import Proteome
from pyecod.simulate.chains import PlacedDomain, ProteinChain
from pyecod.simulate.entries import Quirk, author_ids, pdb_ids
from pyecod.simulate.families import Family
from pyecod.simulate.numbering import Style, number_residues

Layout = Literal["1.6", "develop294"]

HEADERS: dict[Layout, str] = {
    "1.6": (
        "#/data/ecod/database_versions/{version}/ecod.{version}.domains.txt\n"
        "#ECOD version {version}\n"
        "#Domain list version 1.6\n"
        "#simulated\n"
        "#uid\tecod_domain_id\tmanual_rep\tf_id\tpdb\tchain\tpdb_range\tseqid_range\tunp_acc\tarch_name\tx_name\t"
        "h_name\tt_name\tf_name\tasm_status\tligand\n"
    ),
    "develop294": (
        "# ECOD Domain List\n"
        "# Version: {version}\n"
        "# Generated: simulated\n"
        "#\n"
        "uid\tecod_domain_id\tmanual_rep\tf_id\tpdb\tchain\tpdb_range\tseqid_range\tarchitecture_name\tx_name\t"
        "h_name\tt_name\tf_name\tassembly_id\tdomain_id_short\trange_count\tarch_manual\tx_manual\th_manual\tt_manual\t"
        "f_manual\tvalid_structure\tligand_binding\n"
    ),
}
_IDS = {0.7: Quirk.PLAIN, 0.85: Quirk.CASED_IDS, 1.0: Quirk.LONG_IDS}


@dataclass(frozen=True, slots=True)
class ReferenceChain:
    """A classified chain: its domains have ids ``e1abcA1``, ``e1abcA2``, … in sequence order."""

    key: ChainKey
    chain: ProteinChain
    numbering: Numbering

    def domain_id(self, number: int) -> str:
        """ECOD id of its domain ``number``, from 1."""
        return f"e{self.key.entry_id}{self.key.chain_id}{number}"


@dataclass(frozen=True, slots=True)
class ReferenceDomain:
    """One line of the list. The first domain of a family is its representative, the one with a profile."""

    uid: int
    id: str
    chain: ReferenceChain
    domain: PlacedDomain
    family: Family
    is_representative: bool

    @property
    def sequence(self) -> str:
        """The residues of its range."""
        return "".join(self.chain.chain.sequence[a - 1 : b] for a, b in self.domain.range.segments)

    @property
    def seqid_range(self) -> str:
        """``A:10-110,A:150-200``."""
        return ",".join(f"{self.chain.key.chain_id}:{a}-{b}" for a, b in self.domain.range.segments)

    @property
    def pdb_range(self) -> str:
        """The same in the author's numbering."""
        return self.chain.numbering.pdb_range(self.chain.key.chain_id, self.domain.range)


def deposit_reference(proteome: Proteome, rng: Generator) -> tuple[ReferenceChain, ...]:
    """Give the chains of the reference their entries, chain ids and author numbers."""
    ids = pdb_ids("1234567")
    deposited = []
    for chain in proteome.chains:
        draw = rng.random()
        quirk = next(kind for limit, kind in _IDS.items() if draw <= limit)
        names = author_ids(quirk)
        for _ in range(int(rng.integers(0, 4))):
            next(names)
        style = Style.OFFSET if rng.random() < 0.4 else Style.PLAIN
        numbering = number_residues(len(chain.sequence), style, rng)
        deposited.append(ReferenceChain(ChainKey(next(ids), next(names)), chain, numbering))
    return tuple(deposited)


def reference_domains(chains: Iterable[ReferenceChain]) -> tuple[ReferenceDomain, ...]:
    """The domains of all chains in the order of the list."""
    seen: set[str] = set()
    domains: list[ReferenceDomain] = []
    for chain in chains:
        for number, domain in enumerate(chain.chain.domains, 1):
            family = domain.family
            assert family is not None, "the reference has no novel domain"
            domains.append(
                ReferenceDomain(
                    *(len(domains) + 1, chain.domain_id(number), chain, domain, family),
                    is_representative=family.f_group not in seen,
                )
            )
            seen.add(family.f_group)
    return tuple(domains)


def write_lists(
    folder: Path,
    chains: Sequence[ReferenceChain],
    domains: Sequence[ReferenceDomain],
    *,
    layout: Layout,
    version: str,
) -> None:
    """Write ``domains.txt``, ``domains.fasta`` and ``chains.fasta`` into ``folder``."""
    line = _line_16 if layout == "1.6" else _line_294
    text = HEADERS[layout].format(version=version) + "".join(line(domain) for domain in domains)
    atomic_write(folder / "domains.txt", text, durable=False)
    write_fasta(
        folder / "domains.fasta",
        ((f"{d.uid:09}|{d.id}|{d.family.f_group}|{d.seqid_range}", d.sequence) for d in domains),
    )
    write_fasta(folder / "chains.fasta", ((str(c.key), c.chain.sequence) for c in chains))


def _line_16(d: ReferenceDomain) -> str:
    family = d.family
    cells = (
        *(f"{d.uid:09}", d.id, "MANUAL_REP" if d.is_representative else "AUTO_NONREP", family.f_group),
        *(d.chain.key.entry_id, d.chain.key.chain_id, d.pdb_range, d.seqid_range, "NO_UNP"),
        *(family.architecture, *(f'"{n}"' for n in (family.x_name, family.h_name, family.t_name)), family.f_name),
        *("NOT_DOMAIN_ASSEMBLY", "NO_LIGANDS_4A"),
    )
    return "\t".join(cells) + "\n"


def _line_294(d: ReferenceDomain) -> str:
    family = d.family
    manual = "TRUE" if d.is_representative else "FALSE"
    cells = (
        *(str(d.uid), d.id, manual, family.f_group, d.chain.key.entry_id, d.chain.key.chain_id),
        *(d.pdb_range, d.seqid_range, family.architecture, family.x_name, family.h_name, family.t_name, family.f_name),
        *("", "", "", "FALSE", "FALSE", "FALSE", "FALSE", manual, "TRUE", "FALSE"),
    )
    return "\t".join(cells) + "\n"
