"""``python -m sigpb``."""

from sigpb.cli.main import run

if __name__ == "__main__":
    run()
