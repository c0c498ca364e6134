#pragma once

// Whether the results of a sweep bear a claim out.

#include <string>
#include <vector>

#include "sim/sweep/sweep.h"

namespace gridlock {

enum class Ruling : std::uint8_t {
  kHolds,
  kFails,
  kDepends,  ///< it holds at some values of the axis along which it is decided, and fails at others
  kOpen,     ///< an output that it needs is missing
};

template <>
inline constexpr std::array kNames<Ruling> = {"holds", "fails", "depends", "open"};

/// The decision at one value of the axis.
struct RulingAt {
  std::string label;  ///< of the coordinate; "" when it is decided once
  Ruling ruling = Ruling::kOpen;
  double number = 0;
};

struct VerdictResult {
  std::string claim;
  Ruling ruling = Ruling::kOpen;
  std::string unit;
  std::vector<RulingAt> decisions;  ///< at least one
};

/// Decides every verdict of the sweep from its journal.
std::vector<VerdictResult> Decide(const Sweep& sweep, const Grid& grid, const std::string& journal);

/// "holds: 1.32 x", or a line for each value of the axis.
std::string VerdictText(const VerdictResult& result);

}  // namespace gridlock
