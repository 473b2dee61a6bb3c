"""The ``workbook`` command, also as ``python -m workbook``."""

import signal
import sys

from workbook.run.steady import become_steady, spare_the_grammar

EXECUTING = {"run", "verify"}
"""Commands that execute notebooks."""


def main() -> None:
    """The ``workbook`` command."""
    if EXECUTING & set(sys.argv[1:]):
        become_steady()
        spare_the_grammar()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # leaving tidily, as after Ctrl-C
    from workbook.cli import app

    app()


if __name__ == "__main__":
    main()
