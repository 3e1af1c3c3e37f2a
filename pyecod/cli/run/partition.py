"""``pyecod partition``: domain summaries in, domains out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyecod.cli.output import AsJson, Profile, SettingsFile, console, messages, print_json, settings_from
from pyecod.cli.run.masks import ExcludeDomains, ExcludeGroups, ExcludeSelf, masked
from pyecod.errors import UsageError

if TYPE_CHECKING:
    from pyecod.ids import ChainKey
    from pyecod.partition import Partition
    from pyecod.partition.many import FileResult


def partition(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="domain summaries (both dialects), or folders of them")
    ],
    reference: Annotated[
        Path | None, typer.Option(help="ECOD reference", metavar="DIR", show_default="that of the settings")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="say why each domain is there and its rival is not")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="folder for <chain>.partition.xml, made if absent", metavar="DIR")
    ] = None,
    exclude_self: ExcludeSelf = None,
    exclude_domains: ExcludeDomains = None,
    exclude_groups: ExcludeGroups = None,
    jobs: Annotated[int, typer.Option(min=1, help="processes side by side")] = 1,
    settings_file: SettingsFile = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Partition chains from their domain summaries; exit code 1 when a file could not be read."""
    from pyecod.partition.many import partition_files

    settings = settings_from(
        settings_file, profile, reference=reference, **masked(exclude_self, exclude_domains, exclude_groups)
    )
    if settings.reference is None:
        raise UsageError("no reference is given", hint="use --reference DIR, or set `reference` in the settings")
    if out:
        out.mkdir(parents=True, exist_ok=True)
    paths = list(_summaries(files))
    results = partition_files(paths, settings.reference, settings, out=out, jobs=jobs)
    failed = _print_json(results) if as_json else _print_table(results, explain=explain)
    if failed:
        raise typer.Exit(1)


def _summaries(files: list[Path]) -> Iterator[Path]:
    for path in files:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.name.endswith((".summary.xml", ".summary.xml.gz")))
            if not inside:
                raise UsageError("the folder has no *.summary.xml", where=path)
            yield from inside
        else:
            yield path


def _print_json(results: Iterator[FileResult]) -> int:
    records = [_record(result) for result in results]
    print_json(records)
    return sum("error" in record for record in records)


def _record(result: FileResult) -> dict[str, Any]:
    from pyecod.partition.plain import domain_record, region_record

    if result.partition is None or result.key is None:
        return {"file": result.path, "error": result.error}
    found = result.partition
    return {
        "file": result.path,
        "chain": str(result.key),
        "length": found.length,
        "outcome": found.outcome,
        "quality": found.quality,
        "coverage": round(found.coverage, 4),
        "domains": [domain_record(domain, result.key) for domain in found.domains],
        "unassigned": [region_record(region) for region in found.unassigned],
        "evidence": {
            str(kind): {
                "found": count.found,
                "kept": count.kept,
                "considered": count.considered,
                "accepted": count.accepted,
                "rejected": dict(count.rejected),
            }
            for kind, count in found.counts.items()
        },
        "reference_version": found.reference_version,
        "algorithm": f"{found.algorithm} {found.algorithm_version}",
        **({"written": result.written} if result.written else {}),
    }


def _print_table(results: Iterator[FileResult], *, explain: bool) -> int:
    out, failed = console(), 0
    for result in results:
        if result.partition is None or result.key is None:
            messages().print(f"failed  {result.error}", soft_wrap=True)
            failed += 1
            continue
        for line in _lines(result.key, result.partition, explain=explain):
            out.print(line, soft_wrap=True)
    return failed


def _lines(key: ChainKey, found: Partition, *, explain: bool) -> Iterator[str]:
    label = found.quality.value if found.domains else found.outcome.value
    plural = "" if len(found.domains) == 1 else "s"
    yield f"{key}  {found.length} residues, {len(found.domains)} domain{plural}, {found.coverage:.0%} covered, {label}"
    for domain in found.domains:
        score = f"E {domain.evalue:.2g}" if domain.evalue is not None else ""
        if domain.probability is not None:
            score = f"{domain.probability:.1f} %"
        flags = f"  [{', '.join(domain.flags)}]" if domain.flags else ""
        name = domain.names.get("t", "")
        yield (
            f"  {domain.id(key):<14} {domain.range!s:<24} {domain.f_group or domain.t_group:<14} {name}  "
            f"({domain.ecod_domain}, {domain.source}, {score}, support {domain.support}, {domain.certainty}){flags}"
        )
        if explain:
            yield f"      {domain.explanation}"
    for region in found.unassigned:
        yield f"  {'–':<14} {region.range!s:<24} {region.reason}"
        if explain:
            yield from (f"      {line}" for line in region.found)
