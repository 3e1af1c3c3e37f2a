"""Makes what is made in these pages: the settings reference, and the output below every command marked ``run``.

``python docs/write.py`` runs the pages' commands in order in a new folder, on a simulated PDB and ECOD, and puts what
they print below them; ``python docs/write.py settings`` only writes settings.md. In the pages, ``sh run`` and
``sql run`` mark what is run (``exit=1`` expects that exit code and shows messages too), the ``text`` block that
follows is its output, ``yaml file=NAME`` is a file that is written. A test parses the plain ``sh`` blocks.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from pyecod.settings import describe_settings

HERE = Path(__file__).resolve().parent
PAGES = ("install.md", "weekly.md", "results.md", "troubleshooting.md")
SHOWN_AS = "/data/ecod"  # the folder of the examples, as the pages show it
_FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


_BETWEEN = ["```", "```text"]


@dataclass(frozen=True)
class Block:
    """A fenced block: what stands after its fence, its content, and where the content is in the page."""

    info: str
    content: str
    start: int
    end: int

    @property
    def is_run(self) -> bool:
        """It is to be run."""
        return "run" in self.info.split()

    def option(self, name: str) -> str | None:
        """Value of ``name=…`` after the fence."""
        return next((word.partition("=")[2] for word in self.info.split() if word.startswith(f"{name}=")), None)


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page."""
    return [Block(m[1], m[2], m.start(2), m.end(2)) for m in _FENCE.finditer(text)]


@dataclass(frozen=True)
class Ran:
    """A block that was run: what it printed, its exit code, and the block below it that shows its output."""

    block: Block
    output: str
    code: int
    shown: Block | None


def run_page(text: str, folder: Path) -> Iterator[Ran]:
    """Run what is marked in a page, and write its files, in ``folder``."""
    found = blocks(text)
    for place, block in enumerate(found):
        name = block.option("file")
        if name is not None:
            (folder / name).write_text(block.content.replace(SHOWN_AS, str(folder)), encoding="utf-8")
        if not block.is_run:
            continue
        below = found[place + 1] if place + 1 < len(found) else None
        follows = below is not None and below.info == "text" and text[block.end : below.start].split() == _BETWEEN
        output, code = _run(block, folder)
        yield Ran(block, output, code, below if follows else None)


def _run(block: Block, folder: Path) -> tuple[str, int]:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment |= {"PYECOD_SETTINGS_FILE": str(folder / "pyecod.yaml"), "PAGER": "cat", "COLUMNS": "120"}
    if not (folder / "pyecod.yaml").exists():
        del environment["PYECOD_SETTINGS_FILE"]
    script = block.content
    if block.info.startswith("sql"):
        script = f'psql -X -q -P footer=off "$(pyecod db url)" <<"SQL"\n{block.content}SQL\n'
    ended = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if block.option("exit") else None,
        text=True,
        check=False,
    )
    output = ended.stdout.replace(str(folder), SHOWN_AS).replace(quote(str(folder), safe=""), quote(SHOWN_AS, safe=""))
    lines = (line.rstrip() for line in output.splitlines())
    return "\n".join(lines).strip("\n") + "\n", ended.returncode


def with_outputs(text: str, ran: Sequence[Ran]) -> str:
    """The page with the new outputs."""
    for one in reversed(ran):
        if one.shown is not None:
            text = text[: one.shown.start] + one.output + text[one.shown.end :]
    return text


def settings_page() -> str:
    """settings.md, from the code."""
    parts = [_SETTINGS_HEAD]
    for section, some in groupby(describe_settings(), key=lambda setting: setting.key.rpartition(".")[0]):
        title = f"`{section}`" if section else "Top level"
        parts.append(f"\n## {title}\n\n| key | default | meaning | values |\n|---|---|---|---|\n")
        for setting in some:
            default = "" if setting.default in (None, ()) else f"`{setting.default}`"
            cells = (f"`{setting.key}`", default, setting.description, setting.allowed)
            parts.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n")
    return "".join(parts)


_SETTINGS_HEAD = """# Settings

*Made from the code by `make docs`; do not edit.*

Settings are one YAML tree. What is given later wins: profile (`--profile local`, `slurm`, or a file) < settings file
(`--settings FILE` or `PYECOD_SETTINGS_FILE`) < environment < options of the command. In the environment a key is
written `PYECOD_SEARCH__EVALUE` for `search.evalue`. An unknown key or an impossible value is an error that names its
source.

A relative path in a settings file or profile begins at the folder of that file, wherever a command or worker runs; an
option's, and an environment variable's, at the shell's working folder. `~` is your home. Flows that a Prefect worker
runs, and services of systemd, have no such folder: there a relative path from the environment or from a parameter is
refused, and so is a settings file named by one. Version 0.1 began the paths of a settings file at the working folder:
where only that path exists, the command stops and names the absolute path to write; where both do, it says so once.

```sh
pyecod config show      # every value in force, and the source it came from
pyecod config check     # is everything right? exit code 2 if not
pyecod config keys      # this page, in the terminal
```

A password never goes into a setting: PostgreSQL's belongs into `~/.pgpass` or a service file, that of a download
server into `~/.netrc`. Changing what decides results (`search`, `partition`, `quality`, `chains`, the reference)
under a batch that is begun is refused; finish it first, or repair it with the new ones.
"""


def main() -> None:
    """Write settings.md, and unless told ``settings``, all outputs."""
    (HERE / "settings.md").write_text(settings_page(), encoding="utf-8")
    if sys.argv[1:] == ["settings"]:
        return
    with tempfile.TemporaryDirectory(prefix="pyecod-docs-") as name:
        for page in PAGES:
            text = (HERE / page).read_text(encoding="utf-8")
            ran = []
            for one in run_page(text, Path(name)):
                expected = int(one.block.option("exit") or 0)
                if one.code != expected:
                    sys.exit(f"{page}: exit code {one.code} instead of {expected} of\n{one.block.content}{one.output}")
                ran.append(one)
            (HERE / page).write_text(with_outputs(text, ran), encoding="utf-8")
        stop = [Path(sys.executable).with_name("pyecod"), "db", "stop", "--settings", "pyecod.yaml"]
        subprocess.run(stop, cwd=name, check=False)


if __name__ == "__main__":
    main()
