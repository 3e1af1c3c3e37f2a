"""The options of what is left out of the evidence, for every command that partitions chains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyecod.cli.output import line, messages

if TYPE_CHECKING:
    from pyecod.reference.mask import Mask

ExcludeSelf = Annotated[
    bool | None, typer.Option("--exclude-self", help="leave out hits to the query's own PDB entry", show_default=False)
]
ExcludeDomains = Annotated[
    Path | None,
    typer.Option(help="file of reference domains and chains to leave out", metavar="FILE", show_default=False),
]
ExcludeGroups = Annotated[
    Path | None, typer.Option(help="file of X-, H-, T- and F-groups to leave out", metavar="FILE", show_default=False)
]


def masked(exclude_self: bool | None, exclude_domains: Path | None, exclude_groups: Path | None) -> dict[str, Any]:
    """The settings that the options of what is left out stand for."""
    return {
        "mask": {"exclude_self": exclude_self, "exclude_domains": exclude_domains, "exclude_groups": exclude_groups}
    }


def say_what_is_unknown(mask: Mask) -> None:
    """A list for another reference leaves out less than it says."""
    if mask.unknown:
        names = "1 name of the lists is" if len(mask.unknown) == 1 else f"{len(mask.unknown)} names of the lists are"
        told = f" {names} not in the reference, the first {mask.unknown[0]}"
        messages().print(line(("left out", "yellow"), told), soft_wrap=True)
