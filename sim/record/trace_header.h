#pragma once

// What is known about a run before its first step: the head of every trace and of every report.

#include <cstdint>
#include <string>
#include <vector>

namespace gridlock {

struct TraceHeader {
  std::string scenario_name = {};
  std::string scenario_text =
      {};  ///< the whole scenario after includes and overrides, canonical textproto
  std::string machine = {};  ///< for people: "16 x DGX H100"; may be ""
  std::uint64_t seed = 0;
  std::string gridlock_version = {};
  std::string command_line = {};
  std::vector<std::string> notes = {};  ///< what was understood from the input
  std::vector<std::string> estimates =
      {};  ///< names of inputs that are estimates, not measured or published
  std::string cap_quantity =
      {};  ///< what is capped, "scale-up bandwidth per direction"; "" when nothing is
  std::string cap_units = {};  ///< of StepRecord::cap_si: "byte/s", "FLOP/s", "W", or "1"
};

}  // namespace gridlock
