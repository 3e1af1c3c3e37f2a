"""Names of chains, domains and sequences as the titles of other programs spell them: one reading for all files.

Titles of BLAST databases and hits, of chain and domain FASTA, of HH-suite profiles, and targets of domain summaries.
What a title does not say is never guessed: a PDB entry without its chain is no chain.
"""

from __future__ import annotations

import hashlib
import re

from pyecod.errors import IdError
from pyecod.ids import ChainKey, parse_pdb_id

_ENTRY = r"(?:[0-9][A-Za-z0-9]{3}|[Pp][Dd][Bb]_[0-9A-Za-z]{8})"
_ENTRY_ONLY = re.compile(_ENTRY, re.ASCII)
# 1lkk:A, 1lkk|A, 1lkk.A, 1lkk/A, 1lkk-A, 1lkk,A
_JOINED = re.compile(rf"({_ENTRY})[:|./,-]([A-Za-z0-9][A-Za-z0-9.-]{{0,15}})", re.ASCII)
# 1lkkA, of classic ids with a letter only: 12345 is a number, an extended id with letters after it may be anything
_GLUED = re.compile(r"([0-9](?![0-9]{3})[A-Za-z0-9]{3})([A-Za-z0-9]{1,4})", re.ASCII)
_CHAIN_WORD = re.compile(r"[A-Za-z0-9]{1,4}", re.ASCII)
_CHAIN_NAMED = re.compile(r"[ |,;]chain[: ]+([A-Za-z0-9]{1,4})(?=[ ,;|:]|$)", re.ASCII | re.IGNORECASE)
# RCSB's download: 1A81_1|Chains A, C|NAME|ORGANISM, where the number is the entity's; B[auth D] is the author's D
_RCSB = re.compile(rf"({_ENTRY})_[0-9]+\|Chains? ([^|,]+)(?:,[^|]*)?(?:\|.*)?", re.ASCII)
_AUTHOR = re.compile(r"\S+?\[auth ([^\]]+)\]", re.ASCII)
_ECOD_ID = re.compile(r"e(?:[0-9][a-z0-9]{3}|pdb_[0-9a-z]{8}|[A-Z][A-Z0-9]{5,9})\S*", re.ASCII)
# what may stand before the first bar of a title of NCBI and its followers
_DATABASES = frozenset(
    [
        *("lcl", "gnl", "gi", "ref", "gb", "emb", "dbj", "pir", "prf", "sp", "tr", "pdb", "pat", "bbs", "bbm", "gim"),
        *("tpg", "tpe", "tpd", "oth", "gpp", "nat", "sptr", "unk", "pgp", "ecod"),
    ]
)
_NOT_IN_RECORD = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)
_OWN_ID = re.compile(r"[0-9][A-Za-z0-9]{3}[./,-]?[A-Za-z0-9.-]{1,16}", re.ASCII)
_LONGEST_RECORD = 80


def chain_keys(title: str) -> tuple[str, ...]:
    """Keys of the PDB chains a title may name, the likeliest first; empty where it names no chain of an entry.

    >>> chain_keys("6ces A"), chain_keys("1LKK_A mol:protein length:105"), chain_keys("pdb|1lkk|A Chain A, LCK")
    (('6ces_A',), ('1lkk_A',), ('1lkk_A',))
    >>> chain_keys("1A81_2|Chains B[auth D], F|PEPTIDE|Homo sapiens"), chain_keys("P00350")
    (('1a81_D',), ())
    """
    title = title.strip()
    rcsb = _RCSB.fullmatch(title)
    if rcsb is not None:
        author = _AUTHOR.match(rcsb[2].strip())
        return _keys((rcsb[1], author[1] if author else rcsb[2].strip()))
    words = title.split(maxsplit=2)
    if not words:
        return ()
    name = _without_database(words[0])
    if key := _written_as_key(name) or _written_as_key(name.partition("|")[0]):
        return (key,)
    joined = _JOINED.fullmatch(name.rstrip("|"))
    if joined is not None:
        return _keys((joined[1], joined[2]))
    if _ENTRY_ONLY.fullmatch(name.rstrip("|_:")):
        return _keys((name.rstrip("|_:"), chain)) if (chain := _chain_in(words, title)) else ()
    glued = _GLUED.fullmatch(name)
    return _keys((glued[1], glued[2])) if glued is not None else ()


def _written_as_key(word: str) -> str:
    try:
        key = ChainKey.parse(word)
    except IdError:
        return ""
    return str(key) if key.chain_id else ""


def _chain_in(words: list[str], title: str) -> str | None:
    """The chain a title names in a word of its own: ``6ces A``, ``1lkk Chain A, LCK``."""
    named = _CHAIN_NAMED.search(title)
    if named is not None:
        return named[1]
    if len(words) < 2 or not _CHAIN_WORD.fullmatch(words[1]):
        return None
    # more than two words are a description, whose first word may be as short as a chain id
    return words[1] if len(words) == 2 or len(words[1]) == 1 or words[2].startswith(("mol:", "length:")) else None


def entry_of(title: str) -> str | None:
    """Canonical id of the PDB entry that stands at the begin of a title, None where none does."""
    words = title.split(maxsplit=1)
    match = re.match(rf"({_ENTRY})(?![A-Za-z0-9])", _without_database(words[0]), re.ASCII) if words else None
    return parse_pdb_id(match[1]) if match else None


def chain_target(title: str) -> str:
    """Key of the chain a hit or a summary names: that of a PDB chain, else the title's id as it is.

    >>> [chain_target(title) for title in ("1lkk_A", "1lkkA", "1lkk A", "gnl|BL|1LKK_A", "P00350 6PGD")]
    ['1lkk_A', '1lkk_A', '1lkk_A', '1lkk_A', 'P00350']
    """
    return next(iter(chain_keys(title)), "") or _without_database(_first_word(title)).strip("|")


def domain_id(title: str) -> str:
    """Id of the domain a title names: ``uid|domain_id|f_id|range`` as ECOD has it, with a database before it, or plain.

    >>> [domain_id(title) for title in ("000003268|e1dlwA1|106.1.1.1|A:1-116", "gnl|ecod|e1dlwA1", "e1dlwA1;106.1.1.1")]
    ['e1dlwA1', 'e1dlwA1', 'e1dlwA1']
    >>> [domain_id(title) for title in ("NA|P00350_nD1|2003.1.1.44", "lcl|P00350_nD1 x", "P00350_nD1")]
    ['P00350_nD1', 'P00350_nD1', 'P00350_nD1']
    """
    word = _first_word(title.partition(";")[0])
    parts = [part for part in word.split("|") if part]
    ours = next((part for part in parts if _ECOD_ID.fullmatch(part)), None)
    if ours is not None:
        return ours
    plain = [part for part in _without_database(word).split("|") if part]
    if not plain or word.lower().startswith("pdb|"):
        return next(iter(chain_keys(word)), word)
    return plain[1] if len(plain) > 1 and len(plain) == len(parts) else plain[0]


def is_ecod_id(text: str) -> bool:
    """Whether a word has the form of ECOD's own domain ids: ``e1dlwA1``."""
    return _ECOD_ID.fullmatch(text) is not None


def record_key(title: str) -> ChainKey:
    """Key of a sequence record: that of a PDB chain where the title names one, else an id made of its first word.

    UniProt's ``sp|P00350|6PGD_ECOLI`` gives the accession, NCBI's ``ref|NP_416533.1|`` and ``AFDB:AF-P00350-F1`` the
    id after the database; other characters than letters, digits, ``.``, ``_`` and ``-`` become ``_``.

    Raises:
        IdError: no letter or digit is left.
    """
    word = _first_word(title)
    plain = _without_database(word)
    # not 1abcd and 1abc.d: among anybody's sequences these are ids of their own
    if not _OWN_ID.fullmatch(plain) and (keys := chain_keys(title)):
        return ChainKey.parse(keys[0])
    text = _NOT_IN_RECORD.sub("_", plain.strip("|")).lstrip("._-").rstrip("_")
    if len(text) > _LONGEST_RECORD:
        mark = hashlib.md5(word.encode(), usedforsecurity=False).hexdigest()[:8]
        text = f"{text[: _LONGEST_RECORD - 9]}_{mark}"
    if not text:
        raise IdError(f"{title[:80]!r} has no id", hint="a title begins with letters or digits: >P00350 …")
    return ChainKey.parse(text)


def _keys(*pairs: tuple[str, str]) -> tuple[str, ...]:
    keys = []
    for entry, chain in pairs:
        try:
            keys.append(str(ChainKey.of_pdb(entry, chain)))
        except IdError:
            continue  # then the title names no chain
    return tuple(keys)


def _first_word(title: str) -> str:
    return next(iter(title.split(maxsplit=1)), "")


def _without_database(word: str) -> str:
    """The word after the databases that stand before it: ``gi|123|ref|NP_1.1|`` gives ``NP_1.1``."""
    if ":" in word and word.partition(":")[0].upper() in ("PDB", "AFDB", "LCL", "UNIPROT", "UNIPROTKB", "REFSEQ"):
        word = word.partition(":")[2]
    parts = word.split("|")
    while len(parts) > 1 and parts[0].lower() in _DATABASES:
        database = parts[0].lower()
        if database == "gi" and len([part for part in parts if part]) > 2:
            parts = parts[2:]  # the number says nothing that the id after it does not
        elif database == "gnl" and len([part for part in parts if part]) > 2:
            parts = parts[2:]
        elif database == "pdb":
            parts = ["|".join(part for part in parts[1:3] if part)]
        elif database in ("lcl", "gnl", "ecod"):
            parts = parts[1:]
        else:
            # sp|P00350|6PGD_ECOLI, pir||S16356: the accession, where there is none the name
            parts = [next((part for part in parts[1:] if part), "")]
    return "|".join(parts)
