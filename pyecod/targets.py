"""Text of data on its way into something that acts on it: one function for each target, and nothing else writes there.

What a viewer, a spreadsheet, a page or a scheduler would take for a command is not escaped, which goes wrong one
program at a time, but cannot stand there: each target has its alphabet. SQL has parameters, and no comment is made of
data.
"""

from __future__ import annotations

import re

from pyecod.errors import ConfigError

_NOT_IN_SCRIPT = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)
_SCRIPT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*", re.ASCII)
_LONGEST_COMMENT = 200
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#!|<>~&$]|:(?=//))")


def script_id(text: str) -> str | None:
    """An id that may stand in a command of PyMOL or ChimeraX, None for another: letters, digits, ``.`` and ``-``."""
    return text if _SCRIPT_ID.fullmatch(text) else None


def script_comment(text: str) -> str:
    """A comment line of a PyMOL or ChimeraX script: words of letters, digits, ``.``, ``_`` and ``-``.

    PyMOL splits lines at ``;`` before it honours ``#``, and joins them at ``\\``; neither can be here.

    >>> script_comment("Rossmann fold; system rm -rf / \\\\")
    '# Rossmann fold system rm -rf'
    """
    words = _NOT_IN_SCRIPT.sub(" ", text[: 4 * _LONGEST_COMMENT])[:_LONGEST_COMMENT].split()
    return f"# {' '.join(words)}".rstrip()


def tsv_cell(text: str) -> str:
    """A cell of a TSV or CSV file: one line, no tab, no control character, and nothing a spreadsheet calculates.

    >>> tsv_cell("=1+1\\tx"), tsv_cell("-5"), tsv_cell("e1abcA1")
    ("'=1+1 x", '-5', 'e1abcA1')
    """
    cell = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    is_number = re.fullmatch(r"[-+][0-9.]+(?:[eE][-+]?[0-9]+)?", cell, re.ASCII)
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") and len(cell) > 1 and not is_number else cell


def markdown_text(text: str) -> str:
    """Text in a Markdown page or table cell: on one line, every character that could mean something escaped.

    >>> markdown_text("a|b [x](http://y) <img>")
    'a\\\\|b \\\\[x\\\\]\\\\(http\\\\://y\\\\) \\\\<img\\\\>'
    """
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return _MARKDOWN.sub(r"\\\1", line)


def slurm_option(text: str) -> str:
    """An option of a job script's ``#SBATCH`` line.

    Raises:
        ConfigError: it has a control character: what follows a line end would be run.
    """
    if not text.isprintable():
        what = f"{text[:60]!r} cannot stand in a job script"
        raise ConfigError(what, hint="workers.slurm: one line without control characters")
    return text
