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
    calibrate = [sys.executable, ROOT / "tools/calibrate.py"]
    codes = [subprocess.run([*calibrate, "all", "--measurements", folder, "--check", "--no-steps"],
                            check=False).returncode]
    card = [Path(folder) / f"gpu/h100_sxm_{name}.csv" for name in ("gemm", "power", "attention", "hbm")]
    if all(path.exists() for path in card):
        codes.append(subprocess.run([*calibrate, "accelerator", "--compare", "h100_sxm", "--measured", *card],
                                    check=False).returncode)
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
