// The table of algorithms.

#include <array>
#include <string>
#include <vector>

#include "sim/base/names.h"
#include "workloads/program/algorithm.h"

namespace gridlock {

// Each in a file of its own.
extern const Algorithm kAggregatedTrees;
extern const Algorithm kTree;
extern const Algorithm kSwitchTree;
extern const Algorithm kExperts;
extern const Algorithm kForwarded;
extern const Algorithm kHalvingDoubling;
extern const Algorithm kInSwitch;
extern const Algorithm kNeighbours;

std::span<const Algorithm* const> Algorithms() {
  static constexpr std::array kTable = {
      &kRing,  &kTree,       &kHalvingDoubling, &kAggregatedTrees, &kInSwitch, &kSwitchTree,
      &kPairs, &kNeighbours, &kForwarded,       &kExperts,         &kFitted};
  return kTable;
}

std::vector<const Algorithm*> AlgorithmsMeant(const std::string& word) {
  const std::string plain = PlainKey(word, NameKind::kOther);
  if (plain == "nvls" || plain == "inswitch") {
    return {&kInSwitch, &kSwitchTree};
  }
  if (plain == "nvlstree") {
    return {&kSwitchTree};
  }
  if (plain == "doublebinarytree") {
    return {&kTree};
  }
  for (const Algorithm* algorithm : Algorithms()) {
    if (plain == PlainKey(algorithm->name, NameKind::kOther)) {
      return {algorithm};
    }
  }
  return {};
}

const Algorithm* AlgorithmByName(const std::string& name) {
  const std::vector<const Algorithm*> meant = AlgorithmsMeant(name);
  return meant.empty() ? nullptr : meant.front();
}

}  // namespace gridlock
