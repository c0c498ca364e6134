#pragma once

// Records whose every number is a formula of the row: what is read back can be computed again, here
// and in the Python checks (trace_check.py holds the same formulas).

#include <cstdint>
#include <string>
#include <vector>

#include "sim/record/fingerprint.h"
#include "sim/record/step_record.h"

namespace gridlock {

/// Row 0 is the baseline; row r > 0 has a cap of 1e11 / r byte/s and a step of 2 + r/4 seconds, in
/// `samples` - r % 3 intervals. Rows from the third on bring the resource "spine" and the
/// attribution "latency", which the first do not have.
inline StepRecord SampleRecord(int row, int samples = 64) {
  const double r = row;
  const auto intervals = static_cast<std::size_t>(samples - row % 3);
  StepRecord record;
  record.label = row == 0 ? "baseline" : "scale_up " + std::to_string(row) + " µ";
  record.cap_si = row == 0 ? 0.0 : 1e11 / r;
  record.fidelity = "folded";
  record.accelerators = 16;
  record.tokens = 4096;
  record.step_time = Seconds(2.0 + r / 4.0);
  record.model_flop = Flop(8e15);
  record.hardware_flop = Flop(9e15);
  record.peak = FlopPerSecond(1.6e16);
  record.interval = Seconds((2.0 + r / 4.0) / static_cast<double>(intervals));
  std::vector<std::string> resources = {"compute", "hbm", "scale_up"};
  record.attribution = {{"compute", Seconds(1.5)}, {"scale_up", Seconds(0.5 + r / 4.0)}};
  if (row >= 2) {
    resources.emplace_back("spine");
    record.attribution = {{"compute", Seconds(1.5)},
                          {"scale_up", Seconds(0.25 + r / 4.0)},
                          {"latency", Seconds(0.25)}};
  }
  for (std::size_t k = 0; k < resources.size(); ++k) {
    UtilisationSeries series{resources[k], 16, 1e12 * static_cast<double>(k + 1), 0.0, {}};
    for (std::size_t i = 0; i < intervals; ++i) {
      series.share.push_back(
          static_cast<double>((i * (k + 3) + std::size_t{7} * static_cast<std::size_t>(row)) %
                              101) /
          100.0);
    }
    record.utilisation.push_back(series);
  }
  record.breakdown = {{"compute", Seconds(1.25)}, {"tensor_comm", Seconds(0.75 + r / 4.0)}};
  for (int stage = 0; stage < 2; ++stage) {
    record.memory.push_back({.stage = stage,
                             .weights = Bytes(1e10 + stage),
                             .gradients = Bytes(2e10),
                             .optimizer = Bytes(5e9),
                             .activations = Bytes(1e10 * (2 - stage) + r),
                             .buffers = Bytes(1e9),
                             .capacity = Bytes(8e10)});
  }
  record.energy = Joules(20000.0 + r);
  record.accelerator_energy = Joules(15000.0 + r);
  record.classes = 2 + row;
  record.mean_power = Watts(10000.0);
  record.energy_is_estimate = true;
  record.collective_seconds = {{"all_reduce", 0.125 * r}, {"all_gather", 0.5}};
  record.activities = 1000u + static_cast<std::uint64_t>(row);
  Fingerprint fingerprint;
  fingerprint.Add(record.step_time.si());
  record.fingerprint = fingerprint.value();
  return record;
}

}  // namespace gridlock
