#!/usr/bin/env python3
"""Claims about leaving out: nothing of what is left out remains, and each part counts the same."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from calibration import gemm, shapes, uncertainty  # noqa: E402
from calibration.accelerator import Entry  # noqa: E402
from calibration.catalogue import FOLDERS, Catalogue  # noqa: E402

GRIDLOCK = Path(sys.argv.pop(1)) if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else None


def group(*errors):
    made = uncertainty.Group("x")
    made.errors = list(errors)
    return made


class Figures(unittest.TestCase):
    def test_parts_count_the_same_whatever_their_rows(self):
        whole = group(*([1.0] * 90 + [10.0]))
        whole.parts = [group(*[1.0] * 90), group(10.0)]
        self.assertEqual(whole.cells()[3:], [91, 0, *whole.cells()[5:8], ""])
        self.assertEqual(whole.cells()[7], "5.5")  # bias: the mean of 1 and 10
        self.assertEqual(group(*([1.0] * 90 + [10.0])).cells()[7], "1.1")
        self.assertEqual(uncertainty.weighted([(1.0, 0.25)] * 2 + [(9.0, 0.5)], 0.9), 9.0)

    def test_rows_that_are_refused_are_counted_apart(self):
        made = group()
        made.add({"status": "refused", "error_pct": ""})
        made.add({"status": "simulated", "error_pct": "-4.0"})
        made.add({"status": "unsupported", "error_pct": ""})
        self.assertEqual((made.errors, made.refused), ([-4.0], 1))


class LeftOut(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for name in FOLDERS:
            shutil.copytree(ROOT / name, self.root / name)

    def readable(self, name):
        if GRIDLOCK is not None:
            done = subprocess.run([GRIDLOCK, "catalog", "show", name], capture_output=True, text=True,
                                  check=False, env=dict(os.environ, GRIDLOCK_CATALOG=str(self.root)))
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_no_stack_is_replaced_by_one_that_starts_from_it(self):
        stacks = uncertainty.stacks_of(Catalogue(ROOT))
        rows = {name: 1 for name in stacks}
        for name in stacks:
            instead = uncertainty.stack_instead(stacks, name, rows)
            self.assertFalse(uncertainty.starts_from(stacks, instead, name), (name, instead))

    def test_loops_on_one_accelerator_stand_for_each_other(self):
        stacks = uncertainty.stacks_of(Catalogue(ROOT))
        rows = {"composer_fsdp": 17, "hf_eager": 1, "hf_compile": 2, "fms_fsdp": 3}
        self.assertEqual(uncertainty.stack_instead(stacks, "hf_eager", rows), "pytorch_eager")
        self.assertEqual(uncertainty.stack_instead(stacks, "hf_compile", rows), "pytorch_compile")

    def test_a_stack_keeps_its_names_alone(self):
        before = uncertainty.stacks_of(Catalogue(self.root))["megatron_lm"].stands_for
        uncertainty.leave_stack_out(self.root, "megatron_lm", "nanotron")
        catalogue = Catalogue(self.root)
        stack = uncertainty.stacks_of(catalogue)["megatron_lm"]
        self.assertEqual((stack.like, stack.stands_for), ("nanotron", before))
        self.assertIsNone(catalogue.get("stack", "megatron_lm", "optimizer_bytes"))
        self.readable("megatron_lm")

    def test_a_part_keeps_its_peaks_and_takes_efficiencies(self):
        for name in ("h100_sxm_96gb", "tpu_v5p"):
            catalogue = Catalogue(self.root)
            instead = uncertainty.accelerator_instead(catalogue, name)
            self.assertNotEqual(instead, name)
            peak = Entry(catalogue, name).peak("BF16")
            uncertainty.leave_accelerator_out(self.root, name, instead)
            own, giver = Entry(Catalogue(self.root), name), Entry(catalogue, instead)
            self.assertEqual(own.peak("BF16"), peak)
            self.assertEqual(own.get("sustained_clock"), giver.get("sustained_clock"))
            self.assertEqual([e for _, e in own.surface("BF16")], [e for _, e in giver.surface("BF16")])
            work = 1e12
            self.assertAlmostEqual(gemm.efficiency(own.surface("BF16"), work * peak / giver.peak("BF16")),
                                   gemm.efficiency(giver.surface("BF16"), work), delta=2e-3)
            self.readable(name)


class Shapes(unittest.TestCase):
    def test_a_shape_has_no_say_in_its_own_prediction(self):
        rows = [{"id": f"{layers}-{i}", "layers": layers, "hidden": 1, "heads": 1, "seq": 1}
                for layers in (1, 2, 3) for i in range(2)]
        # Shapes 1 and 2 want a factor of 1.25, shape 3 one of 0.8.
        errors = {factor: {row["id"]: factor / (0.8 if row["layers"] == 3 else 1.25) - 1 for row in rows}
                  for factor in shapes.FACTORS}
        lines, every = shapes.leave_one_out(rows, errors)
        chosen = {shape[0]: factor for shape, _, factor, _ in lines}
        self.assertEqual(chosen[3], 1.25)
        self.assertEqual(len(every), 6)
        self.assertAlmostEqual(max(every), 1.25 / 0.8 - 1)


if __name__ == "__main__":
    unittest.main()
