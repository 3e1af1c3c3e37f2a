"""Search results as the files of the field's older tools: BLAST XML (``-outfmt 5``) and HHsearch's ``.hhr``.

:func:`~pyecod.search.read_blast_xml` and :func:`~pyecod.search.read_hhr` read the same hits back, to the last bit of
every number. A file holds the hits that were kept, within the thresholds of the search. What the search cache does not
keep is left out where the format lets it (similar pairs, consensus, confidence) and is 0 where it does not (secondary
structure score, ``Similarity``, ``Sum_probs``, BLAST's effective search space).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from pyecod.errors import BrokenInputError
from pyecod.search.hit import Hit, Hsp, SearchResult

# of BLOSUM62 with gap costs 11 and 1, as blastp prints them: a raw score S has (lambda S - ln kappa) / ln 2 bits
_LAMBDA, _KAPPA, _ENTROPY = 0.267, 0.041, 0.14
_COLUMNS = 80
_XML_HEAD = """\
<?xml version="1.0"?>
<!DOCTYPE BlastOutput PUBLIC "-//NCBI//NCBI BlastOutput/EN" "http://www.ncbi.nlm.nih.gov/dtd/NCBI_BlastOutput.dtd">
"""
_BLAST_SCORES = ("evalue", "bitscore", "identity")
_HHSEARCH_SCORES = ("evalue", "probability", "score", "identity")


@dataclass(frozen=True, slots=True)
class Targets:
    """The database that was searched, as far as a file tells of it.

    ``name`` is its path, ``sequences`` (HHsearch: profiles) and ``residues`` its size. ``letters`` has the sequences of
    targets, ``ordinals`` their places in a BLAST database, from 0. A target that is not in ``letters``, or is there in
    another length, is written as ``X``.
    """

    name: str
    sequences: int
    residues: int = 0
    letters: Mapping[str, str] = field(default_factory=dict)
    ordinals: Mapping[str, int] = field(default_factory=dict)

    def sequence(self, hit: Hit) -> str:
        """The residues of a hit's target."""
        known = self.letters.get(hit.target, "")
        length = hit.target_length or 0
        return known if len(known) == length else "X" * length


def format_blast_xml(result: SearchResult, name: str, targets: Targets, *, max_evalue: float) -> str:
    """A BLAST result as the XML file of the query ``name``; ``max_evalue`` is the threshold of the search.

    Raises:
        BrokenInputError: a hit lacks what BLAST prints: it is from a summary of older tools.
    """
    query = {"ID": "Query_1", "def": name, "len": result.query.length}
    hits = "".join(_blast_hit(number, hit, result.query.sequence, targets) for number, hit in enumerate(result.hits, 1))
    parameters = {"matrix": "BLOSUM62", "expect": f"{max_evalue:g}", "gap-open": 11, "gap-extend": 1, "filter": "F"}
    statistics = {
        "db-num": targets.sequences,
        "db-len": targets.residues,
        "hsp-len": 0,
        "eff-space": 0,
        "kappa": _KAPPA,
        "lambda": _LAMBDA,
        "entropy": _ENTROPY,
    }
    none = "" if hits else "  <Iteration_message>No hits found</Iteration_message>\n"
    return (
        f"{_XML_HEAD}<BlastOutput>\n"
        "  <BlastOutput_program>blastp</BlastOutput_program>\n"
        f"  <BlastOutput_version>BLASTP {escape(result.program_version)}</BlastOutput_version>\n"
        f"  <BlastOutput_db>{escape(targets.name)}</BlastOutput_db>\n"
        f"{_elements('BlastOutput_query', query, 2)}"
        f"  <BlastOutput_param>\n    <Parameters>\n{_elements('Parameters', parameters, 6, '_')}"
        "    </Parameters>\n  </BlastOutput_param>\n"
        "<BlastOutput_iterations>\n<Iteration>\n  <Iteration_iter-num>1</Iteration_iter-num>\n"
        f"{_elements('Iteration_query', query, 2)}"
        f"<Iteration_hits>\n{hits}</Iteration_hits>\n"
        f"  <Iteration_stat>\n    <Statistics>\n{_elements('Statistics', statistics, 6, '_')}"
        f"    </Statistics>\n  </Iteration_stat>\n{none}"
        "</Iteration>\n</BlastOutput_iterations>\n</BlastOutput>\n"
    )


def _elements(prefix: str, values: Mapping[str, object], indent: int, joint: str = "-") -> str:
    tags = ((f"{prefix}{joint}{name}", escape(str(value))) for name, value in values.items())
    return "".join(f"{'':{indent}}<{tag}>{text}</{tag}>\n" for tag, text in tags)


def _blast_hit(number: int, hit: Hit, query: str, targets: Targets) -> str:
    _check(hit, _BLAST_SCORES)
    ordinal = targets.ordinals.get(hit.target)
    values = {
        "num": number,
        "id": f"lcl|{hit.target}" if ordinal is None else f"gnl|BL_ORD_ID|{ordinal}",
        "def": hit.target,
        "accession": hit.target if ordinal is None else ordinal,
        "len": hit.target_length,
    }
    target = targets.sequence(hit)
    hsps = "".join(
        f"    <Hsp>\n{_elements('Hsp', _blast_values(count, hsp, query, target), 6, '_')}    </Hsp>\n"
        for count, hsp in enumerate(hit.hsps, 1)
    )
    return f"<Hit>\n{_elements('Hit', values, 2, '_')}  <Hit_hsps>\n{hsps}  </Hit_hsps>\n</Hit>\n"


def _blast_values(number: int, hsp: Hsp, query: str, target: str) -> dict[str, object]:
    upper, lower = aligned_lines(hsp, query, target)
    bits = hsp.bitscore or 0.0
    return {
        "num": number,
        "bit-score": _exact(bits, ".6g"),
        "score": max(0, round((bits * math.log(2) + math.log(_KAPPA)) / _LAMBDA)),
        "evalue": _exact(hsp.evalue or 0.0, ".6g"),
        "query-from": hsp.query_start,
        "query-to": hsp.query_end,
        "hit-from": hsp.target_start,
        "hit-to": hsp.target_end,
        "query-frame": 0,
        "hit-frame": 0,
        "identity": round((hsp.identity or 0.0) * len(upper)),
        "gaps": upper.count("-") + lower.count("-"),
        "align-len": len(upper),
        "qseq": upper,
        "hseq": lower,
        "midline": "".join(a if a == b else " " for a, b in zip(upper, lower, strict=True)),
    }


def format_hhr(result: SearchResult, name: str, targets: Targets) -> str:
    """An HHsearch result as the ``.hhr`` file of the query ``name``.

    It ends in ``Done!``, as files of HH-suite 2 do, so that a file without hits is known to be whole.

    Raises:
        BrokenInputError: a hit lacks what HHsearch prints, or the result its profile: it is from a summary.
    """
    if result.profile_depth is None or result.profile_neff is None:
        raise BrokenInputError("nothing is known of the query's profile", hint="export the batch that searched it")
    header = {
        "Query": name,
        "Match_columns": result.query.length,
        "No_of_seqs": f"{result.profile_depth} out of {result.profile_depth}",
        "Neff": _exact(result.profile_neff, "g"),
        "Searched_HMMs": targets.sequences,
        "Date": time.strftime("%a %b %d %H:%M:%S %Y"),
        "Command": f"pyecod export (hhsearch {result.program_version} -d {targets.name})",
    }
    lines = [f"{key:<13} {value}" for key, value in header.items()]
    lines += ["", " No Hit                             Prob E-value P-value  Score    SS Cols Query HMM  Template HMM"]
    lines += [_hhr_row(number, hit, targets.sequences) for number, hit in enumerate(result.hits, 1)]
    lines.append("")
    for number, hit in enumerate(result.hits, 1):
        lines += _hhr_alignment(number, hit, name, result.query.sequence, targets)
    return "\n".join([*lines, "Done!", ""])


def _hhr_row(number: int, hit: Hit, searched: int) -> str:
    _check(hit, _HHSEARCH_SCORES)
    (hsp,) = hit.hsps
    evalue = hsp.evalue or 0.0
    scores = f"{hsp.probability:5.1f} {_narrow(evalue)} {_narrow(evalue / max(searched, 1))} {hsp.score:6.1f} {0:5.1f}"
    places = f"{hsp.query_start:4}-{hsp.query_end:<4} {hsp.target_start:4}-{hsp.target_end:<4}({hit.target_length})"
    return f"{number:3} {hit.target:<30.30} {scores} {_pairs(hsp):4} {places}"


def _narrow(evalue: float) -> str:
    """An E-value in the table's seven columns: two digits, or one where the exponent has three."""
    text = f"{evalue:.2G}"
    return f"{text if len(text) <= 7 else f'{evalue:.1G}':>7}"


def _hhr_alignment(number: int, hit: Hit, name: str, query: str, targets: Targets) -> Iterator[str]:
    (hsp,) = hit.hsps
    identity = (hsp.identity or 0.0) * 100
    percent = _exact(round(identity), "g") if round(identity) / 100 == hsp.identity else repr(identity)
    yield f"No {number}"
    yield f">{hit.target}"
    yield (
        f"Probab={_exact(hsp.probability or 0.0, '.2f')}  E-value={_exact(hsp.evalue or 0.0, '.2g')}"
        f"  Score={_exact(hsp.score or 0.0, '.2f')}  Aligned_cols={_pairs(hsp)}  Identities={percent}%"
        "  Similarity=0.000  Sum_probs=0.0"
    )
    yield ""
    upper, lower = aligned_lines(hsp, query, targets.sequence(hit))
    at, due = hsp.query_start, hsp.target_start
    for first in range(0, len(upper), _COLUMNS):
        above, below = upper[first : first + _COLUMNS], lower[first : first + _COLUMNS]
        after, next_due = at + len(above) - above.count("-"), due + len(below) - below.count("-")
        yield f"Q {name:<14.14} {at:4} {above} {after - 1:4} ({len(query)})"
        yield f"T {hit.target:<14.14} {due:4} {below} {next_due - 1:4} ({hit.target_length})"
        yield from ("", "")
        at, due = after, next_due


def aligned_lines(hsp: Hsp, query: str, target: str) -> tuple[str, str]:
    """An alignment as two lines of the same length, with gaps (``-``) against the residues between segments."""
    upper: list[str] = []
    lower: list[str] = []
    before = None
    for segment in hsp.segments:
        if before is not None:
            left = query[before.query_end : segment.query_start - 1]
            right = target[before.target_end : segment.target_start - 1]
            # segments that touch on both sides were parted by a column in which only other sequences had a residue
            upper.append(left + "-" * len(right) if left or right else "-")
            lower.append("-" * len(left) + right if left or right else "-")
        upper.append(query[segment.query_start - 1 : segment.query_end])
        lower.append(target[segment.target_start - 1 : segment.target_end])
        before = segment
    return "".join(upper), "".join(lower)


def _pairs(hsp: Hsp) -> int:
    return sum(segment.query_end - segment.query_start + 1 for segment in hsp.segments)


def _exact(value: float, form: str) -> str:
    """A number in the program's own form where that has all its digits, else with all of them."""
    text = format(value, form)
    return text if float(text) == value else repr(value)


def _check(hit: Hit, scores: Iterable[str]) -> None:
    """Evidence of older tools may lack scores or the target's side; no search of ours does."""
    lacks = [score for score in scores for hsp in hit.hsps if getattr(hsp, score) is None]
    uneven = any(
        not s.target_start or s.query_end - s.query_start != s.target_end - s.target_start
        for hsp in hit.hsps
        for s in hsp.segments
    )
    if hit.target_length is None or lacks or uneven:
        what = lacks[0] if lacks else "length" if hit.target_length is None else "residue-by-residue alignment"
        raise BrokenInputError(f"the hit with {hit.target} has no {what}", hint="export the batch that searched it")
