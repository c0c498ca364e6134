#!/usr/bin/env python3
"""The catalogue's measured constants against the tables they were fitted to.

The tables are other people's and not shipped: their folder stands in GRIDLOCK_MEASUREMENTS, that of the
published rows (collectives.csv) in GRIDLOCK_DATA.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def main():
    folder = os.environ.get("GRIDLOCK_MEASUREMENTS", "")
    if not folder:
        print("SKIP: GRIDLOCK_MEASUREMENTS does not name a folder with measured tables")
        return 0
    data = os.environ.get("GRIDLOCK_DATA", "")
    published = sorted(Path(data).rglob("collectives.csv")) if data else []
    if not published:
        print("SKIP: GRIDLOCK_DATA does not name a folder with collectives.csv, published collectives")
        return 0
    return subprocess.run([sys.executable, ROOT / "tools/calibrate.py", "all", "--measurements", folder,
                           "--published", published[0], "--check", "--no-steps"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
