"""``python -m pyecod``: the same command line."""

from pyecod.cli.main import main

main()
