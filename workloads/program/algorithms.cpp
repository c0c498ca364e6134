// The table of algorithms.

#include <array>
#include <string>
#include <vector>

#include "sim/base/names.h"
#include "workloads/program/algorithm.h"

namespace gridlock {

std::span<const Algorithm* const> Algorithms() {
  static constexpr std::array kTable = {
      &kRing,  &kTree,       &kHalvingDoubling, &kAggregatedTrees, &kInSwitch, &kSwitchTree,
      &kPairs, &kNeighbours, &kForwarded,       &kExpertPairs,     &kFitted};
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
