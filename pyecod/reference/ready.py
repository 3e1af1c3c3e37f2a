"""A reference that is ready for every search the settings ask for."""

from __future__ import annotations

from pyecod.errors import ConfigError, ReferenceDataError
from pyecod.reference.reference import Reference
from pyecod.settings import Settings


def open_reference(settings: Settings) -> Reference:
    """The reference the settings name, ready for every search they ask for; its lookup is read and held against its
    checksums, which takes a fraction of a second.

    Raises:
        ConfigError: none is named. ReferenceDataError: it cannot be opened, or has no chain sequences, or no profiles
            although chains with little BLAST coverage would need them, and the settings do not say to do without.
    """
    if settings.reference is None:
        raise ConfigError("no ECOD reference is named", hint="--reference DIR, or `reference:` in the settings file")
    reference = Reference.open(settings.reference)
    reference.check_lookup()
    if reference.chain_db is None and settings.search.require_chains:
        raise ReferenceDataError(
            "the reference has no chain sequences, so that chain BLAST would find nothing",
            where=settings.reference,
            hint="build it with --chain-fasta FILE, or set search.require_chains to false to do without chain BLAST",
        )
    if reference.hh_db is None and settings.search.hhsearch_below > 0:
        raise ReferenceDataError(
            "the reference has no HH-suite profiles, but chains with little BLAST coverage need them",
            where=settings.reference,
            hint="build it with --hh-db PREFIX, or set search.hhsearch_below to 0 to do without the profile search",
        )
    return reference
