"""Classify the sequences of a FASTA file: the same steps and outputs as a week, without the PDB."""

from __future__ import annotations

from pathlib import Path

from prefect import flow

from flows.batch.process import run_batch
from flows.batch.result import BatchResult, ended
from flows.deploy.form import asks
from pyecod.settings import Settings
from pyecod.weeks.begin import begin_fasta


@flow(name="classify", flow_run_name="classify {fasta}")
@asks
def classify(settings: Settings, fasta: Path, batch_name: str | None = None) -> BatchResult:
    """Cut every sequence of ``fasta`` into domains and place them; run again, it goes on where it stopped.

    Args:
        fasta: Protein sequences, plain or .gz.
        batch_name: Name of the batch; default: from the file's name.
    """
    result = run_batch(begin_fasta(fasta, settings, batch_name), settings)
    state: BatchResult = ended(result, [result])
    return state
