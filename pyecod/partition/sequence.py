"""What the sequence alone says: tags, signal peptides, low complexity."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np

from pyecod.partition.alignments import Bools
from pyecod.ranges import ResidueRange

_WINDOW = 12  # residues, the window of SEG (Wootton & Federhen 1993)
_TERMINAL = 60  # residues from an end within which a tag is sought
_NEAR_END = 12  # residues between a tag and the chain's end that belong to the construct
_DISORDERED_END = 5  # unobserved residues at an end of the chain beyond which they are disorder
_ORDER = b"WFYILC"  # order-promoting (Dunker et al. 2001) without V and N, which linkers have too
_HYDROPHOBIC = frozenset("AILMFVWCG")

# purification tags with the linker and protease site that follow or precede them
_TAGS = (
    r"H{5,12}",
    r"DYKD{2,4}K",  # FLAG
    r"W[SR]HPQFEK",  # Strep-tag II
    r"EQKLISEEDL",  # c-myc
    r"YPYDVPDYA",  # HA
    r"GKPIPNPLLGLDST",  # V5
)
_SITES = r"(?:[SGA]{0,4}(?:LVPRGS[HM]{0,2}|ENLYFQ[GSM]|LEVLFQGP|DDDDK|SSG|GS[HM]?)){0,3}"
# a site behind a spacer: MHHHHHHSSGVDLGTENLYFQS is the vector of a structural genomics consortium
_SPACED_SITE = rf"(?:[A-Z]{{0,{_NEAR_END}}}?(?:LVPRGS|ENLYFQ[GSM]|LEVLFQGP))?"
_CUT = r"(?:ENLYFQ|LVPR|LEVLFQ)"  # what a protease leaves of a tag at the end of a chain
_START_TAG = re.compile(rf"^[A-Z]{{0,{_NEAR_END}}}?(?:{'|'.join(_TAGS)}){_SITES}{_SPACED_SITE}|^GPLGS")
_END_TAG = re.compile(
    rf"(?:LE|[SGA]{{1,4}}|(?:LVPRG|ENLYFQG|LEVLFQGP)S?)?(?:{'|'.join(_TAGS)})[A-Z]{{0,{_NEAR_END}}}$|{_CUT}$"
)
# n-region with a charge, hydrophobic h-region, small residues before the cleavage site (von Heijne 1986)
_SIGNAL = re.compile(r"^M[A-Z]{0,8}?[KR][A-Z]{0,5}?([AILMFVWCGST]{8,16})[A-Z]{1,7}?[AGSCV][A-Z][AGSC](?=[A-Z])")


def terminal_tags(sequence: str) -> Bools:
    """Mask of purification tags with their linkers and of an evident signal peptide at the chain's ends."""
    mask = np.zeros(len(sequence), dtype=bool)
    start = _START_TAG.search(sequence[:_TERMINAL])
    if start:
        mask[: start.end()] = True
    else:
        signal = _SIGNAL.search(sequence[:40])
        if signal and sum(letter in _HYDROPHOBIC for letter in signal[1]) >= 0.8 * len(signal[1]):
            mask[: signal.end()] = True
    offset = max(len(sequence) - _TERMINAL, 0)
    end = _END_TAG.search(sequence[offset:])
    if end:
        mask[offset + end.start() :] = True
    return mask


def order_promoting(sequence: str) -> Bools:
    """Mask of the residues that make a hydrophobic core or a disulphide: flexible linkers and tails have none."""
    letters = np.frombuffer(sequence.encode("ascii", "replace"), dtype=np.uint8)
    return np.isin(letters, np.frombuffer(_ORDER, dtype=np.uint8))


def disordered_ends(observed: ResidueRange | None, length: int) -> Bools:
    """Mask of the residues without coordinates at the chain's ends, where they are more than a few.

    ``observed`` is None, or empty, where no structure is known.
    """
    mask = np.zeros(length, dtype=bool)
    if observed:
        mask[: observed.start - 1] = observed.start - 1 > _DISORDERED_END
        mask[observed.end :] = length - observed.end > _DISORDERED_END
    return mask


def low_complexity(sequence: str, bits: float) -> Bools:
    """Mask of residues inside any window of 12 with an entropy of at most ``bits``."""
    length = len(sequence)
    if length < _WINDOW:
        return np.zeros(length, dtype=bool)
    letters = np.frombuffer(sequence.encode("ascii", "replace"), dtype=np.uint8)
    windows = np.sort(np.lib.stride_tricks.sliding_window_view(letters, _WINDOW), axis=1)
    # a run of k equal letters adds k log2 k; summed from where each run has got to, letter by letter
    run = np.ones(len(windows), dtype=np.int64)
    weight = np.zeros(len(windows))
    gains = _gains()
    for column in range(1, _WINDOW):
        run = np.where(windows[:, column] == windows[:, column - 1], run + 1, 1)
        weight += gains[run]
    poor = np.log2(_WINDOW) - weight / _WINDOW <= bits
    edges = np.zeros(length + 1, dtype=np.int64)
    edges[: len(poor)] += poor
    edges[_WINDOW : _WINDOW + len(poor)] -= poor
    return np.cumsum(edges)[:length] > 0


@lru_cache(maxsize=1)
def _gains() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """By how much k log2 k grows when a run gets its k-th letter."""
    k = np.arange(_WINDOW + 1, dtype=np.float64)
    total = k * np.log2(np.maximum(k, 1.0))
    return np.concatenate(([0.0], np.diff(total)))
