"""``python -m pyecod``: the same command line."""

import sys
from pathlib import Path

# `python -m` has the working folder searched first: a tasks.py or flows.py there is not ours
_here = Path.cwd()
if not sys.flags.safe_path and Path(sys.path[0] or ".") == _here and _here != Path(__file__).resolve().parents[1]:
    del sys.path[0]

from pyecod.cli.main import main  # noqa: E402 - only now is the search path safe

main()
