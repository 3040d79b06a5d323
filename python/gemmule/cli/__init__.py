"""The command line: ``gemmule`` and ``python -m gemmule``. One file per command."""
