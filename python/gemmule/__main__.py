"""``python -m gemmule``: the command line."""

import sys

from gemmule.cli.command_line import main

if __name__ == "__main__":
    sys.exit(main())
