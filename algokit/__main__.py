"""``algokit`` and ``python -m algokit``: an interrupt is answered with one line even while the command line loads."""

import sys


def main() -> None:
    """Load the command line and run it."""
    try:
        from algokit.interrupts import send_dropped_interrupts_again

        send_dropped_interrupts_again()
        from algokit import cli
    except KeyboardInterrupt:
        sys.exit(130)
    cli.main()


if __name__ == "__main__":
    main()
