"""Settings of fetching: addresses, limits and patience."""

from __future__ import annotations

from string import Formatter
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from pyecod.settings.layers import Section


def check_url(text: str, *fields: str) -> str:
    """The address itself, when it is one of http or https without a password; ``{…}`` may be one of ``fields``.

    Raises:
        ValueError: it is not, and why.
    """
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or any(c.isspace() for c in text):
        raise ValueError("not an http or https address")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address with a user name: put name and password into ~/.netrc")
    return check_template(text, *fields)


def check_template(text: str, *fields: str) -> str:
    """The text itself, when every ``{…}`` in it is one of ``fields``.

    Raises:
        ValueError: another one is in it, or a brace is alone.
    """
    for _, name, form, conversion in Formatter().parse(text):
        if name is not None and (name not in fields or form or conversion):
            known = ", ".join(f"{{{field}}}" for field in fields) or "none"
            raise ValueError(f"{{{name}}} is not known here; known: {known}")
    return text


class ReferenceSources(Section):
    """Where an ECOD version is fetched from: http(s) URLs in which ``{version}`` stands for its name."""

    domains: tuple[str, ...] = Field((), description="URLs of the domain lists; {version} is the version's name")
    domain_fasta: tuple[str, ...] = Field((), description="URLs of the domains' sequences")
    chain_fasta: tuple[str, ...] = Field((), description="URLs of the chains' sequences")
    hh_db: str | None = Field(None, description="URL of the domains' HH-suite database, a .tar.gz or .tar archive")
    hierarchy: str | None = Field(None, description="URL of the table of group names")
    checksums: str | None = Field(None, description="URL of a list as sha256sum or md5sum prints it, of these files")

    @field_validator("*")
    @classmethod
    def _urls(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for url in (value,) if isinstance(value, str) else value or ():
            check_url(url, "version")
        return value


class FetchSettings(Section):
    """Getting releases, entries and references from an HTTP(S) server."""

    enabled: bool = Field(
        False,
        description="without a mirror, fetch the lists of new releases before a weekly run, and each entry when it is "
        "read (deleted afterwards)",
    )
    status_url: str = Field(
        "https://files.wwpdb.org/pub/pdb/data/status", description="folder of YYYYMMDD/added.pdb on the server"
    )
    entries_url: str = Field(
        "https://files.wwpdb.org/pub/pdb/data/structures/divided/mmCIF", description="mmCIF folder on the server"
    )
    entry_path: str = Field(
        "{middle}/{id}.cif.gz",
        description="path below it: {id} 8s72, {extended} pdb_00008s72, {middle} s7",
    )
    staged_entries: int = Field(
        25, ge=1, description="entries on disk at a time, for each worker, when they are deleted afterwards"
    )
    connections: int = Field(4, ge=1, le=32, description="files fetched at the same time")
    per_second: float = Field(10.0, gt=0, description="most requests per second")
    timeout: float = Field(60.0, gt=0, description="seconds without an answer, or below 1 KiB/s, until a new try")
    retries: int = Field(5, ge=0, description="further tries of a file after a fault that may pass")
    retry_delay: float = Field(2.0, ge=0, description="seconds before the first of them, doubled for each further one")
    longest_wait: float = Field(
        300.0, ge=0, description="longest wait before a try, seconds; a server that asks for more is given up"
    )
    reference: ReferenceSources = ReferenceSources()

    @field_validator("status_url", "entries_url")
    @classmethod
    def _url(cls, value: str) -> str:
        return check_url(value).rstrip("/")

    @field_validator("entry_path")
    @classmethod
    def _template(cls, value: str) -> str:
        return check_template(value, "id", "extended", "middle")
