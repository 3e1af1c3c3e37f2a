"""Classify the sequences of a FASTA file: the same steps and outputs as a week, without the PDB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow

from flows.batch.process import BatchResult, run_batch
from pyecod.settings import load_settings
from pyecod.weeks.begin import begin_fasta


@flow(name="classify", flow_run_name="classify {fasta}")
def classify(
    fasta: Path,
    batch_name: str | None = None,
    profile: str | None = None,
    settings_file: Path | None = None,
    overrides: dict[str, Any] | None = None,
) -> BatchResult:
    """Cut every sequence of ``fasta`` into domains and place them; run again, it goes on where it stopped."""
    settings = load_settings(settings_file, profile, overrides).absolute()
    return run_batch(begin_fasta(fasta, settings, batch_name), settings)
