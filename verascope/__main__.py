"""`verascope` and `python -m verascope`."""

import sys


def main() -> None:
    """Run the command line; ends the process with its exit code."""
    from verascope.cli.main import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
