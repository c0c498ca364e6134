#!/usr/bin/env python3
"""Runs every notebook of examples/notebooks from its first cell to its last, in Jupyter's way where
nbclient and a kernel are installed, else cell by cell in one namespace.

usage: notebook_check.py GRIDLOCK SOURCE_DIR
"""

import json
import os
import sys
from pathlib import Path

try:
    import h5netcdf  # noqa: F401
    import pandas  # noqa: F401
    import xarray  # noqa: F401
except ImportError as missing:
    print(f"SKIP: {missing}; needs python3-xarray, python3-h5netcdf and python3-pandas")
    sys.exit(0)
try:
    import ipykernel  # noqa: F401
    import nbclient
    import nbformat
except ImportError:
    nbclient = None

os.environ["GRIDLOCK"] = os.path.abspath(sys.argv[1])
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
folder = Path(sys.argv[2]).resolve() / "examples/notebooks"
os.chdir(folder)
notebooks = sorted(folder.glob("*.ipynb"))
assert notebooks, "no notebook was found"
for path in notebooks:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") for cell in cells), f"{path.name}: save it without outputs"
    if nbclient is not None:
        notebook = nbformat.read(path, as_version=4)
        nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    else:
        names = {}
        for cell in cells:
            if cell["cell_type"] == "code":
                exec(compile("".join(cell["source"]), path.name, "exec"), names)  # pylint: disable=exec-used
    print(f"{path.name}: {'nbclient' if nbclient else 'cell by cell'}, {len(cells)} cells")
