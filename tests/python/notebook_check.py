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


def in_jupyter(paths):
    """All in one kernel, which takes longer to start than most notebooks do; no name outlives its notebook."""
    import nbclient  # pylint: disable=import-outside-toplevel
    import nbformat  # pylint: disable=import-outside-toplevel
    cell = nbformat.v4.new_code_cell
    client = nbclient.NotebookClient(nbformat.v4.new_notebook(), timeout=150, kernel_name="python3")
    with client.setup_kernel():
        for path in paths:
            client.nb = nbformat.read(path, as_version=4)
            client.nb.cells.insert(0, cell(f"%reset -f\nimport sys\nassert sys.prefix == {sys.prefix!r}, sys.prefix"))
            for number, each in enumerate(client.nb.cells):
                client.execute_cell(each, number)
            print(f"{path.name}: nbclient, {len(client.nb.cells) - 1} cells")


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
    chosen = []
    for path in notebooks:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert not any(cell.get("outputs") for cell in cells), f"{path.name}: save it without outputs"
        if "matplotlib" in path.read_text(encoding="utf-8") and not has("matplotlib"):
            print(f"{path.name}: left out, needs python3-matplotlib")
            continue
        chosen.append(path)
        if not jupyter:
            in_one_namespace(cells)
            print(f"{path.name}: cell by cell, {len(cells)} cells")
    if jupyter:
        in_jupyter(chosen)


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
                       "PYTHONDONTWRITEBYTECODE": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        done = subprocess.run([f"{folder}/bin/python", __file__, sys.argv[1], str(source)], env=environment,
                              check=False)
        sys.exit(done.returncode)


main()
