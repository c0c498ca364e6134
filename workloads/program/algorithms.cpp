// The table of algorithms.

#include <array>
#include <string>
#include <utility>

#include "sim/base/names.h"
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

namespace {

// NCCL's names of algorithms (NCCL_ALGO).
constexpr std::pair<const char*, const char*> kOfNccl[] = {{"nvls", "in_switch"},
                                                           {"nvlstree", "in_switch_tree"}};

}  // namespace

const Algorithm* AlgorithmByName(const std::string& name) {
  std::string key = PlainKey(name, NameKind::kOther);
  for (const auto& [nccl, own] : kOfNccl) {
    key = key == nccl ? PlainKey(own, NameKind::kOther) : key;
  }
  for (const Algorithm* algorithm : Algorithms()) {
    if (key == PlainKey(algorithm->name, NameKind::kOther)) {
      return algorithm;
    }
  }
  return nullptr;
}

}  // namespace gridlock
