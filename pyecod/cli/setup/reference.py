"""``pyecod reference``: build, check and show ECOD references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from pyecod.cli.output import (
    AsJson,
    Profile,
    SettingsFile,
    console,
    line,
    print_findings,
    print_json,
    settings_from,
    stage_progress,
)
from pyecod.errors import UsageError

if TYPE_CHECKING:
    from pyecod.reference import BuildReport, Reference

_MOST_DOMAINS = 10

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)
Directory = Annotated[
    Path | None, typer.Argument(metavar="[DIR]", help="reference; default: that of the settings", show_default=False)
]


class ManyFiles(TyperCommand):
    """A command whose repeatable options take several values at once: ``--domains a.txt b.txt``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the option before each further value."""
        many = {name for parameter in self.params if getattr(parameter, "multiple", False) for name in parameter.opts}
        spread: list[str] = []
        option = ""
        for argument in args:
            if argument.startswith("-"):
                option = argument if argument in many else ""
            elif option and spread[-1] != option:
                spread.append(option)
            spread.append(argument)
        return super().parse_args(ctx, spread)


@app.command(cls=ManyFiles)
def build(
    version: Annotated[str, typer.Option(help="name of the ECOD version, for example develop291")],
    domains: Annotated[
        list[Path], typer.Option(help="domain lists, format 1.6 or that of develop294", metavar="LIST…")
    ],
    domain_fasta: Annotated[list[Path], typer.Option(help="sequences of the domains", metavar="FASTA…")],
    out: Annotated[Path, typer.Option(help="folder to make", metavar="DIR")],
    chain_fasta: Annotated[
        list[Path] | None, typer.Option(help="sequences of the classified chains", metavar="FASTA…", show_default=False)
    ] = None,
    hh_db: Annotated[
        Path | None,
        typer.Option(help="prefix of the domains' HH-suite database, before _hhm.ffdata", metavar="PREFIX"),
    ] = None,
    copy_hh: Annotated[bool, typer.Option("--copy-hh", help="copy the HH-suite database into the folder")] = False,
    hierarchy: Annotated[Path | None, typer.Option(help="table of group names (CSV)", metavar="FILE")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="stop at the first thing that does not fit")] = False,
    force: Annotated[bool, typer.Option("--force", help="replace a reference that is already there")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a reference of ECOD's published files: BLAST databases, the lookup of domains and chains, checksums.

    What does not fit is left out, counted, and listed in rejected.tsv. Options of files take several, plain or gzipped.
    """
    from rich.progress import TimeElapsedColumn, TimeRemainingColumn, TransferSpeedColumn

    from pyecod.reference import build_reference

    columns = (TransferSpeedColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with stage_progress(*columns, quiet=as_json) as progress:
        report = build_reference(
            out,
            version,
            domains=domains,
            domain_fasta=domain_fasta,
            chain_fasta=chain_fasta or (),
            hh_db=hh_db,
            copy_hh=copy_hh,
            hierarchy=hierarchy,
            strict=strict,
            force=force,
            progress=progress,
        )
    if as_json:
        counts = {name: _by_name(getattr(report, name)) for name in ("rejected", "noted", "first")}
        print_json({**asdict(report), **counts})
    else:
        _show_report(report)


@app.command()
def check(
    directory: Directory = None, settings_file: SettingsFile = None, profile: Profile = None, as_json: AsJson = False
) -> None:
    """Read everything a reference holds and compare it with its version record; exit code 1 if there is a problem."""
    from pyecod.reference.check import check_and_record

    base_path = settings_from(settings_file, profile).base_path
    findings, _ = check_and_record(_directory(directory, settings_file, profile), base_path)
    if as_json:
        problems = sum(finding.state == "problem" for finding in findings)
        print_json({"findings": findings, "problems": problems})
    else:
        problems = print_findings(findings)
    if problems:
        raise typer.Exit(1)


@app.command()
def show(
    directory: Directory = None,
    domain: Annotated[str | None, typer.Option(help="a domain, for example e1suaA1", metavar="ID")] = None,
    chain: Annotated[
        str | None, typer.Option(help="a chain and its domains, for example 1sua_A", metavar="KEY")
    ] = None,
    group: Annotated[str | None, typer.Option(help="a group of any level, for example 2003.1.1", metavar="ID")] = None,
    settings_file: SettingsFile = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Show what a reference is, or one of its domains, chains or groups."""
    from pyecod.reference import Reference

    if sum(given is not None for given in (domain, chain, group)) > 1:
        raise UsageError("--domain, --chain and --group go one at a time")
    reference = Reference.open(_directory(directory, settings_file, profile))
    if domain is not None:
        content = _domain(reference, domain)
    elif chain is not None:
        content = _chain(reference, chain)
    elif group is not None:
        content = _group(reference, group)
    else:
        content = _record(reference)
    if as_json:
        print_json(content)
    else:
        _print_tree(content)


@app.command()
def blacklist(
    directory: Directory = None,
    add: Annotated[
        list[str] | None, typer.Option(help="id of a domain or chain that is to count for nothing", metavar="ID")
    ] = None,
    reason: Annotated[str, typer.Option(help="why; with --add", show_default=False)] = "",
    as_json: AsJson = False,
    settings_file: SettingsFile = None,
    profile: Profile = None,
) -> None:
    """Show the reference domains that count for nothing, or add to them; the file may also be edited.

    Results made before keep standing until they are made again (`pyecod repair`).
    """
    from pyecod.reference import Reference
    from pyecod.reference.mask import add_to_blacklist, read_blacklist

    reference = Reference.open(_directory(directory, settings_file, profile))
    if add:
        if not reason.strip():
            raise UsageError("a blacklisted domain needs a reason", hint="--reason TEXT")
        add_to_blacklist(reference, add, reason)
    entries = read_blacklist(reference)
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    for entry in entries:
        console().print(line((entry.id, "bold"), f"  {entry.date}  {entry.who}  {entry.reason}"), soft_wrap=True)
    if not entries:
        console().print("nothing is blacklisted")


def _by_name(values: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(reason): value for reason, value in values.items()}


def _directory(given: Path | None, settings_file: Path | None, profile: str | None) -> Path:
    directory = given or settings_from(settings_file, profile).reference
    if directory is None:
        raise UsageError("no reference named", hint="give its folder, or set `reference:` in the settings")
    return directory


def _show_report(report: BuildReport) -> None:
    out = console()
    out.print(line((report.id, "bold"), f"  {report.path}  ({report.seconds:.1f} s)"), soft_wrap=True)
    for name, count in report.counts.items():
        out.print(f"  {name.replace('_', ' '):<28}{count:>12,}")
    for title, counts, listed in (
        ("left out", report.rejected, "rejected.tsv"),
        ("worth knowing", report.noted, "noted.tsv"),
    ):
        if counts:
            out.print(line((title, "bold"), f"  all in {report.path / listed}"), soft_wrap=True)
        for reason, count in counts.items():
            first = f"first: {report.first[reason]}"
            out.print(f"  {reason.value.replace('_', ' '):<28}{count:>12,}  {first}", soft_wrap=True)


def _record(reference: Reference) -> dict[str, Any]:
    content = reference.record.model_dump(mode="json", exclude={"files", "format"})
    if content["hh_db"]:
        del content["hh_db"]["files"]
    return {"path": reference.path, **content}


def _domain(reference: Reference, id_: str) -> dict[str, Any]:
    try:
        domain = reference.domain(id_)
    except KeyError:
        near = reference.ids_like(id_[:5])
        raise UsageError(
            f"{reference.version} has no domain {id_!r}", hint=f"it has {', '.join(near)}" if near else None
        ) from None
    return {**asdict(domain), "range": str(domain.range), "row": int(reference.rows([id_])[0])}


def _chain(reference: Reference, key: str) -> dict[str, Any]:
    chain = reference.chain_domains(key)
    if chain is None:
        raise UsageError(
            f"{reference.version} has no domain with a range on chain {key!r}",
            hint="a chain is named 1sua_A, or as its record in the chain FASTA file: P00350",
        )
    found = [reference.domain_at(row) for row in chain.rows.tolist()]
    return {
        "chain": chain.chain_key,
        "length": chain.length,
        "domains": [
            {"id": d.id, "range": str(d.range), "group": d.f_group or d.t_group, "names": d.names} for d in found
        ],
    }


def _group(reference: Reference, group: str) -> dict[str, Any]:
    try:
        rows = reference.group_rows(group)
    except KeyError:
        raise UsageError(
            f"{reference.version} has no group {group!r}", hint="groups are X, X.H, X.H.T, X.H.T.F"
        ) from None
    return {
        "group": group,
        "architecture": reference.groups.architectures.get(group.partition(".")[0], ""),
        "names": reference.group_names(group),
        "groups_below": len(reference.groups.children(group)),
        "domains": len(rows),
        "representatives": int(reference.representative[rows].sum()),
        "median_length": int(sorted(reference.length[rows].tolist())[len(rows) // 2]) if len(rows) else None,
        "first_domains": [reference.domain_at(row).id for row in rows[:_MOST_DOMAINS].tolist()],
    }


def _print_tree(value: Any, indent: int = 0) -> None:
    """Nested names and values, one a line."""
    out = console()
    for name, inner in value.items():
        label = f"{'':{indent}}{name.replace('_', ' ')}"
        if isinstance(inner, dict) and inner:
            out.print(label, style="bold")
            _print_tree(inner, indent + 2)
        elif isinstance(inner, list) and inner and isinstance(inner[0], dict):
            out.print(label, style="bold")
            for item in inner:
                cells = (" > ".join(filter(None, v.values())) if isinstance(v, dict) else str(v) for v in item.values())
                out.print(f"{'':{indent + 2}}" + "  ".join(cells), soft_wrap=True)
        else:
            shown = ", ".join(map(str, inner)) if isinstance(inner, list) else inner
            text = f"{shown:,}" if isinstance(shown, int) and not isinstance(shown, bool) else shown
            out.print(f"{label:<24} {'–' if text in (None, '', {}) else text}", soft_wrap=True)
