"""``pyecod doctor``: is everything here that a run needs?"""

from __future__ import annotations

import typer

from pyecod.cli.output import AsJson, Profile, SettingsFile, console, print_json, settings_from


def doctor(settings_file: SettingsFile = None, profile: Profile = None, as_json: AsJson = False) -> None:
    """Check programs, reference, folders, database, Prefect and disk; each problem comes with its remedy."""
    from pyecod.doctor import examine

    findings = list(examine(settings_from(settings_file, profile)))
    problems = [f for f in findings if f.state == "problem"]
    if as_json:
        print_json({"findings": findings, "problems": len(problems)})
    else:
        out = console()
        marks = {"ok": "[green]ok     [/green]", "note": "[yellow]note   [/yellow]", "problem": "[red]problem[/red]"}
        for finding in findings:
            out.print(f"{marks[finding.state]}  {finding.check:<22} {finding.detail}", soft_wrap=True)
            if finding.remedy and finding.state != "ok":
                out.print(f"{'':9}{'':<22} → {finding.remedy}", soft_wrap=True)
        out.print(f"\n{len(problems)} problem{'s' if len(problems) != 1 else ''} in {len(findings)} checks")
    if problems:
        raise typer.Exit(1)
