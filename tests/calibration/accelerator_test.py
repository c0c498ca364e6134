#!/usr/bin/env python3
"""Claims about entries made from the table of a card: a table of known constants gives them back."""

import csv
import io
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from calibration import accelerator, judge  # noqa: E402
from calibration.catalogue import Catalogue  # noqa: E402
from calibration.common import UserError  # noqa: E402
from command import run  # noqa: E402

GRIDLOCK = Path(sys.argv.pop(1)) if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else None
PEAK, HBM_PEAK = 989e12, 3350e9  # those of h100_sxm, which the made-up card is like
SHARE, FP8_SHARE, CLOCK = 0.6, 0.5, 0.9
IDLE, CONTEXT, PER_FLOP, PER_BYTE = 80.0, 130.0, 0.7e-12, 100e-12
STREAM = 0.8 * HBM_PEAK


def sustained(name, precision, share, width, m=8192, n=8192, k=8192):
    seconds = 2 * m * n * k / (share * CLOCK)
    moved = accelerator.gemm_bytes(precision, m, n, k) / seconds
    watts = CONTEXT + share * CLOCK * width / 2 * PER_FLOP + moved * PER_BYTE
    return {"section": "power", "name": name, "precision": precision, "m": m, "n": n, "k": k,
            "time_s": seconds, "watts": 1.0, "watts_late": watts, "clock_mhz": 1400}


def table():
    """Rows of a card whose every number is known."""
    rows = [{"section": "info", "name": "Made-up X1", "memory": 80 * 2 ** 30, "limit_w": 650.0,
             "max_sm_mhz": 2000, "torch": "9.9", "date": "2030-01-01"},
            {"section": "power", "name": "idle_bare", "watts": IDLE},
            {"section": "power", "name": "idle_context", "watts": CONTEXT},
            sustained("a", "bf16", SHARE * PEAK, 2), sustained("b", "fp8", FP8_SHARE * 1979e12, 1),
            {"section": "interference", "first": "gemm"}]
    for name, factor in (("copy_2gib", 0.9), ("read_reduce_2gib", 1.1), ("write_fill_2gib", 0.7)):
        rows.append({"section": "power", "name": name, "gbs": STREAM / 1e9,
                     "watts": CONTEXT + factor * STREAM * PER_BYTE})
    for precision, rate in (("bf16", SHARE * PEAK), ("fp8", FP8_SHARE * 1979e12)):
        for m in (256, 1024, 4096):
            for n, k in ((4096, 4096), (8192, 8192), (28672, 8192), (8192, 28672)):
                rows.append({"section": "gemm", "precision": precision, "m": m, "n": n, "k": k,
                             "time_us": 2e6 * m * n * k / rate})
            rows.append({"section": "gemm", "precision": precision, "m": 16, "n": 4096, "k": 4096,
                         "time_us": 1e3})  # too thin to count
    for seq, scale in ((2048, 0.1), (4096, 0.9), (4096, 1.0), (8192, 1.1)):
        rows.append({"section": "attention", "heads": 32, "head_dim": 128, "seq": seq,
                     "forward_tflops": scale * 500, "backward_tflops": scale * 400})
    for mib, rate in ((64, 9e9), (256, STREAM), (1024, STREAM)):
        rows.append({"section": "hbm", "kind": "add", "mib": mib, "gbs": rate / 1e9})
    return rows


class MadeUpCard(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.lines = self.folder / "card.jsonl"
        self.lines.write_text("".join(json.dumps(row) + "\n" for row in table()))

    def fit(self, path=None):
        peaks, hbm, idle = accelerator.base_numbers(Catalogue(ROOT), "h100_sxm", None, None)
        return accelerator.Fit(accelerator.Table([path or self.lines]), peaks, hbm, idle)

    def test_its_constants_come_back(self):
        fit = self.fit()
        for precision, share in (("BF16", SHARE), ("FP8", FP8_SHARE)):
            self.assertEqual({e for _, e in fit.surfaces[precision].points}, {share})
        for path, value in (("power.idle", IDLE), ("power.active", CONTEXT), ("power.per_flop", PER_FLOP),
                            ("power.per_hbm_byte", PER_BYTE), ("sustained_clock", CLOCK),
                            ("hbm_efficiency", STREAM / HBM_PEAK), ("hbm_capacity", 80 * 2 ** 30),
                            ("power.limit", 650.0)):
            self.assertAlmostEqual(fit.value(path) / value, 1, delta=1e-3, msg=path)
        self.assertAlmostEqual(fit.value("rate[BF16].attention_efficiency"), 500 / 989, delta=1e-3)
        self.assertAlmostEqual(fit.value("rate[FP8].attention_backward_efficiency"), 400 / 1979, delta=1e-3)
        self.assertEqual(fit.missing, [])

    def test_csv_says_the_same(self):
        path = self.folder / "card.csv"
        rows = table()
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(k for row in rows for k in row)), restval="")
            writer.writeheader()
            writer.writerows(rows)
        here, there = self.fit(), self.fit(path)
        self.assertEqual({p: c.text for p, c in here.constants.items()},
                         {p: c.text for p, c in there.constants.items()})

    def test_a_memory_above_its_peak_is_refused(self):
        path = self.folder / "fast.jsonl"
        rows = [row | {"gbs": 4300} if row["section"] == "hbm" and row.get("kind") == "add" else row
                for row in table() if row["section"] == "hbm"]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        with self.assertRaisesRegex(UserError, "gives 4,300 GB/s, more than the peak of .*--hbm-bandwidth"):
            self.fit(path)

    def test_what_a_table_lacks_stays_as_it_was(self):
        path = self.folder / "part.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in table() if row["section"] == "hbm"))
        fit = self.fit(path)
        self.assertEqual(set(fit.constants), {"hbm_efficiency"})
        self.assertTrue(any("sustained_clock" in what for what in fit.missing))

    def test_the_entry_is_read_by_the_simulator(self):
        entry = self.folder / "x1.textproto"
        code, text = run("accelerator", "--measured", self.lines, "--like", "h100_sxm", "--name", "x1",
                         "-o", entry, "--date", "2030-01-02")
        self.assertEqual(code, 0, text)
        self.assertIn("1 of other sections", text)
        self.assertRegex(entry.read_text(), r"one Made-up X1, PyTorch 9.9, measured 2030-01-01")
        if GRIDLOCK is None:
            self.skipTest("no gridlock given")
        scenario = self.folder / "one.textproto"
        example = (ROOT / "examples/01-two-servers/scenario.textproto").read_text()
        scenario.write_text('include: "x1.textproto"\n' + example.replace('"dgx_h100"', '"mine"') +
                            'catalog { server { name: "mine" like: "dgx_h100" accelerator: "x1" } }\n')
        command = [GRIDLOCK, "run", scenario, "--fidelity", "analytic", "--format", "json", "--quiet"]
        own = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(own.returncode, 0, own.stderr)
        report = json.loads(own.stdout)
        self.assertEqual(report["accelerator_power_limit_w"], 650)
        self.assertEqual(report["given_without_source"], ["server mine: accelerator"])

    def test_writing_adds_an_entry_once(self):
        root = self.folder / "root"
        for name in ("topologies/catalog", "workloads/catalog"):
            (root / name).mkdir(parents=True)
            for path in (ROOT / name).glob("*.textproto"):
                (root / name / path.name).write_text(path.read_text())
        arguments = ("accelerator", "--measured", self.lines, "--like", "h100_sxm", "--name", "x1",
                     "--catalog", root)
        self.assertEqual(run(*arguments)[0], 0)
        self.assertNotIn("x1", Catalogue(root).names("accelerator"))
        self.assertEqual(run(*arguments, "--write")[0], 0)
        self.assertEqual(accelerator.Entry(Catalogue(root), "x1").number("sustained_clock"), CLOCK)
        self.assertEqual(accelerator.Entry(Catalogue(root), "x1").number("power.per_link_byte"), 60e-12)
        code, text = run(*arguments, "--write")
        self.assertEqual((code, "has an accelerator x1 already" in text), (2, True))

    def test_comparison_finds_what_is_off(self):
        code, text = run("accelerator", "--measured", self.lines, "--compare", "h100_sxm")
        self.assertEqual(code, 1, text)
        self.assertRegex(text, r"power.per_flop +0.82 pJ/FLOP +0.7 pJ/FLOP .*OFF")
        self.assertRegex(text, r"rate.BF16..attention_efficiency +0.52 +0.506 .*ok")

    def test_mistakes_say_what_was_expected(self):
        bad = self.folder / "bad.csv"
        for body, words in (("a,b\n1,2\n", "bad.csv:1: no column section"),
                            ('{"section": "gemm"\n', "bad.csv:1: not a JSON object"),
                            ('{"section": "other"}\n', "no row of a section info"),
                            ('{"section": "hbm", "kind": "add", "mib": 512, "gbs": -1}\n',
                             "gbs is -1; expected a number above zero")):
            bad.write_text(body)
            code, text = run("accelerator", "--measured", bad, "--like", "h100_sxm", "--name", "x")
            self.assertEqual((code, words in text), (2, True), text)
        code, text = run("accelerator", "--measured", self.lines, "--like", "h1000")
        self.assertEqual((code, "no accelerator 'h1000'" in text), (2, True))
        code, text = run("accelerator", "--measured", self.lines, "--name", "x", "--peak", "989")
        self.assertEqual((code, "--peak: '989'; expected e.g. BF16=989TFLOPS" in text), (2, True))


class Judging(unittest.TestCase):
    """Of a card by its own entry, nothing is off; of another, what was changed is."""

    def setUp(self):
        MadeUpCard.setUp(self)
        peaks, hbm, idle = accelerator.base_numbers(Catalogue(ROOT), "h100_sxm", None, None)
        self.table = accelerator.Table([self.lines])
        fit = accelerator.Fit(self.table, peaks, hbm, idle)
        self.root = self.folder / "root"
        for name in ("topologies/catalog", "workloads/catalog"):
            (self.root / name).mkdir(parents=True)
            for path in (ROOT / name).glob("accelerators.textproto"):
                (self.root / name / path.name).write_text(path.read_text())
        (self.root / "topologies/catalog/own.textproto").write_text(
            accelerator.entry(fit, "x1", "h100_sxm", {}, "2030-01-02"))

    def sections(self, name="x1"):
        entry = accelerator.Entry(Catalogue(self.root), name)
        return {s.section: s for s in judge.kernel_sections(self.table, entry)}

    def test_nothing_is_off_by_its_own_entry(self):
        found = self.sections()
        for name in ("GEMM BF16, m >= 256", "GEMM FP8, m >= 256", "sustained GEMM, time"):
            self.assertLess(max(map(abs, found[name].errors)), 2e-3, name)
        kernels = judge.Kernels(accelerator.Entry(Catalogue(self.root), "x1"))
        seconds, watts, clock = kernels.sustained("bf16", 2 * 8192 ** 3, 0)
        self.assertAlmostEqual(watts, CONTEXT + SHARE * CLOCK * PEAK * PER_FLOP, delta=1)
        self.assertAlmostEqual(clock, CLOCK)
        self.assertAlmostEqual(seconds, 2 * 8192 ** 3 / (SHARE * CLOCK * PEAK), delta=1e-6)

    def test_a_power_limit_lowers_clock_and_rate(self):
        entry = self.root / "topologies/catalog/own.textproto"
        text, work = entry.read_text(), 2 * 8192 ** 3
        full = SHARE * CLOCK * PEAK
        # Energy goes with the square of the voltage, which falls with the clock to a floor.
        for limit, share in ((300, ((300 - IDLE) / (full * PER_FLOP)) ** (1 / 3)),
                             (150, (150 - IDLE) / (full * PER_FLOP) / judge.VOLTAGE_FLOOR ** 2)):
            entry.write_text(text.replace('limit: "650 W"', f'limit: "{limit} W"'))
            kernels = judge.Kernels(accelerator.Entry(Catalogue(self.root), "x1"))
            seconds, watts, clock = kernels.sustained("bf16", work, 0)
            self.assertAlmostEqual(watts, limit, delta=0.1)
            self.assertAlmostEqual(work / seconds / full / share, 1, delta=1e-3)
            self.assertAlmostEqual(clock / (CLOCK * share), 1, delta=1e-3)

    def test_another_entry_is_off_by_the_ratio(self):
        error = self.sections("h100_sxm")["HBM, copies and sums of 64 MiB and more"].errors[1]
        self.assertAlmostEqual(error, STREAM / (0.89 * HBM_PEAK) - 1, delta=1e-6)

    def test_steps_become_rows_that_validate_reads(self):
        self.table.sections["training"] = [
            {"name": "x", "hidden": 1024, "layers": 2, "heads": 8, "kv_heads": 8, "ffn": 4096, "gated": 1,
             "vocab": 32000, "seq": 1024, "micro_batch": 2, "compiled": True, "recompute": True,
             "step_s": 0.5, "peak_bytes": 2 ** 31, "watts": 500.0},
            {"name": "x", "parameters_dtype": "fp32", "step_s": 1.0}]
        rows, left = judge.training_rows(
            self.table, "h100_sxm", {"eager": "pytorch_eager", "compiled": "pytorch_compile"})
        self.assertEqual((len(rows), len(left)), (1, 1))
        path = self.folder / "steps.csv"
        path.write_text(judge.cases_text(rows))
        if GRIDLOCK is None:
            self.skipTest("no gridlock given")
        found = subprocess.run([GRIDLOCK, "validate", "--cases", path, "--format", "csv", "--quiet"],
                               capture_output=True, text=True, check=False)
        self.assertEqual(found.returncode, 0, found.stderr)
        self.assertEqual(next(csv.DictReader(io.StringIO(found.stdout)))["status"], "simulated")


class Script(unittest.TestCase):
    SCRIPT = ROOT / "tools/measure_accelerator.py"

    def test_it_explains_itself_without_pytorch(self):
        done = subprocess.run([sys.executable, self.SCRIPT, "--help"], capture_output=True, text=True,
                              check=False)
        self.assertEqual((done.returncode, "--sections" in done.stdout), (0, True))
        done = subprocess.run([sys.executable, self.SCRIPT, "--sections", "nothing"], capture_output=True,
                              text=True, check=False)
        self.assertEqual((done.returncode, "expected some of idle, gemm" in done.stderr), (2, True))


if __name__ == "__main__":
    unittest.main()
