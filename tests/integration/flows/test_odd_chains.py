"""A week with entries whose chains are not as the archive's: every polymer has a record, and what failed is seen."""

from __future__ import annotations

import gzip
import re
import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from typer.testing import CliRunner

from pyecod.batch import Batch, Status
from pyecod.cli.main import app
from pyecod.pdb import find_entry, read_entry
from pyecod.settings import ChainSettings
from pyecod.standing.scan import Priority, scan

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_api")]


class OddWeek:
    """A release of two entries of the small world: one whose chain A is called ``A_1``, one whose tables disagree."""

    def __init__(self, small_world: Any, folder: Path) -> None:
        world = small_world.world
        day = world.dates[0]
        names = (world.status_dir / f"{day:%Y%m%d}" / "added.pdb").read_text().split()
        self.renamed, self.contradicting = [name for name in names if _has_chain(world.mirror, name)][:2]
        self.mirror, self.day = folder / "mirror", day
        release = folder / "status" / f"{day:%Y%m%d}"
        release.mkdir(parents=True)
        (release / "added.pdb").write_text(f"{self.renamed}\n{self.contradicting}\n")
        for name in (self.renamed, self.contradicting):
            source = find_entry(world.mirror, name)
            target = self.mirror / source.relative_to(world.mirror)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
        self.good = find_entry(self.mirror, self.contradicting).read_bytes()
        self._change(self.renamed, _rename)
        self._change(self.contradicting, _contradict)
        self.overrides = {
            **small_world.overrides(folder / "batches"),
            "status_dir": str(folder / "status"),
            "mirror": str(self.mirror),
        }
        self.settings = folder / "settings.yaml"
        self.settings.write_text(yaml.safe_dump(self.overrides))

    def _change(self, name: str, change: Any) -> None:
        path = find_entry(self.mirror, name)
        path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()).decode()).encode()))

    def mend(self) -> None:
        """The file as it should be."""
        find_entry(self.mirror, self.contradicting).write_bytes(self.good)

    def command(self, *arguments: str) -> Any:
        """A command as a person gives it."""
        return CliRunner().invoke(app, [*arguments, "--settings", str(self.settings)])

    @property
    def batch(self) -> Batch:
        """The week's batch."""
        return Batch.open(Path(self.overrides["base_path"]) / f"ecod_weekly_{self.day:%Y%m%d}")


def _has_chain(mirror: Path, name: str) -> bool:
    try:
        entry = read_entry(find_entry(mirror, name), name, ChainSettings())
    except Exception:  # noqa: BLE001 - some of the world's entries are broken on purpose
        return False
    return any(chain.key.chain_id == "A" and chain.is_searchable for chain in entry.chains)


def _scheme(text: str) -> tuple[str, str, str]:
    start = text.index("_pdbx_poly_seq_scheme.")
    end = text.index("\n#", start)
    return text[:start], text[start:end], text[end:]


def _rename(text: str) -> str:
    """Author id A as A_1, in the scheme and in the atoms."""
    head, scheme, tail = _scheme(text)
    tags = re.findall(r"_pdbx_poly_seq_scheme\.(\S+)", scheme)
    lines = []
    for line in scheme.split("\n"):
        words = line.split()
        if len(words) == len(tags) and words[tags.index("pdb_strand_id")] == "A":
            words[tags.index("pdb_strand_id")] = "A_1"
            line = " ".join(words)
        lines.append(line)
    return _rename_atoms(head) + "\n".join(lines) + _rename_atoms(tail)


def _rename_atoms(text: str) -> str:
    tags = re.findall(r"(?m)^_atom_site\.(\S+)", text)
    lines = []
    for line in text.split("\n"):
        words = line.split()
        if line.startswith(("ATOM", "HETATM")) and len(words) == len(tags):
            place = tags.index("auth_asym_id")
            if words[place] == "A":
                words[place] = "A_1"
                line = " ".join(words)
        lines.append(line)
    return "\n".join(lines)


def _contradict(text: str) -> str:
    """Another fifth residue in the scheme of chain A than in its entity's sequence."""
    head, scheme, tail = _scheme(text)
    tags = re.findall(r"_pdbx_poly_seq_scheme\.(\S+)", scheme)
    lines = scheme.split("\n")
    for at, line in enumerate(lines):
        words = line.split()
        named = dict(zip(tags, words, strict=False))
        if len(words) == len(tags) and named["pdb_strand_id"] == "A" and named["seq_id"] == "5":
            words[tags.index("mon_id")] = "TRP" if named["mon_id"] != "TRP" else "GLY"
            lines[at] = " ".join(words)
    return head + "\n".join(lines) + tail


@pytest.fixture
def odd(small_world: Any, tmp_path: Path) -> OddWeek:
    return OddWeek(small_world, tmp_path)


def test_every_polymer_has_a_record_and_what_failed_ends_in_exit_1(odd: OddWeek) -> None:
    done = odd.command("update-weeks", "--start-date", str(odd.day), "--end-date", str(odd.day), "--yes", "--json")
    assert done.exit_code == 1, done.output
    records = odd.batch.manifest.chains
    renamed = records[f"{odd.renamed}_A%5F1"]
    assert renamed.partition_status is Status.COMPLETE
    assert (odd.batch.path / renamed.files["partition"]).name.startswith(f"{odd.renamed}_A%5F1")
    failed = records[f"{odd.contradicting}_A"]
    assert (failed.failed_at, failed.is_failed, failed.can_classify) == ("entry", True, True)
    assert "at residue 5" in (failed.failure_reason or "")
    (line,) = orjson.loads(odd.command("status", "--json").stdout)
    assert (line["failed"], line["left"]) == (1, 0)
    assert "done with failures" in odd.command("status").stdout
    assert "at residue 5" in odd.command("status", odd.batch.name).stdout
    page = (odd.batch.path / "report" / "index.html").read_text()
    assert f"{odd.renamed}_A%5F1" in page
    assert "at residue 5" in page
    told = odd.command("report", "chain", f"{odd.renamed}_A%5F1")
    assert told.exit_code == 0, told.output


def test_the_chain_of_a_mended_file_is_classified_by_retry(odd: OddWeek, tmp_path: Path) -> None:
    run = ("update-weeks", "--start-date", str(odd.day), "--end-date", str(odd.day), "--yes")
    assert odd.command(*run).exit_code == 1
    odd.mend()
    tasks = tmp_path / "tasks.json"
    found = scan(Path(odd.overrides["base_path"]), strong_coverage=0.9, priorities=[Priority.FAILED])
    assert [(str(task.key), task.to_plain()["step"]) for task in found.tasks] == [(f"{odd.contradicting}_A", "entry")]
    assert odd.command("scan", "--only", "failed", "--output", str(tasks)).exit_code == 0
    retried = odd.command("retry", "--tasks", str(tasks), "--yes")
    assert retried.exit_code == 0, retried.output
    record = odd.batch.manifest.chains[f"{odd.contradicting}_A"]
    assert (record.failure_kind, record.partition_status) == (None, Status.COMPLETE)


def test_the_chain_of_a_mended_file_is_classified_by_a_repair(odd: OddWeek) -> None:
    run = ("update-weeks", "--start-date", str(odd.day), "--end-date", str(odd.day), "--yes")
    assert odd.command(*run).exit_code == 1
    asked = ("repair", "--failed", "--reason", "error_fix", "--yes", "--json")
    again = odd.command(*asked)
    assert again.exit_code == 1, again.output
    assert orjson.loads(again.stdout)["verdicts"] == {"failed": 1}
    odd.mend()
    done = odd.command(*asked)
    assert done.exit_code == 0, done.output
    assert orjson.loads(done.stdout)["batch"]["failed"] == 0
    assert "mended by repairs" in odd.command("status").stdout
