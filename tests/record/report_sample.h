#pragma once

// Records made by hand, small enough to check the reports against a pocket calculator.

#include <string>
#include <vector>

#include "sim/record/step_record.h"
#include "sim/record/trace_header.h"
#include "sim/report/cap_table.h"

namespace gridlock {

inline TraceHeader ReportHeader() {
  TraceHeader header;
  header.scenario_name = "two servers";
  header.description = "A sample for the reports";
  header.machine = "2 x DGX H100";
  header.setup = {{"model", "llama"}, {"layout", "tensor 2, data 8"}};
  header.sizes = {{"tensor", 2}, {"data", 8}};
  header.seed = 7;
  header.gridlock_version = "0.1.0";
  header.command_line = "gridlock run \"two\\servers\".textproto";
  header.notes = {"900 GBps bidirectional = 450 GB/s per direction"};
  header.estimates = {{"accelerator h100", "power.per_flop"},
                      {"stack core", "step_overhead"},
                      {"accelerator h100", "power.per_hbm_byte"}};
  header.cap_quantity = "scale-up bandwidth per direction";
  header.cap_units = "byte/s";
  return header;
}

/// 16 accelerators; a step of 4 s; model FLOP rate 400 of 1,000 TFLOP/s each.
inline StepRecord ReportRecord() {
  StepRecord record;
  record.label = "baseline";
  record.fidelity = "full";
  record.accelerators = 16;
  record.tokens = 4194304;
  record.step_time = Seconds(4.0);
  record.model_flop = Flop(16 * 400e12 * 4.0);
  record.hardware_flop = Flop(16 * 500e12 * 4.0);
  record.peak = FlopPerSecond(16 * 1000e12);
  record.interval = Seconds(1.5);
  record.utilisation = {{"compute", 16, 1e15, 0.0, {0.5, 0.5, 1.0}},  // (0.75 + 0.75 + 1.0) / 4
                        {"hbm", 16, 3e12, 3.35e12, {0.2, 0.2, 0.2}},
                        {"spine", 0, 0.0, 0.0, {0.0, 0.0, 0.0}},
                        {"nic", 32, 5e10, 0.0, {0.05, 0.05, 0.05}},
                        {"scale_up", 32, 4.5e11, 0.0, {0.1, 0.1, 0.1}}};
  record.attribution = {{"scale_up", Seconds(0.2), "the scale-up links"},
                        {"compute", Seconds(2.0), "compute (matrix units)"},
                        {"latency", Seconds(0.8), "latency of messages"},
                        {"compute", Seconds(1.0), "compute (matrix units)"},
                        {"spine", Seconds(0.0)}};
  record.breakdown = {{"compute", Seconds(2.5)},
                      {"tensor_comm", Seconds(0.5)},
                      {"pipeline_wait", Seconds(0.75)},
                      {"launch", Seconds(0.0)},
                      {"idle", Seconds(0.25)}};
  record.memory = {{.stage = 0,
                    .weights = Bytes(10e9),
                    .gradients = Bytes(20e9),
                    .optimizer = Bytes(5e9),
                    .activations = Bytes(24e9),
                    .buffers = Bytes(1e9),
                    .capacity = Bytes(80e9)},
                   {.stage = 1,
                    .weights = Bytes(10e9),
                    .gradients = Bytes(20e9),
                    .optimizer = Bytes(5e9),
                    .activations = Bytes(12e9),
                    .buffers = Bytes(1e9),
                    .capacity = Bytes(80e9)}};
  record.energy = Joules(16 * 900.0 * 4.0);
  record.accelerator_energy = Joules(16 * 512.34 * 4.0);
  record.power_limit = Watts(700.0);
  record.mean_power = Watts(16 * 900.0);
  record.collective_seconds = {{"all_reduce", 0.25}};
  record.activities = 12345;
  record.fingerprint = 0x0123456789abcdefu;
  return record;
}

/// A capped step: `scale_up` sets the pace of `share` of `seconds`.
inline StepRecord CappedRecord(double cap, double seconds, double share) {
  StepRecord record = ReportRecord();
  record.label = "capped";
  record.cap_si = cap;
  record.step_time = Seconds(seconds);
  record.attribution = {{"compute", Seconds(seconds * (1.0 - share))},
                        {"scale_up", Seconds(seconds * share), "the scale-up links"}};
  record.fingerprint = static_cast<std::uint64_t>(cap);
  return record;
}

/// Caps out of order; the knee is at 200 GB/s, and 450 GB/s is no cap.
inline CapStudy ReportStudy() {
  return {"scale_up",
          ReportRecord(),
          {CappedRecord(100e9, 6.0, 0.4), CappedRecord(450e9, 4.0, 0.05),
           CappedRecord(200e9, 4.4, 0.15)},
          450e9};
}

}  // namespace gridlock
