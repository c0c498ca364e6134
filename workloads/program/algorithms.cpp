// The table of algorithms.

#include <array>

#include "workloads/program/algorithm.h"

namespace gridlock {

// Each in a file of its own.
extern const Algorithm kTree;
extern const Algorithm kSwitchTree;
extern const Algorithm kExperts;
extern const Algorithm kForwarded;
extern const Algorithm kHalvingDoubling;
extern const Algorithm kInSwitch;
extern const Algorithm kNeighbours;

std::span<const Algorithm* const> Algorithms() {
  static constexpr std::array kTable = {&kRing,       &kTree,  &kHalvingDoubling, &kInSwitch,
                                        &kSwitchTree, &kPairs, &kNeighbours,      &kForwarded,
                                        &kExperts,    &kFitted};
  return kTable;
}

const Algorithm* AlgorithmByName(const std::string& name) {
  for (const Algorithm* algorithm : Algorithms()) {
    if (name == algorithm->name) {
      return algorithm;
    }
  }
  return nullptr;
}

}  // namespace gridlock
