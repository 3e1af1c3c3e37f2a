"""A clustering as a file, so that every week of a backlog can be worked on with it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import orjson

from pyecod.errors import BrokenInputError, PyecodError
from pyecod.families.model import Cluster, ClusteredSequence, Clustering
from pyecod.files import atomic_write
from pyecod.ids import ChainKey

_FORMAT = "pyecod clusters 1"


def save_clustering(path: Path, clustering: Clustering) -> None:
    """Write a clustering, whole or not at all; the folder is made where it is absent."""
    content = {
        "name": clustering.name,
        "method": clustering.method,
        "method_version": clustering.method_version,
        "min_identity": clustering.min_identity,
        "min_coverage": clustering.min_coverage,
        "batches": clustering.batches,
        "source": clustering.source,
        "created": clustering.created,
        "clusters": [[_plain(sequence) for sequence in cluster.sequences] for cluster in clustering.clusters],
    }
    body = orjson.dumps(content)
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"format": _FORMAT, "sha256": hashlib.sha256(body).hexdigest(), "clustering": content}
    atomic_write(path, orjson.dumps(document) + b"\n")


def load_clustering(path: Path) -> Clustering:
    """Read a clustering.

    Raises:
        BrokenInputError: there is no such file, it is damaged, or no clustering.
    """
    try:
        document = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise BrokenInputError(
            f"cannot read the clustering: {error}", where=path, hint="`pyecod cluster build` makes one"
        ) from None
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise BrokenInputError("this is no clustering", where=path, hint="`pyecod cluster build` makes one")
    content: Any = document.get("clustering")
    if hashlib.sha256(orjson.dumps(content)).hexdigest() != document.get("sha256"):
        raise BrokenInputError("the clustering is damaged: its checksum does not fit", where=path)
    try:
        clusters = [
            Cluster(number, _sequence(lead), tuple(map(_sequence, members)))
            for number, (lead, *members) in enumerate(content.pop("clusters"), 1)
        ]
        batches = tuple(content.pop("batches"))
        return Clustering(clusters=tuple(clusters), batches=batches, **content)
    except (KeyError, TypeError, ValueError, AttributeError, PyecodError) as error:
        raise BrokenInputError(f"the clustering is damaged: {error!r}", where=path) from None


def _plain(sequence: ClusteredSequence) -> list[Any]:
    return [sequence.md5, [[str(key), batch] for key, batch in sequence.chains]]


def _sequence(raw: Any) -> ClusteredSequence:
    md5, chains = raw
    return ClusteredSequence(md5, tuple((ChainKey.parse(key), batch) for key, batch in chains))
