#pragma once

// What a cap costs: one resource capped at several values, beside the step without a cap.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "sim/record/step_record.h"
#include "sim/record/trace_header.h"

namespace gridlock {

/// Steps of one study. Units and name of the capped quantity stand in the TraceHeader.
struct CapStudy {
  std::string resource;            ///< the capped one, as Attribution names it: "scale_up"
  StepRecord baseline;             ///< without a cap
  std::vector<StepRecord> points;  ///< in any order
  double uncapped_si = 0.0;        ///< what is capped, as the scenario has it; 0: not known
};

/// A resource begins to bind where it sets the pace of more than this share of the critical path.
inline constexpr double kKneeShare = 0.10;

/// The study with its points by falling cap; equal ones keep their order.
CapStudy Ordered(CapStudy study);

/// Whether the resource sets the pace of more than kKneeShare of the critical path without a cap.
bool BindsWithoutCap(const CapStudy& study);

/// Index, in an Ordered study, of the knee: the first value, walking from the highest, at which the
/// capped resource's share of the critical path passes kKneeShare. Nothing when no value does, and
/// when the resource binds already without the cap.
std::optional<std::size_t> FindKnee(const CapStudy& study);

/// The table for a screen, at most 100 columns wide, with the knee marked and named, notes and
/// estimates below, and a final newline.
std::string CapTableText(const TraceHeader& header, const CapStudy& study);

/// The same as JSON; `fingerprint` combines the baseline and the points by falling cap.
std::string CapJson(const TraceHeader& header, const CapStudy& study);

}  // namespace gridlock
