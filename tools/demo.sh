#!/usr/bin/env bash
# From a fresh clone on Debian 12 or 13 to a first result: installs what is missing, builds, simulates one
# training step of Llama 3.1 405B on 16,384 H100, uncapped and with the scale-up links of an H800.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/packages.sh

InstallPackages "${BUILD_PACKAGES[@]}"
TryPackages "gridlock report will have no charts" "${CHART_PACKAGES[@]}"
if [ ! -e build/release/build.ninja ]; then
  cmake --preset release -DBUILD_TESTING=OFF
fi
cmake --build --preset release --target gridlock

out=out/llama-405b-h800
build/release/tools/gridlock cap examples/02-llama-405b-16k/scenario.textproto \
  --link scale_up --values 900,400GBps -o "$out"
cat <<END

The trace: $PWD/$out/trace.h5
It is HDF5 in netCDF-4 layout. To open it, apt install python3-xarray python3-netcdf4, and in
/usr/bin/python3:

  import xarray as xr
  trace = xr.open_dataset("$out/trace.h5")
  print(trace.step_time.to_series())        # seconds, by cap
  print(trace.attribution.to_pandas())      # seconds that each resource set the pace of
  print(trace.utilisation_mean.to_pandas()) # share of each resource in use

Next: the examples/ folders, and build/release/tools/gridlock --help.
END
