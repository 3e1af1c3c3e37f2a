"""One ECOD version: built from published files, checked, opened in milliseconds, looked up by row."""

from pyecod.reference.build import BuildReport, build_reference
from pyecod.reference.check import check_reference
from pyecod.reference.groups import LEVELS, Level
from pyecod.reference.misfits import Misfit, Remark
from pyecod.reference.model import ChainDomains, ReferenceDomain
from pyecod.reference.reference import Reference

__all__ = [
    "LEVELS",
    "BuildReport",
    "ChainDomains",
    "Level",
    "Misfit",
    "Reference",
    "ReferenceDomain",
    "Remark",
    "build_reference",
    "check_reference",
]
