// The table of algorithms.

#include <array>
#include <cctype>
#include <string>
#include <vector>

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

// Letters and digits alone, small: "NVLSTree" and "nvls_tree" are one word.
std::string Plain(const std::string& word) {
  std::string plain;
  for (const char c : word) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return plain;
}

}  // namespace

std::vector<const Algorithm*> AlgorithmsMeant(const std::string& word) {
  const std::string plain = Plain(word);
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
    if (plain == Plain(algorithm->name)) {
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
