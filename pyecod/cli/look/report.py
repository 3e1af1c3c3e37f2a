"""``pyecod report``: the page of a batch, and the picture, table or viewer script of one chain."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyecod.cli.look.status import BasePath
from pyecod.cli.output import AsJson, Profile, SettingsFile, console, line, messages, print_json, settings_from
from pyecod.errors import UsageError

if TYPE_CHECKING:
    from pyecod.ids import ChainKey
    from pyecod.report import ReportChain

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Pages of batches and pictures of chains.")


@app.command("batch")
def batch_page(
    batch: Annotated[str, typer.Argument(help="name or folder of the batch", metavar="BATCH")],
    base_path: BasePath = None,
    settings_file: SettingsFile = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Write report/index.html of a batch: one page that needs nothing else. Works while the batch is running."""
    from pyecod.batch import locate_batch
    from pyecod.report import write_report

    path = write_report(locate_batch(batch, settings_from(settings_file, profile, base_path=base_path).base_path))
    if as_json:
        print_json({"report": path})
    else:
        console().print(str(path), soft_wrap=True)


@app.command("weeks")
def weeks_page(
    base_path: BasePath = None,
    settings_file: SettingsFile = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Write report/weeks.html under the base path: all weekly batches side by side."""
    from pyecod.report.trends import write_weeks

    path = write_weeks(settings_from(settings_file, profile, base_path=base_path).base_path)
    if as_json:
        print_json({"report": path})
    else:
        console().print(str(path), soft_wrap=True)


@app.command("chain")
def chain_report(
    chain: Annotated[str, typer.Argument(help="chain, e.g. 8s72_N", metavar="CHAIN")],
    file: Annotated[Path | None, typer.Argument(help="where to write; default: standard output")] = None,
    batch: Annotated[
        str | None, typer.Option(help="name or folder of a batch; default: where the chain's result stands")
    ] = None,
    svg: Annotated[bool, typer.Option("--svg", help="the domain architecture as a picture")] = False,
    pymol: Annotated[bool, typer.Option("--pymol", help="script that colours the domains in PyMOL")] = False,
    chimerax: Annotated[bool, typer.Option("--chimerax", help="the same for ChimeraX")] = False,
    legacy: Annotated[bool, typer.Option("--legacy", help="the older domain_partition XML")] = False,
    base_path: BasePath = None,
    settings_file: SettingsFile = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Show the domains of one chain: as a table, --json, a picture (--svg [FILE]), a viewer script or older XML."""
    from pyecod.batch import Batch, locate_batch
    from pyecod.ids import ChainKey
    from pyecod.report import gather_report

    forms = [
        name for name, asked in (("svg", svg), ("pymol", pymol), ("chimerax", chimerax), ("legacy", legacy)) if asked
    ]
    if len(forms) + as_json > 1:
        raise UsageError("--svg, --pymol, --chimerax, --legacy and --json exclude each other")
    key, folder = ChainKey.parse(chain), settings_from(settings_file, profile, base_path=base_path).base_path
    opened = Batch.open(_standing_batch(key, folder) if batch is None else locate_batch(batch, folder))
    (found,) = gather_report(opened, [key]).chains
    if forms:
        _write(_text(found, forms[0], opened.path), file)
    elif file is not None:
        raise UsageError("a FILE needs --svg, --pymol, --chimerax or --legacy")
    elif as_json:
        print_json({"batch": opened.name, **_plain(found)})
    else:
        _show(found)


def _standing_batch(key: ChainKey, base_path: Path) -> Path:
    """The batch whose result stands for a chain, in its newest week; standard error says which it is."""
    from pyecod.standing.trace import trace_chain

    trace = trace_chain(key, base_path)
    for problem in trace.problems:
        messages().print(f"cannot be read: {problem}", soft_wrap=True)
    if trace.standing is None:
        raise UsageError(f"no batch has a chain {key}", where=base_path, hint="--base-path; chain ids keep case")
    why = "whose result stands" if trace.standing.stands else "no result of it stands, and no other batch has it"
    messages().print(f"from {trace.standing.batch}, {why}", soft_wrap=True)
    return Path(trace.standing.facts["folder"])


def _text(chain: ReportChain, form: str, batch: Path) -> str:
    from pyecod.report import architecture_svg, chimerax_script, pymol_script

    if chain.partition is None:
        reason = chain.record.failure_reason or chain.record.cannot_classify_reason or "it is not partitioned yet"
        reasons = "; ".join([reason, *chain.problems])
        raise UsageError(f"the chain has no domains to show: {reasons}", where=str(chain.key))
    if form == "svg":
        return architecture_svg(chain.partition, chain.tracks, chain.numbering, title=str(chain.key), standalone=True)
    if form == "legacy":
        return _legacy(chain, batch)
    if chain.numbering is None:
        raise UsageError("the author residue numbers of the chain are not known", where=str(chain.key))
    write = pymol_script if form == "pymol" else chimerax_script
    return write(chain.key, chain.partition, chain.numbering)


def _legacy(chain: ReportChain, batch: Path) -> str:
    from pyecod.partition.xml import format_legacy_partition, read_partition

    stored = read_partition(batch / chain.record.files["partition"], length=chain.record.sequence_length)
    return format_legacy_partition(
        stored.partition,
        stored.key,
        batch_id=stored.batch_id,
        timestamp=stored.timestamp,
        summary_sha256=stored.summary_sha256,
    ).decode()


def _write(text: str, file: Path | None) -> None:
    from pyecod.files import atomic_write

    if file is None:
        sys.stdout.write(text)
        return
    try:
        atomic_write(file, text, durable=False)
    except OSError as error:
        raise UsageError(f"cannot write the file: {error.strerror}", where=file) from None


def _plain(chain: ReportChain) -> dict[str, Any]:
    from pyecod.partition.plain import domain_record, region_record

    record, partition = chain.record, chain.partition
    return {
        "chain": str(chain.key),
        "length": record.sequence_length,
        "status": record.partition_status,
        "outcome": record.partition_outcome,
        "quality": record.partition_quality,
        "coverage": record.partition_coverage,
        "reason": record.failure_reason or record.cannot_classify_reason,
        "problems": chain.problems,
        "domains": [
            domain_record(domain, chain.key) | {"pdb_range": chain.pdb_range(domain.number) or None}
            for domain in (partition.domains if partition else ())
        ],
        "unassigned": [region_record(region) for region in (partition.unassigned if partition else ())],
    }


def _show(chain: ReportChain) -> None:
    from rich.table import Table

    from pyecod.report.architecture import strength_text

    out, record = console(), chain.record
    facts = [f"{record.sequence_length} residues"]
    if chain.partition is not None:
        facts += [f"{len(chain.partition.domains)} domains", f"coverage {chain.partition.coverage:.0%}"]
        facts += [chain.partition.quality, chain.partition.outcome]
    else:
        facts.append(record.failure_reason or record.cannot_classify_reason or f"partition {record.partition_status}")
    out.print(line((str(chain.key), "bold"), "  " + " · ".join(facts).replace("_", " ")), soft_wrap=True)
    for problem in chain.problems:
        out.print(problem, style="red", soft_wrap=True)
    if chain.partition is None or not chain.partition.domains:
        return
    table = Table(box=None, pad_edge=False)
    for name in ("", "residues", "author", "T-group", "name", "reference", "by", "strength"):
        table.add_column(name)
    for domain in chain.partition.domains:
        cells = [str(domain.number), str(domain.range), chain.pdb_range(domain.number), domain.t_group]
        cells += [domain.names.get("t", ""), domain.ecod_domain, domain.source]
        table.add_row(*cells, strength_text(domain.evalue, domain.probability))
    out.print(table)
