"""The published files of one ECOD version, from the addresses in the settings."""

from __future__ import annotations

import re
import shutil
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pyecod.errors import BrokenInputError, ConfigError, FetchError, UsageError
from pyecod.fetch.download import Download, Fate, Fetched
from pyecod.fetch.many import fetch_files
from pyecod.fetch.verify import check_gzip, check_tar, check_text, read_checksums
from pyecod.settings.fetch import FetchSettings

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")
_ARCHIVES = (".tar", ".tar.gz", ".tgz")
_PARTS = tuple(f"_{kind}.{suffix}" for kind in ("a3m", "hhm", "cs219") for suffix in ("ffdata", "ffindex"))


@dataclass(frozen=True, slots=True)
class ReferenceFiles:
    """What was fetched of a version, as ``pyecod reference build`` wants it; ``hh_db`` is a prefix."""

    version: str
    domains: tuple[Path, ...]
    domain_fasta: tuple[Path, ...]
    chain_fasta: tuple[Path, ...] = ()
    hh_db: Path | None = None
    hierarchy: Path | None = None

    def build_command(self, out: Path) -> list[str]:
        """The command that makes a reference of it, word by word."""
        words = ["pyecod", "reference", "build", "--version", self.version, "--out", str(out)]
        for option in ("domains", "domain_fasta", "chain_fasta"):
            paths: tuple[Path, ...] = getattr(self, option)
            words += [f"--{option.replace('_', '-')}", *map(str, paths)] if paths else []
        words += ["--hh-db", str(self.hh_db)] if self.hh_db else []
        words += ["--hierarchy", str(self.hierarchy)] if self.hierarchy else []
        return words


def reference_downloads(version: str, folder: Path, settings: FetchSettings) -> dict[str, list[Download]]:
    """What is fetched of a version, by the name of its setting; checksums are not known yet.

    Raises:
        ConfigError: the addresses of lists or sequences are not set, or two have the same file name.
        UsageError: ``version`` cannot be the name of one.
    """
    if not _VERSION.fullmatch(version):
        raise UsageError(f"{version!r} is not the name of an ECOD version", hint="for example develop291")
    sources = settings.reference
    for key in ("domains", "domain_fasta"):
        if not getattr(sources, key):
            raise ConfigError(
                f"no address is set: fetch.reference.{key}",
                hint="the addresses are those of ECOD's download page, with {version} for the version's name",
            )
    found: dict[str, list[Download]] = {}
    names: dict[str, str] = {}
    for key in ("checksums", "domains", "domain_fasta", "chain_fasta", "hierarchy", "hh_db"):
        value: str | tuple[str, ...] | None = getattr(sources, key)
        urls = (value,) if isinstance(value, str) else value or ()
        found[key] = [_download(url.format(version=version), folder, key) for url in urls]
        for download in found[key]:
            other = names.setdefault(download.path.name, download.url)
            if other != download.url:
                raise ConfigError(f"two files have the same name: {other} and {download.url}")
    return found


def _download(url: str, folder: Path, key: str) -> Download:
    name = unquote(urlsplit(url).path).rpartition("/")[2]
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{url!r} does not end in a file name", hint=f"fetch.reference.{key}")
    if key == "hh_db" and not name.endswith(_ARCHIVES):
        raise ConfigError(f"{name} is no tar archive ({', '.join(_ARCHIVES)})", hint="fetch.reference.hh_db")
    check = _check_archive if key == "hh_db" else check_gzip if name.endswith(".gz") else check_text
    return Download(url, folder / name, check, refresh=key == "checksums")


def _check_archive(path: Path) -> None:
    if not path.name.removesuffix(".part").endswith(".tar"):
        check_gzip(path)
    check_tar(path)


def fetch_reference(
    version: str,
    folder: Path,
    settings: FetchSettings,
    *,
    on_bytes: Callable[[int], None] | None = None,
    on_file: Callable[[Fetched], None] | None = None,
) -> ReferenceFiles:
    """Fetch a version into ``folder`` and unpack its HH-suite database; what is there and whole is kept.

    Raises:
        ConfigError, UsageError: as :func:`reference_downloads`. FetchError: a file cannot be had.
        OSError: the disk is full or not writable.
    """
    wanted = reference_downloads(version, folder, settings)
    sums = _checksums(wanted.pop("checksums"), settings)
    downloads = {key: [_with_sum(download, sums) for download in some] for key, some in wanted.items()}
    flat = [download for some in downloads.values() for download in some]
    ends = fetch_files(flat, settings, on_bytes=on_bytes, on_file=on_file)
    _refuse_absent(ends)
    paths = {key: tuple(download.path for download in some) for key, some in downloads.items()}
    fresh = any(end.fate is Fate.FETCHED for end in ends if end.download in downloads["hh_db"])
    return ReferenceFiles(
        version,
        domains=paths["domains"],
        domain_fasta=paths["domain_fasta"],
        chain_fasta=paths["chain_fasta"],
        hh_db=_unpack(paths["hh_db"][0], folder / "hh", fresh=fresh) if paths["hh_db"] else None,
        hierarchy=paths["hierarchy"][0] if paths["hierarchy"] else None,
    )


def _checksums(downloads: Sequence[Download], settings: FetchSettings) -> dict[str, str]:
    if not downloads:
        return {}
    _refuse_absent(fetch_files(downloads, settings))
    sums = read_checksums(downloads[0].path.read_text(encoding="utf-8", errors="replace"))
    if not sums:
        raise FetchError("there is no checksum in this list", where=downloads[0].url, hint="fetch.reference.checksums")
    return sums


def _with_sum(download: Download, sums: dict[str, str]) -> Download:
    return Download(download.url, download.path, download.check, sums.get(download.path.name))


def _refuse_absent(ends: Sequence[Fetched]) -> None:
    for end in ends:
        if end.fate is Fate.ABSENT:
            raise FetchError(
                "the server does not have this file", where=end.download.url, hint="correct fetch.reference"
            )


def _unpack(archive: Path, folder: Path, *, fresh: bool) -> Path:
    """Unpack the six files of an HH-suite database beside each other; gives their prefix.

    Raises:
        BrokenInputError: the archive does not hold exactly one database.
    """
    if folder.is_dir() and not fresh:
        return _prefix(folder, archive)
    beside = folder.with_name(folder.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    with tarfile.open(archive) as packed:
        for member in packed:
            name = member.name.rpartition("/")[2]
            if member.isreg() and _NAME.fullmatch(name) and name.endswith(_PARTS):
                source = packed.extractfile(member)
                if source is not None:
                    with source, (beside / name).open("xb") as target:
                        shutil.copyfileobj(source, target, 1 << 20)
    prefix = _prefix(beside, archive)
    shutil.rmtree(folder, ignore_errors=True)
    beside.replace(folder)
    return folder / prefix.name


def _prefix(folder: Path, archive: Path) -> Path:
    names = {path.name for path in folder.iterdir()}
    stems = {name.removesuffix(part) for name in names for part in _PARTS if name.endswith(part)}
    if len(stems) != 1:
        raise BrokenInputError(
            f"the archive holds {len(stems)} HH-suite databases instead of one", where=archive, hint="…_hhm.ffdata"
        )
    (stem,) = stems
    lacking = [part for part in _PARTS if f"{stem}{part}" not in names]
    if lacking:
        raise BrokenInputError(f"the archive lacks {stem}{lacking[0]}", where=archive)
    return folder / stem
