#!/usr/bin/env python3
"""Claims about fits: tables made with known constants give them back."""

import contextlib
import csv
import gzip
import io
import random
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import calibrate  # noqa: E402
from calibration import cases, collectives, gemm, transfer  # noqa: E402
from calibration.catalogue import FOLDERS, Catalogue  # noqa: E402
from calibration.common import UserError  # noqa: E402
from calibration.minimise import minimise  # noqa: E402

PEAK = 1e15
# Of large groups as all-gather, as (share, copy, protocols): near what NCCL reaches on Hopper.
TRUE_FIT = {"all_reduce_efficiency": 0.9, "all_gather_efficiency": 0.8, "reduce_scatter_efficiency": 0.75,
            "low_latency_efficiency": 0.4, "local_copy": 0.6, "step_latency": 0.8e-6,
            "base_latency": 5e-6, "bulk_latency": 14e-6}


def run(*arguments):
    """calibrate.py as a user would: (exit code, what it printed)."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            code = calibrate.main([str(a) for a in arguments])
        except SystemExit as exit_:
            code = exit_.code
    return code, out.getvalue()


class Folder(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.folder = Path(self._folder.name)

    def tearDown(self):
        self._folder.cleanup()

    def catalogue(self):
        for folder in FOLDERS:
            shutil.copytree(ROOT / folder, self.folder / folder)
        return self.folder

    def gemm_table(self, share=0.6, dtype="bfloat16"):
        """A compressed table of GEMMs at `share` of PEAK, one in ten ten times as slow."""
        path = self.folder / "gemm.csv.gz"
        with gzip.open(path, "wt", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["device", "gemm_dtype", "m", "n", "k", "latency"])
            for i, m in enumerate((256, 512, 1024, 2048, 4096, 8192)):
                for j, n in enumerate((1024, 2048, 4096, 8192, 16384)):
                    for k in (1024, 4096, 16384):
                        slow = 10 if (i + j) % 10 == 0 else 1
                        writer.writerow(["X", dtype, m, n, k,
                                         2e3 * m * n * k / (share * PEAK) * slow])
            # One beyond the bins stands above; a thin one does not count.
            writer.writerow(["X", dtype, 1, 4096, 4096, 1.0])
        return path

    def nccl_table(self):
        path = self.folder / "nccl.csv"
        with open(path, "w", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(collectives.COLUMNS + ("device", "version"))
            draw = random.Random(1)
            for kind in collectives.KINDS:
                for group in (2, 4, 8):
                    for power in range(9, 30):
                        seconds = collectives.seconds(TRUE_FIT, (kind, group, 2 ** power), 450e9)
                        seconds *= 1 + draw.uniform(-0.02, 0.02)
                        seconds *= 3 if (power, group) == (20, 4) else 1  # an outlier of each kind
                        writer.writerow([kind, "half", group, 2 ** (power - 1), 1e3 * seconds, "X", "9"])
        return path


class Gemm(Folder):
    def test_a_known_share_is_recovered_beside_outliers(self):
        rows, label = gemm.shapes(self.gemm_table(share=0.6), "BF16")
        surface = gemm.fit(rows, PEAK)
        self.assertEqual({share for _, share in surface.points}, {0.6})
        self.assertEqual(surface.rows, 89)
        self.assertLess(surface.median_error, 1e-9)
        self.assertIn("X", label)

    def test_reading_is_linear_in_the_logarithm_and_constant_outside(self):
        points = [(1e9, 0.2), (1e11, 0.6)]
        self.assertEqual([gemm.efficiency(points, w) for w in (1e8, 1e9, 1e12)], [0.2, 0.2, 0.6])
        self.assertAlmostEqual(gemm.efficiency(points, 1e10), 0.4)

    def test_the_command_writes_surface_and_source_and_repeats_itself(self):
        root, table = self.catalogue(), self.gemm_table(share=0.3)
        before = (root / FOLDERS[0] / "accelerators.textproto").read_text()
        arguments = ("gemm", "--table", table, "--accelerator", "h100_sxm", "--precision", "BF16",
                     "--catalog", root, "--origin", "A database (licence)", "--date", "2030-01-02")
        self.assertEqual(run(*arguments)[0], 0)
        self.assertEqual((root / FOLDERS[0] / "accelerators.textproto").read_text(), before)
        self.assertEqual(run(*arguments, "--write")[0], 0)
        catalogue = Catalogue(root)
        document = catalogue.document("accelerator", "h100_sxm")
        shares = {round(s / (0.3 * PEAK / 989e12), 2) for _, s in
                  gemm.written(document, "h100_sxm", "BF16")}
        self.assertEqual(shares, {1.0})
        sources = {f: t for fields, t, _ in document.sources("accelerator", "h100_sxm") for f in fields}
        self.assertRegex(sources["rate[BF16].gemm"], "A database .licence.*89 in all.*2030-01-02")
        self.assertNotEqual(sources["rate[FP8].gemm"], sources["rate[BF16].gemm"])
        once = document.text
        self.assertEqual(run(*arguments, "--write")[0], 0)
        self.assertEqual(Catalogue(root).document("accelerator", "h100_sxm").text, once)

    def test_mistakes_have_their_exit_codes_and_say_what_was_expected(self):
        table = self.gemm_table()
        code, text = run("gemm", "--table", table, "--accelerator", "h100_sxm", "--precision", "FP8")
        self.assertEqual((code, "the table has bfloat16" in text), (2, True))
        code, text = run("gemm", "--table", table, "--accelerator", "h1000", "--precision", "BF16")
        self.assertEqual((code, "no accelerator 'h1000'" in text), (2, True))
        code, text = run("gemm", "--table", self.folder / "none.csv", "--accelerator", "h100_sxm",
                         "--precision", "BF16")
        self.assertEqual((code, "none.csv: No such file" in text), (3, True))
        bad = self.folder / "bad.csv"
        bad.write_text("gemm_dtype,m,n,k,latency\nbfloat16,256,1024,1024,-1\n")
        code, text = run("gemm", "--table", bad, "--accelerator", "h100_sxm", "--precision", "BF16")
        self.assertEqual((code, "bad.csv:2: latency is '-1'" in text), (2, True))
        bad.write_text("m,n\n1,2\n")
        code, text = run("gemm", "--table", bad, "--accelerator", "h100_sxm", "--precision", "BF16")
        self.assertEqual((code, "no column gemm_dtype, k, latency" in text), (2, True))


class Collectives(Folder):
    def test_known_constants_are_recovered_beside_noise_and_outliers(self):
        table, _ = collectives.read([self.nccl_table()])
        fit, loss = collectives.solve(table, 450e9)
        for name, true in TRUE_FIT.items():
            self.assertAlmostEqual(fit[name] / true, 1, delta=0.1, msg=name)
        self.assertLess(loss, 0.04)
        self.assertLess(collectives.summary(fit, table, 450e9)["all"][1], 0.02)

    def test_a_table_moved_to_a_cut_link_is_that_of_the_cut_link(self):
        fit = dict(TRUE_FIT, local_copy=0.0, low_latency_efficiency=2.0)  # one protocol, no copy
        fit.update(bulk_latency=0.0, **{k + "_efficiency": 0.8 for k in collectives.KINDS})
        fit["low_latency_efficiency"] = 0.8
        keys = [(k, n, 2.0 ** p) for k in collectives.KINDS for n in (2, 8) for p in (10, 20, 29)]
        table = {key: collectives.seconds(fit, key, 450e9) for key in keys}
        moved = collectives.moved(table, 450e9, 200e9, {k: 0.8 for k in collectives.KINDS})
        for key in keys:
            self.assertAlmostEqual(moved[key] / collectives.seconds(fit, key, 200e9), 1, delta=1e-9)

    def test_the_command_writes_every_field_of_the_fit(self):
        root = self.catalogue()
        code, text = run("collectives", "--table", self.nccl_table(), "--server", "dgx_h100",
                         "--catalog", root, "--write")
        self.assertEqual(code, 0, text)
        catalogue = Catalogue(root)
        self.assertAlmostEqual(float(catalogue.get("server", "dgx_h100",
                                                   "scale_up.low_latency_efficiency")), 0.4, delta=0.04)
        self.assertEqual(catalogue.get("server", "dgx_h100", "scale_out.base_latency"),
                         catalogue.get("server", "dgx_h100", "scale_up.base_latency"))

    def test_the_minimiser_finds_a_corner_and_an_inside(self):
        values, loss = minimise(lambda v: abs(v[0] - 3) + abs(v[1] - 0.5),
                                [(1.0, 0.1, 10.0), (0.9, 0.7, 1.0)])
        self.assertAlmostEqual(values[0], 3, delta=1e-3)
        self.assertAlmostEqual(values[1], 0.7, delta=1e-3)
        self.assertAlmostEqual(loss, 0.2, delta=1e-3)


class Convert(Folder):
    def table(self):
        path = self.folder / "vtrain.csv"
        lines = [",".join(cases.VTRAIN.values())]
        lines += [f"4,{8 * b},2,1024,16,24,1024,2,2,1,{100 + b}.5" for b in range(1, 101)]
        path.write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")
        return path

    def test_rows_keep_their_halves_in_any_order(self):
        rows = cases.vtrain(self.table())
        halves = {row["global_batch"]: row["role"] for row in rows}
        self.assertGreater(sum(role == "holdout" for role in halves.values()), 30)
        lines = self.table().read_text(encoding="utf-8").splitlines()
        (self.folder / "vtrain.csv").write_text("\n".join([lines[0]] + lines[:0:-1]), encoding="utf-8")
        again = {row["global_batch"]: row["role"] for row in cases.vtrain(self.folder / "vtrain.csv")}
        self.assertEqual(again, halves)

    def test_the_command_writes_the_strict_table(self):
        out = self.folder / "strict.csv"
        self.assertEqual(run("convert", "--table", self.table(), "-o", out)[0], 0)
        rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
        self.assertEqual(len(rows), 100)
        self.assertEqual(rows[0]["step_time_s"], "0.1015")
        self.assertEqual((rows[0]["ffn"], rows[0]["kv_heads"], rows[0]["experts"]), ("4096", "16", ""))

    def test_a_layout_that_is_not_the_number_of_gpus_is_refused(self):
        path = self.table()
        path.write_text(path.read_text(encoding="utf-8").replace("4,8,2,", "8,8,2,"), encoding="utf-8")
        with self.assertRaisesRegex(UserError, ":2: tensor x data x pipeline"):
            cases.vtrain(path)


class Transfer(Folder):
    def test_the_catalogue_follows_the_rule(self):
        code, text = run("transfer", "--check")
        self.assertEqual(code, 0, text)
        self.assertGreater(len(transfer.marked(Catalogue(ROOT))), 50)

    def test_a_moved_gemm_takes_the_same_time_at_the_same_share(self):
        catalogue = Catalogue(ROOT)
        points, own = transfer.surface(catalogue, "trainium2", "BF16", "h100_sxm", 1.0)
        donor = gemm.written(catalogue.document("accelerator", "h100_sxm"), "h100_sxm", "BF16")
        peak = gemm.peak_of(catalogue.document("accelerator", "trainium2"), "trainium2", "BF16")
        self.assertEqual(own, "BF16")
        self.assertAlmostEqual(points[0][0] / peak / (donor[0][0] / 989e12), 1, delta=5e-3)
        self.assertEqual(points[0][1], donor[0][1])

    def test_a_part_of_another_vendor_needs_a_donor(self):
        root = self.catalogue()
        code, text = run("transfer", "--accelerator", "h200_sxm", "--from", "mi300x", "--catalog", root)
        self.assertEqual((code, "was not measured" in text), (2, True))
        catalogue = Catalogue(root)
        catalogue.document("accelerator", "mi300x").set("accelerator", "mi300x", "title", '"Other"')
        document = catalogue.document("accelerator", "mi300x")
        for fields, _, _ in list(document.sources("accelerator", "mi300x")):
            if "rate[BF16].gemm" in fields:
                document.set_source("accelerator", "mi300x", fields, "Something else.")
        with self.assertRaisesRegex(UserError, "say with --from"):
            transfer.donor(catalogue, "mi300x")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
