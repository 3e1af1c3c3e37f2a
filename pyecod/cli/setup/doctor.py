"""``pyecod doctor``: is everything here that a run needs?"""

from __future__ import annotations

from typing import Annotated

import typer

from pyecod.cli.output import AsJson, Profile, SettingsFile, print_findings, print_json, settings_from


def doctor(
    settings_file: SettingsFile = None,
    profile: Profile = None,
    patience: Annotated[float, typer.Option(min=1, help="seconds to wait for the probe job of a SLURM profile")] = 180,
    as_json: AsJson = False,
) -> None:
    """Check programs, reference, folders, database, Prefect and disk, with a SLURM profile also what its workers see.

    Each problem comes with its remedy; the exit code is 1 when there is one.
    """
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL

    from pyecod.doctor import Server, examine

    settings = settings_from(settings_file, profile)
    server = Server(PREFECT_API_URL.value() or "", PREFECT_API_AUTH_STRING.value() or "")
    findings = list(examine(settings, server, patience=patience))
    if as_json:
        problems = sum(finding.state == "problem" for finding in findings)
        print_json({"findings": findings, "problems": problems})
    else:
        problems = print_findings(findings)
    if problems:
        raise typer.Exit(1)
