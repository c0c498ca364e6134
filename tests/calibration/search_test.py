#!/usr/bin/env python3
"""Claims about the search over simulated steps: it finds, it is blind, it says what it cannot tell.

usage: search_test.py GRIDLOCK
"""

import io
import math
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from calibration import cases, search  # noqa: E402
from calibration.common import Progress, UserError  # noqa: E402

GRIDLOCK = None
STACK, PART = "megatron_core", "h100_sxm"


class Fake:
    """A constant of the search without a catalogue."""

    def __init__(self, name, start, low, high):
        self.name, self.start, self.low, self.high = name, start, low, high
        self.quantity = False

    additive = search.Constant.additive
    rounded = search.Constant.rounded


def row(index, role, seconds):
    """A small published step: one server of H100."""
    base = {"id": f"TEST-{index}", "role": role, "source": f"NVIDIA {index}", "stack": "megatron",
            "accelerator": PART, "accelerators": 8, "domain": 8, "nic_gbps": 400, "model": "GPT",
            "layers": 4, "hidden": 2048 << index % 2, "heads": 16, "kv_heads": 16,
            "ffn": 8192 << index % 2,
            "gated": 0, "vocab": 51200, "seq": 2048, "tp": 1, "pp": 1, "dp": 8, "ep": 1, "cp": 1, "zero": 1, "sequence_parallel": 1,
            "recompute": "none", "global_batch": 64 << 2 * (index // 2), "micro_batch": 4,
            "precision": "bf16", "step_time_s": seconds}
    return base


class Search(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.table = Path(self._folder.name) / "table.csv"

    def tearDown(self):
        self._folder.cleanup()

    def simulator(self, rows):
        cases.write(self.table, cases.table(rows))
        simulator = search.Simulator(GRIDLOCK, ROOT, [self.table], ["--stack", STACK])
        self.addCleanup(simulator.close)
        return simulator

    def true_rows(self):
        """Rows whose published time is what the simulator says with known constants."""
        rows = [row(i, "calibration", 1.0) for i in range(4)]
        truth = [("stack", STACK, "hbm_traffic_factor", "3")]
        simulated = self.simulator(rows).rows(truth)
        self.assertEqual([r["status"] for r in simulated], ["simulated"] * 4)
        for mine, theirs in zip(rows, simulated):
            mine["step_time_s"] = theirs["predicted_s"]
        return rows

    def found(self, rows):
        return search.search(self.simulator(rows), STACK, PART, ["hbm_traffic_factor"],
                             Progress(io.StringIO()))

    def test_known_constants_are_found_and_headline_rows_have_no_say(self):
        rows = self.true_rows()
        honest = self.found(rows + [row(9, "headline", 1.0)])
        self.assertAlmostEqual(honest.values["hbm_traffic_factor"], 3, delta=0.15)
        self.assertLess(honest.loss, 0.01)
        self.assertLess(honest.loss, honest.first / 4)
        poisoned = self.found(rows + [row(i, "headline", 1e-3) for i in range(9, 13)])
        self.assertEqual((poisoned.values, poisoned.loss), (honest.values, honest.loss))

    def test_other_roles_are_not_even_asked_for(self):
        simulator = self.simulator([row(0, "calibration", 1.0), row(1, "headline", 1.0)])
        self.assertEqual([r["id"] for r in simulator.rows([])], ["TEST-0"])
        with self.assertRaisesRegex(UserError, "leave no row"):
            self.simulator([row(1, "headline", 1.0)]).rows([])

    def test_the_source_catalogue_is_not_touched(self):
        before = (ROOT / "workloads/catalog/stacks.textproto").read_text(encoding="utf-8")
        self.simulator([row(0, "calibration", 1.0)]).rows(
            [("stack", STACK, "hbm_traffic_factor", "7")])
        self.assertEqual((ROOT / "workloads/catalog/stacks.textproto").read_text(encoding="utf-8"),
                         before)

    def test_a_constant_that_no_row_feels_is_called_unidentified(self):
        constants = [Fake("felt", 1.0, 0.1, 10.0), Fake("idle", 1.0, 0.1, 10.0),
                     Fake("share", 0.5, 0.0, 1.0)]
        values, best, first, feels = search.coordinate_search(
            lambda v: abs(math.log(v["felt"] / 2)) + abs(v["share"] - 0.8), constants,
            Progress(io.StringIO()), passes=6)
        self.assertAlmostEqual(values["felt"], 2, delta=0.05)
        self.assertAlmostEqual(values["share"], 0.8, delta=0.02)
        self.assertEqual(values["idle"], 1.0)
        self.assertLess(best, 0.05)
        self.assertLess(best, first)
        self.assertEqual(feels["idle"], 0)
        self.assertGreater(feels["felt"], 0.1)

    def test_rows_of_one_source_and_model_weigh_like_one_row(self):
        many = [{"source": "a", "model": "m", "status": "simulated", "predicted_s": "2",
                 "published_s": "1"}] * 1
        twice = [dict(many[0]) for _ in range(9)]
        other = {"source": "b", "model": "m", "status": "simulated", "predicted_s": "1",
                 "published_s": "1"}
        self.assertAlmostEqual(search.mean_loss(twice + [other]), math.log(2) / 2)
        refused = dict(other, status="refused", predicted_s="")
        self.assertAlmostEqual(search.mean_loss([refused]), math.log(2))

    def test_joined_constants_keep_their_ratio(self):
        simulator = self.simulator([row(0, "calibration", 1.0)])
        document = simulator.catalogue.document("stack", "megatron_deepspeed")
        both = search.Constant("launch_floor_forward+launch_floor_backward", document, "stack",
                               "megatron_deepspeed")
        texts = both.texts(2 * both.start)
        ratio = both.starts[1] / both.starts[0]
        values = [float(t.strip('"').split()[0]) for t in texts.values()]
        self.assertAlmostEqual(values[1] / values[0], ratio, delta=0.01)
        with self.assertRaisesRegex(UserError, "'nonsense' cannot be fitted"):
            search.Constant("nonsense", document, "stack", "megatron_deepspeed")


if __name__ == "__main__":
    if len(sys.argv) < 2 or not shutil.which(sys.argv[1]):
        sys.exit("usage: search_test.py GRIDLOCK")
    GRIDLOCK = sys.argv[1]
    unittest.main(argv=sys.argv[:1])
