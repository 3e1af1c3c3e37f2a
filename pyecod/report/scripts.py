"""Scripts that colour a chain's domains on its structure, by author residue numbers, in PyMOL and ChimeraX."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pyecod.ids import ChainKey
from pyecod.partition.model import Domain, Partition
from pyecod.pdb.chain import Numbering
from pyecod.ranges import ResidueRange
from pyecod.report.colours import group_colour
from pyecod.targets import script_comment, script_id

_NO_CHAIN = script_comment("the id of this chain cannot stand in a script")
Stretch = tuple[int, int, str]
"""First and last author number, and their insertion code."""


def pymol_script(key: ChainKey, partition: Partition, numbering: Numbering) -> str:
    """A ``.pml`` script: fetches the entry, shows the chain, and makes and colours one selection per domain.

    A chain whose id cannot stand in a script is not selected: the script shows the entry and says so.
    """
    entry, chain_id = script_id(key.entry_id), script_id(key.chain_id)
    lines = [*_heading(key, partition), "set cif_use_auth, on", "set ignore_case_chain, off"]
    if entry is None or chain_id is None:
        return "\n".join([*lines, _NO_CHAIN]) + "\n"
    chain = f"chain {chain_id}" if chain_id.isalnum() else f'chain "{chain_id}"'
    lines += [
        f"fetch {entry}, type=cif, async=0",
        "hide everything",
        f"show cartoon, {chain}",
        f"color grey80, {chain}",
    ]
    for domain in partition.domains:
        residues = "+".join(_pymol(stretch) for stretch in _selectable(numbering, domain.range))
        if residues:
            name = re.sub("[^A-Za-z0-9]", "_", f"domain{domain.number}_{key}")
            lines.append(f"select {name}, {chain} and resi {residues}")
            lines.append(f"color 0x{group_colour(domain.t_group)[1:]}, {name}")
    return "\n".join([*lines, "deselect", f"orient {chain}"]) + "\n"


def chimerax_script(key: ChainKey, partition: Partition, numbering: Numbering) -> str:
    """A ``.cxc`` script: opens the entry, shows the chain, and names and colours one selection per domain; a chain
    whose id cannot stand in a script as in :func:`pymol_script`."""
    entry, chain_id = script_id(key.entry_id), script_id(key.chain_id)
    lines = _heading(key, partition)
    if entry is None or chain_id is None:
        return "\n".join([*lines, _NO_CHAIN]) + "\n"
    chain = f"/{chain_id}"
    lines += [
        f"open {entry} from pdb",
        "hide atoms",
        "hide cartoons",
        f"cartoon {chain}",
        f"color {chain} lightgray",
    ]
    for domain in partition.domains:
        residues = ",".join(_chimerax(stretch) for stretch in _selectable(numbering, domain.range))
        if residues:
            lines.append(f"name domain{domain.number} {chain}:{residues}")
            lines.append(f"color domain{domain.number} {group_colour(domain.t_group)}")
    return "\n".join([*lines, f"view {chain}"]) + "\n"


def _selectable(numbering: Numbering, residues: ResidueRange) -> Iterator[Stretch]:
    """Without those whose insertion code is no letter or digit: no viewer could be asked for them."""
    return (stretch for stretch in author_stretches(numbering, residues) if not stretch[2] or _is_code(stretch[2]))


def _is_code(code: str) -> bool:
    return code.isascii() and code.isalnum()


def author_stretches(numbering: Numbering, residues: ResidueRange) -> Iterator[Stretch]:
    """Author numbers of SEQRES ``residues`` such that each stretch means just these residues.

    A viewer counts 100A as lying between 99 and 101. So a number that has inserted residues anywhere in the chain
    stands alone, and so do the inserted ones.
    """
    inserted = {run.auth_start + i for run in numbering.runs if run.insertion_code.strip() for i in range(run.count)}
    for start, end in residues.segments:
        for run in numbering.runs:
            first, last = max(start, run.label_start), min(end, run.label_start + run.count - 1)
            if first > last:
                continue
            offset = run.auth_start - run.label_start
            code = run.insertion_code.strip()
            yield from _cut(first + offset, last + offset, code, inserted)


def _cut(first: int, last: int, code: str, inserted: set[int]) -> Iterator[Stretch]:
    begin = first
    for number in sorted(n for n in inserted if first <= n <= last):
        if begin < number:
            yield begin, number - 1, code
        yield number, number, code
        begin = number + 1
    if begin <= last:
        yield begin, last, code


def _pymol(stretch: Stretch) -> str:
    first, last, code = stretch
    ends = [f"{n}{code}".replace("-", "\\-") for n in (first, last)]
    return ends[0] if first == last else f"{ends[0]}-{ends[1]}"


def _chimerax(stretch: Stretch) -> str:
    first, last, code = stretch
    return f"{first}{code}" if first == last else f"{first}{code}-{last}{code}"


def _heading(key: ChainKey, partition: Partition) -> list[str]:
    made = f"{partition.algorithm} {partition.algorithm_version} ECOD {partition.reference_version}"
    return [script_comment(f"domains of {key} by {made}"), *(script_comment(_describe(d)) for d in partition.domains)]


def _describe(domain: Domain) -> str:
    return f"{domain.number} {domain.range}  {domain.t_group}  {domain.names.get('t', '')}  {domain.certainty}".rstrip()
