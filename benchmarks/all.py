"""Run the benchmarks one after the other and keep their figures: benchmarks/results/vX.Y/NAME.json.

    python benchmarks/all.py [NAME ...]

Without names all of them, an hour on two cores; let the machine do nothing else meanwhile. What a program prints is
shown as it comes. Figures of an earlier run of the same version are replaced, those of other versions stay, so that a
change can be held against them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
RUNS = {
    "accuracy": ("accuracy.py",),
    "batch_state": ("batch_state.py",),
    "clusters": ("clusters.py",),
    "mmcif": ("mmcif.py",),
    "orchestration_4000": ("orchestration.py", "--chains", "4000"),
    "orchestration_40000": ("orchestration.py", "--chains", "40000"),
    "orchestration_40000_copies3_depth40": ("orchestration.py", "--chains", "40000", "--copies", "3", "--depth", "40"),
    "orchestration_4000_depth40": ("orchestration.py", "--chains", "4000", "--depth", "40"),
    "partition_speed": ("partition_speed.py",),
    "reference_lookup": ("reference_lookup.py",),
    "search": ("search.py", "--profiles", "6"),
    "sync": ("sync.py",),
}


def results_folder() -> Path:
    """Where the figures of this version are: ``v0.1`` for 0.1.0."""
    return HERE / "results" / ("v" + ".".join(version("pyecod").split(".")[:2]))


def run(name: str) -> bool:
    """Run one benchmark and keep the last line of its output; False where it failed."""
    program, *options = RUNS[name]
    print(f"== {name}", flush=True)
    with subprocess.Popen(
        [sys.executable, HERE / program, *options, "--json"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        last = ""
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line if line.strip() else last
    if process.returncode:
        print(f"{name} failed with exit code {process.returncode}", file=sys.stderr)
        return False
    path = results_folder() / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(json.loads(last), indent=1) + "\n", encoding="utf-8")
    return True


def main() -> None:
    """Run what was asked for; the exit code is 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RUNS))
    names = parser.parse_args().names or list(RUNS)
    if unknown := set(names) - set(RUNS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(RUNS)}")
    results = [run(name) for name in names]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
