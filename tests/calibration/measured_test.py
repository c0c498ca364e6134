#!/usr/bin/env python3
"""The catalogue's measured constants against the tables they were fitted to.

The tables are other people's and not shipped: their folder stands in GRIDLOCK_MEASUREMENTS.
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
    return subprocess.run([sys.executable, ROOT / "tools/calibrate.py", "all", "--measurements", folder,
                           "--check", "--no-steps"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
