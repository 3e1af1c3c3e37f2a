"""What earlier versions of pyECOD, or of the search programs, left: does it still serve, and what would it cost anew?

So far all that 0.1 wrote is read as it is. A version that can no longer read something says so here, with the command
that makes it again and the price.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from pyecod.batch import find_batches
from pyecod.batch.header import settings_differences
from pyecod.batch.manifest import read_header
from pyecod.batch.paths import BatchPaths
from pyecod.checks import Finding
from pyecod.errors import BatchError
from pyecod.node.program import program_versions
from pyecod.search import SearchCache
from pyecod.search.encoding import DamagedEntryError, decode_header
from pyecod.settings import Settings

_SAMPLE = 500  # results of the search cache that are looked at


def check_kept(settings: Settings, reference_id: str | None) -> Iterator[Finding]:
    """One line for the batches and one for the search cache; nothing where there are none yet."""
    if settings.base_path.is_dir():
        yield from _batches(settings, reference_id)
    if settings.cache_dir.is_dir():
        yield from _searches(settings)


def _batches(settings: Settings, reference_id: str | None) -> Iterator[Finding]:
    """Batches that cannot be read, or are unfinished and would be refused because a setting means something else."""
    count = 0
    for path in find_batches(settings.base_path):
        count += 1
        try:
            header = read_header(BatchPaths(path).manifest)
        except BatchError as error:
            yield Finding("batches", "problem", f"{path.name}: {error.what}", error.hint or "")
            continue
        now = reference_id or header.reference_id
        changed = [] if header.completed else settings_differences(header, settings, now)
        if changed:
            remedy = "finish it with the settings it was begun with; what they were is in its batch_manifest.yaml"
            yield Finding("batches", "note", f"{path.name} is unfinished, and now {'; '.join(changed)}", remedy)
    if count:
        yield Finding("batches", "ok", f"{count} looked at")


def _searches(settings: Settings) -> Iterator[Finding]:
    """Results that no search would find any more: of another format, or of another version of their program."""
    installed = program_versions()
    looked, seconds, old = 0, 0.0, dict[str, int]()
    entries = (entry for entry in SearchCache(settings.cache_dir).entries() if entry.kind == "results")
    for entry in islice(entries, _SAMPLE):
        looked += 1
        try:
            header = decode_header(entry.path.read_bytes(), "".join(entry.path.parts[-3:]))
        except (OSError, DamagedEntryError) as error:
            old[str(error)] = old.get(str(error), 0) + 1
            continue
        if header.program_version != installed.get(header.program, header.program_version):
            what = f"{header.program} {header.program_version}, now {installed[header.program]}"
            old[what] = old.get(what, 0) + 1
            seconds += header.seconds
    if not old:
        if looked:
            yield Finding("kept searches", "ok", f"{looked} results looked at, all of them serve")
        return
    why = "; ".join(f"{count} of {looked} looked at: {what}" for what, count in sorted(old.items()))
    price = f"; their searches took {seconds / 3600:.1f} hours of CPU" if seconds else ""
    remedy = "they are searched again when they are needed; or install the program's earlier version"
    yield Finding("kept searches", "note", f"{why}{price}", remedy)
