"""Gridlock from Python: every function runs the program `gridlock` and reads what it writes.

    import gridlock
    step = gridlock.run("examples/01-two-servers/scenario.textproto")
    step.attribution.to_pandas()  # s

A scenario is a path, the text of one, or a dict with its fields. Quantities carry their unit, as in a
scenario: "400 Gbps". Results are in SI units (s, byte, byte/s, FLOP, W, J); each variable of a Dataset
says its own in `.attrs["units"]`. What the program refuses is raised as GridlockError.
"""

try:
    from ._files import (catalog, catalog_diff, catalog_rules, catalog_show, explore, generate, import_file,
                         outputs, replay, schema, studies, study)
    from ._plans import build, export, plan, rollout, serve, serve_plan
    from ._program import GridlockError, program, version
    from ._scenario import Scenario, to_text
    from ._studies import (cap, collective, compare, explain, flows, open_results, report, run, seeds,
                           sweep, topo, validate)
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"gridlock needs the package {error.name}: apt-get install python3-{error.name} and run Debian's own "
        f"/usr/bin/python3, or pip install {error.name}", name=error.name) from error

__all__ = ["GridlockError", "Scenario", "build", "cap", "catalog", "catalog_diff", "catalog_rules",
           "catalog_show", "collective", "compare", "explain", "explore", "export", "flows", "generate",
           "import_file", "open_results", "outputs", "plan", "program", "replay", "report", "run",
           "rollout", "schema", "seeds", "serve", "serve_plan", "studies", "study", "sweep", "to_text",
           "topo", "validate", "version"]
__version__ = "0.1.0"
