#pragma once

// What one simulated training step leaves behind. Evaluators fill it; the recorder writes it;
// reports read it. Plain data.

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sim/base/fields.h"
#include "sim/base/units.h"
#include "sim/record/link_use.h"

namespace gridlock {

/// Share of one class of resources in use over time, mean over all members of the class.
struct UtilisationSeries {
  std::string resource;       ///< "compute", "hbm", "scale_up", "nic", "leaf", "spine", "wan"
  std::int64_t members = 0;   ///< resources of the class in the machine that the job occupies
  double capacity_si = 0;     ///< of one member: byte/s or FLOP/s; what can be sustained
  double peak_si = 0;         ///< of one member as its datasheet has it; 0: same as capacity
  std::vector<double> share;  ///< per interval, 0..1
};

/// Seconds of the step that one resource set the pace of, along the critical path.
struct Attribution {
  std::string resource;  ///< "compute", "hbm", "scale_up", ..., "latency", "launch", "overhead"
  Seconds time;
  std::string words = {};  ///< the resource for people: "the scale-up links"; "": its name
};

/// Mean seconds per accelerator and step by what the accelerator was doing; sums to the step time.
struct BreakdownPart {
  std::string
      activity;  ///< "compute", "memory_bound", "tensor_comm", "pipeline_wait", "data_comm", ...
  Seconds time;
};

/// HBM bytes per accelerator of one pipeline stage.
struct StageMemory {
  int stage = 0;
  Bytes weights, gradients, optimizer, activations, buffers;
  Bytes capacity;

  [[nodiscard]] Bytes total() const {
    return weights + gradients + optimizer + activations + buffers;
  }
};

/// What a pipeline stage was working on in a span of its timeline.
enum class PassKind : std::uint8_t { kNone, kForward, kBackward, kOptimizer };

template <>
inline constexpr std::array kNames<PassKind> = {"none", "forward", "backward", "optimizer"};

/// A stretch of time in which one accelerator of a pipeline stage did one thing.
struct TimelineSpan {
  int stage = 0;
  Seconds start, end;  ///< since the step began
  int activity = 0;    ///< number among the parts of StepRecord::breakdown
  PassKind pass = PassKind::kNone;
};

/// One kind of kernel call of a step, for the roofline: mean over the pipeline stages.
struct OperationCost {
  std::string name;  ///< "forward qkv"
  Flop flop;         ///< of one call
  Bytes hbm;         ///< of one call, read and written
  double calls = 0;  ///< of one accelerator in a step
  Seconds time;      ///< of one call, alone on the accelerator
};

/// One collective of one size by one algorithm, of a test of collectives.
struct CollectiveResult {
  std::string collective;  ///< "all_reduce"
  std::string algorithm;   ///< "ring"
  Bytes size;              ///< of the buffer of one rank
  std::int64_t ranks = 0;  ///< of one group
  std::int64_t groups = 0;
  Seconds time;                        ///< of the slowest group, mean over iterations
  Seconds latency;                     ///< the part of it that no bandwidth shortens
  BytesPerSecond algorithm_bandwidth;  ///< size over time
  /// Times 2 (n-1)/n for an all-reduce of n ranks, (n-1)/n for gathers, scatters and all-to-alls:
  /// what the links would carry if every rank sent what a ring sends.
  BytesPerSecond bus_bandwidth;
  std::string wall;             ///< what paced the slowest group: "nic", "latency" ...
  std::string wall_words = {};  ///< the same for people: "the NICs"; "": its name
  bool fastest = false;         ///< of the algorithms that were tried for this size
  bool chosen = false;          ///< what a library takes; where one alone was tried, that one
  Bytes port_load;              ///< on the busiest scale-up link, protocol included
  Bytes nic_load;               ///< on the busiest NIC, one direction
  /// The links with the highest share of their capacity in use, mean over the time of the row.
  std::string busiest;
  double utilisation = 0;
};

/// One simulated step, or one test of a collective.
struct StepRecord {
  std::string label;              ///< position on the cap axis: "baseline", "scale_up 200 GB/s"
  double cap_si = 0;              ///< value of the cap in SI units; 0 for the baseline
  std::string cap_as_typed = {};  ///< the cap as the user wrote it, where that is not a plain
                                  ///< quantity per direction: "900 GBps" of both directions, "75 %"
  std::string overrides = {};     ///< what the row says differently from the scenario of the trace,
                                  ///< one "path=value" a line
  std::string fidelity;           ///< "full", "folded", "analytic"
  std::int64_t accelerators = 0;
  std::int64_t classes = 0;  ///< of accelerators that behave alike, one of each simulated; 0 when
                             ///< all were
  std::int64_t tokens = 0;   ///< per step
  Seconds step_time;
  Flop model_flop;     ///< per step, whole job: forward + backward, no recompute
  Flop hardware_flop;  ///< the same with recomputation
  FlopPerSecond peak;  ///< of all accelerators in the training format, dense
  Seconds interval;    ///< width of one utilisation interval
  std::vector<UtilisationSeries> utilisation;
  std::vector<Attribution> attribution;
  std::vector<BreakdownPart> breakdown;
  std::vector<StageMemory> memory;
  std::vector<TimelineSpan> timeline;     ///< by stage and time
  std::vector<OperationCost> operations;  ///< in the order of a pass; a test has none
  Joules energy;                          ///< accelerators and servers, without PUE
  Joules accelerator_energy;  ///< the accelerators' part of `energy`; the rest is the servers'
  Joules burned_energy{};     ///< of accelerator_energy, what boards burned below their floor
  Watts mean_power;
  /// W by interval: what the servers draw from the site, without PUE, their power supplies' storage
  /// in between; empty when not known.
  std::vector<double> power;
  Watts power_limit;    ///< of one accelerator's board; zero when not known
  Watts power_floor{};  ///< of one accelerator's board; zero: none
  Watts idle_power;     ///< of one accelerator's board; zero when not known
  bool energy_is_estimate = true;
  std::vector<std::pair<std::string, double>>
      collective_seconds;  ///< measured duration of each kind, for people who look deeper
  /// The links with the highest use, mean over the step, hottest first. In a folded run one of
  /// those alike.
  std::vector<LinkUse> hottest;
  std::vector<LinkUse> links;            ///< those that the scenario has recorded by name
  std::vector<CollectiveResult> tested;  ///< of a test of a collective; a step has none
  std::uint64_t activities = 0;          ///< SimGrid activities that were simulated
  std::uint64_t fingerprint = 0;         ///< of every completion time, at 9 significant digits

  [[nodiscard]] double mfu() const { return model_flop / (peak * step_time); }

  [[nodiscard]] double hfu() const { return hardware_flop / (peak * step_time); }
};

}  // namespace gridlock
