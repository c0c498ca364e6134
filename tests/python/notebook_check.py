#!/usr/bin/env python3
"""Runs every notebook of examples/notebooks from its first cell to its last, in a virtual environment
that has Debian's packages and this source tree's package, and nothing else. In Jupyter's way where
nbclient and a kernel are installed, else cell by cell in one namespace.

usage: notebook_check.py GRIDLOCK SOURCE_DIR
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

NEEDED = ("h5netcdf", "pandas", "xarray")


def has(module):
    return importlib.util.find_spec(module) is not None


def in_jupyter(path):
    import nbclient  # pylint: disable=import-outside-toplevel
    import nbformat  # pylint: disable=import-outside-toplevel
    notebook = nbformat.read(path, as_version=4)
    first = f"import sys\nassert sys.prefix == {sys.prefix!r}, sys.prefix"
    notebook.cells.insert(0, nbformat.v4.new_code_cell(first))
    nbclient.NotebookClient(notebook, timeout=150, kernel_name="python3").execute()


def in_one_namespace(cells):
    names = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), "notebook", "exec"), names)  # pylint: disable=exec-used


def run_all(folder):
    """In the virtual environment."""
    os.chdir(folder)
    os.environ["MPLBACKEND"] = "agg"
    jupyter = has("nbclient") and has("ipykernel")
    if jupyter:  # Debian's kernel would be that of /usr/bin/python3
        subprocess.run([sys.executable, "-m", "ipykernel", "install", "--sys-prefix", "--name", "python3"],
                       check=True, capture_output=True)
    notebooks = sorted(folder.glob("*.ipynb"))
    assert len(notebooks) >= 4, notebooks
    for path in notebooks:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert not any(cell.get("outputs") for cell in cells), f"{path.name}: save it without outputs"
        if "matplotlib" in path.read_text(encoding="utf-8") and not has("matplotlib"):
            print(f"{path.name}: left out, needs python3-matplotlib")
            continue
        if jupyter:
            in_jupyter(path)
        else:
            in_one_namespace(cells)
        print(f"{path.name}: {'nbclient' if jupyter else 'cell by cell'}, {len(cells)} cells")


def main():
    source = Path(sys.argv[2]).resolve()
    if os.environ.get("GRIDLOCK_NOTEBOOKS") == "here":
        run_all(source / "examples/notebooks")
        return
    missing = [module for module in NEEDED if not has(module)]
    if missing:
        print(f"SKIP: no {', '.join(missing)}; needs python3-xarray, python3-h5netcdf and python3-pandas")
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable, "-m",
                        "venv", "--system-site-packages", "--without-pip", folder], check=True)
        environment = {**os.environ, "GRIDLOCK": os.path.abspath(sys.argv[1]), "GRIDLOCK_NOTEBOOKS": "here",
                       "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run([f"{folder}/bin/python", __file__, sys.argv[1], str(source)], env=environment,
                              check=False)
        sys.exit(done.returncode)


main()
