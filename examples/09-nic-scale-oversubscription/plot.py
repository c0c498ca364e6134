#!/usr/bin/env python3
"""Draws MFU over the NICs, a line for each size of the machine, from results.h5 into an SVG.

usage: plot.py RESULTS.h5 FIGURE.svg      needs python3-xarray, python3-netcdf4 and python3-matplotlib
"""

import sys

import matplotlib
import xarray

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

matplotlib.rcParams["svg.hashsalt"] = "gridlock"  # the same figure twice is the same file


def main():
    data = xarray.open_dataset(sys.argv[1]).sel(oversubscription=1)
    figure, axes = plt.subplots(figsize=(7, 4.2))
    for accelerators in data.accelerators.values:
        line = data.mfu.sel(accelerators=accelerators)
        axes.plot(data.nic * 8 / 1e9, 100 * line, marker="o", label=f"{int(accelerators):,}")
    axes.set_xscale("log", base=2)
    axes.set_xticks(data.nic * 8 / 1e9, [str(label) for label in data.nic_label.values])
    axes.set_ylim(0, 60)
    axes.set_xlabel("bandwidth of a NIC, per direction")
    axes.set_ylabel("MFU, %")
    axes.set_title("Llama 3.1 8B on H100, one NIC each, nothing oversubscribed")
    axes.legend(title="accelerators", ncols=2, loc="lower right")
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(sys.argv[2], metadata={"Date": None})


if __name__ == "__main__":
    main()
