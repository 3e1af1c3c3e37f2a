"""How fast entries are read from mmCIF, beside Biopython's MMCIFParser on the same files.

    python benchmarks/mmcif.py [--folder DIR] [--repeats N] [--json]

Both start from the gzipped file. pyECOD ends with chains (SEQRES, both numberings, observed residues), Biopython with
its structure, which is what one needs there to get at the same. Times are processor time, the best of the repeats of
each file, taken in turn. ``gemmi`` is gemmi's own full structure, for orientation. Bar: ratio ≥ 20.
Biopython is needed by this benchmark only: pip install biopython.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gemmi

from pyecod.pdb import read_entry
from pyecod.settings import ChainSettings

REAL = Path(__file__).resolve().parents[2] / "shared" / "real" / "pdb" / "structures" / "divided" / "mmCIF"
BAR = 20.0


def main() -> None:
    """Read every entry with each reader and print the ratio."""
    options = _options()
    paths = sorted(options.folder.rglob("*.cif.gz"))
    if not paths:
        sys.exit(f"no *.cif.gz under {options.folder}: name a folder of entries with --folder")
    try:
        from Bio.PDB.MMCIFParser import MMCIFParser
    except ImportError:
        sys.exit("Biopython is not installed; only this benchmark needs it: pip install biopython")
    parser = MMCIFParser(QUIET=True)
    settings = ChainSettings()

    def biopython(path: Path) -> Any:
        with gzip.open(path, "rt") as lines, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return parser.get_structure(path.name, lines)

    readers: dict[str, Callable[[Path], Any]] = {
        "pyecod": lambda path: read_entry(path, path.name.removesuffix(".cif.gz"), settings),
        "biopython": biopython,
        "gemmi": lambda path: gemmi.read_structure(str(path)),
    }
    times = {path: _times(path, readers, options.repeats) for path in paths}
    chains = sum(len(readers["pyecod"](path).chains) for path in paths)
    _report(times, chains, options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=REAL, help="folder of *.cif.gz files, searched through")
    parser.add_argument("--repeats", type=int, default=3, help="times each file is read")
    parser.add_argument("--json", action="store_true", help="one flat JSON object in the last line")
    return parser.parse_args()


def _times(path: Path, readers: dict[str, Callable[[Path], Any]], repeats: int) -> dict[str, float]:
    """Best processor time of each reader, milliseconds."""
    best = dict.fromkeys(readers, float("inf"))
    for _ in range(repeats):
        for name, read in readers.items():
            start = time.process_time()
            read(path)
            best[name] = min(best[name], time.process_time() - start)
    return {name: seconds * 1000 for name, seconds in best.items()}


def _report(times: dict[Path, dict[str, float]], chains: int, as_json: bool) -> None:
    print(f"{'entry':<16}{'pyecod ms':>10}{'biopython ms':>14}{'gemmi ms':>10}{'ratio':>8}")
    for path, t in times.items():
        name = path.name.removesuffix(".cif.gz")
        ratio = t["biopython"] / t["pyecod"]
        print(f"{name:<16}{t['pyecod']:>10.2f}{t['biopython']:>14.1f}{t['gemmi']:>10.1f}{ratio:>8.1f}")
    total = {name: sum(t[name] for t in times.values()) for name in ("pyecod", "biopython", "gemmi")}
    ratio = total["biopython"] / total["pyecod"]
    print(f"{'all':<16}{total['pyecod']:>10.2f}{total['biopython']:>14.1f}{total['gemmi']:>10.1f}{ratio:>8.1f}")
    print(f"bar: ratio ≥ {BAR:g}: {'reached' if ratio >= BAR else 'MISSED'}")
    if as_json:
        result = {f"{name}_ms": round(value, 2) for name, value in total.items()}
        summary = {
            "entries": len(times),
            "chains": chains,
            **result,
            "ms_per_chain": round(total["pyecod"] / max(chains, 1), 3),
            "ratio": round(ratio, 1),
        }
        print(json.dumps(summary))


if __name__ == "__main__":
    main()
