"""Pictures and pages: the architecture of a chain, and the report of a batch."""

from pyecod.report.architecture import architecture_svg, thumbnail_svg
from pyecod.report.gather import gather_report
from pyecod.report.model import BatchReport, ReportChain
from pyecod.report.page import render_page, write_report
from pyecod.report.scripts import chimerax_script, pymol_script
from pyecod.report.tracks import EvidenceTrack, evidence_tracks
from pyecod.report.trends import write_weeks

__all__ = [
    "BatchReport",
    "EvidenceTrack",
    "ReportChain",
    "architecture_svg",
    "chimerax_script",
    "evidence_tracks",
    "gather_report",
    "pymol_script",
    "render_page",
    "thumbnail_svg",
    "write_report",
    "write_weeks",
]
