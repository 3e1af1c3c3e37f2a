"""Entries as read, kept beside the batch so that no mmCIF file is read twice."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import orjson

from pyecod.errors import BrokenInputError, PyecodError
from pyecod.files import atomic_write
from pyecod.ids import ChainKey, parse_pdb_id
from pyecod.pdb.chain import CannotClassify, Chain, Entry, ModifiedResidue, Numbering, NumberingRun
from pyecod.ranges import ResidueRange

FORMAT_VERSION = 1


def save_entry(entry: Entry, folder: Path) -> Path:
    """Write ``entry`` to ``{folder}/{pdb_id}.json``, whole or not at all; the folder is made where it is absent.

    Loading gives an equal entry. The file carries its format's version and the checksum of its content.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = _plain_entry(entry)
    document = {"format": FORMAT_VERSION, "sha256": _digest(content), "entry": content}
    path = _path(folder, entry.pdb_id)
    atomic_write(path, orjson.dumps(document), durable=False)
    return path


def load_entry(folder: Path, pdb_id: str) -> Entry:
    """The entry :func:`save_entry` wrote.

    Raises:
        BrokenInputError: there is no such file, or it is damaged, of another entry or another version.
    """
    path = _path(folder, parse_pdb_id(pdb_id))
    hint = "remove it: the entry is then read from the mirror again"
    try:
        document = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        raise BrokenInputError("the entry has not been read yet", where=path) from None
    except OSError as error:
        raise BrokenInputError(f"cannot read the saved entry: {error.strerror}", where=path) from error
    except orjson.JSONDecodeError as error:
        raise BrokenInputError(f"the saved entry is damaged: {error}", where=path, hint=hint) from None
    if not isinstance(document, dict) or "format" not in document:
        raise BrokenInputError("this is no saved entry", where=path, hint=hint)
    if document["format"] != FORMAT_VERSION:
        what = f"the saved entry has format {document['format']!r}, not {FORMAT_VERSION}"
        raise BrokenInputError(what, where=path, hint=hint)
    content: Any = document.get("entry")
    if _digest(content) != document.get("sha256"):
        raise BrokenInputError("the saved entry is damaged: its checksum does not fit", where=path, hint=hint)
    try:
        entry = _entry(content)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, PyecodError) as error:
        raise BrokenInputError(f"the saved entry is damaged: {error!r}", where=path, hint=hint) from None
    if entry.pdb_id != parse_pdb_id(pdb_id):
        raise BrokenInputError(f"holds entry {entry.pdb_id}, not {pdb_id}", where=path, hint=hint)
    return entry


def _path(folder: Path, pdb_id: str) -> Path:
    return folder / f"{pdb_id}.json"


def _digest(content: Any) -> str:
    return hashlib.sha256(orjson.dumps(content)).hexdigest()


def _plain_entry(entry: Entry) -> dict[str, Any]:
    """Identical sequences are written once; chains name them by number."""
    sequences = list(dict.fromkeys((c.sequence, c.modified) for c in entry.chains))
    return {
        "pdb_id": entry.pdb_id,
        "title": entry.title,
        "method": entry.method,
        "resolution": entry.resolution,
        "release_date": entry.release_date,
        "source_sha256": entry.source_sha256,
        "problems": entry.problems,
        "sequences": [[s, [[m.label, m.component, m.parent] for m in modified]] for s, modified in sequences],
        "chains": [_plain_chain(c, sequences.index((c.sequence, c.modified))) for c in entry.chains],
    }


def _plain_chain(chain: Chain, sequence: int) -> dict[str, Any]:
    numbering = chain.numbering
    return {
        "entry_id": chain.key.entry_id,
        "chain_id": chain.key.chain_id,
        "sequence": sequence,
        "entity_id": chain.entity_id,
        "label_asym_id": chain.label_asym_id,
        "polymer_type": chain.polymer_type,
        "numbering": numbering
        and [[r.label_start, r.auth_start, r.count, *filter(None, [r.insertion_code])] for r in numbering.runs],
        "observed": None if chain.observed is None else chain.observed.segments,
        "cannot_classify": chain.cannot_classify,
        **({"failure": chain.failure} if chain.failure is not None else {}),
    }


def _entry(content: dict[str, Any]) -> Entry:
    sequences = [
        (sequence, tuple(ModifiedResidue(*residue) for residue in modified))
        for sequence, modified in content["sequences"]
    ]
    return Entry(
        pdb_id=content["pdb_id"],
        chains=tuple(_chain(chain, *sequences[chain["sequence"]]) for chain in content["chains"]),
        title=content["title"],
        method=content["method"],
        resolution=content["resolution"],
        release_date=content["release_date"],
        source_sha256=content["source_sha256"],
        problems=tuple(content["problems"]),
    )


def _chain(content: dict[str, Any], sequence: str, modified: tuple[ModifiedResidue, ...]) -> Chain:
    runs, observed, reason = content["numbering"], content["observed"], content["cannot_classify"]
    return Chain(
        key=ChainKey(content["entry_id"], content["chain_id"]),
        sequence=sequence,
        entity_id=content["entity_id"],
        label_asym_id=content["label_asym_id"],
        polymer_type=content["polymer_type"],
        numbering=None if runs is None else Numbering(tuple(NumberingRun(*run) for run in runs)),
        observed=None if observed is None else ResidueRange(tuple((a, b) for a, b in observed)),
        modified=modified,
        cannot_classify=None if reason is None else CannotClassify(reason),
        failure=content.get("failure"),
    )
