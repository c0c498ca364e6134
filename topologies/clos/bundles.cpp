#include "topologies/clos/bundles.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "sim/base/check.h"

namespace gridlock {

namespace {

/// The numbers of "leaf_up[2]->spine[3]": {2, 3}.
std::optional<std::pair<int, int>> NumbersOf(const std::string& name, const char* format) {
  int a = -1, b = -1, length = 0;
  if (std::sscanf(name.c_str(), format, &a, &b, &length) < 2 ||
      length != static_cast<int>(name.size()) || a < 0 || b < 0) {
    return std::nullopt;
  }
  return std::pair(a, b);
}

std::optional<int> NumberOf(const std::string& name, const char* format) {
  int a = -1, length = 0;
  if (std::sscanf(name.c_str(), format, &a, &length) < 1 ||
      length != static_cast<int>(name.size()) || a < 0) {
    return std::nullopt;
  }
  return a;
}

}  // namespace

bool ClosBundles::Has(const std::string& name) const {
  if (!sprayed_) {
    return false;
  }
  const auto spine = NumberOf(name, "spine[%d]%n");
  const auto core = NumberOf(name, "core[%d]%n");
  const auto uplink = NumbersOf(name, "leaf_up[%d]->spine[%d]%n");
  const auto core_link = NumbersOf(name, "spine_up[%d]->core[%d]%n");
  return (spine && *spine < spines()) || (core && *core < layout_.cores) ||
         (uplink && uplink->first < layout_.leaves && uplink->second < spines() &&
          uplink->second / layout_.spines_per_pod == uplink->first / layout_.leaves_per_pod) ||
         (core_link && core_link->first < spines() && core_link->second < layout_.cores &&
          core_link->second / layout_.cores_per_plane == core_link->first % layout_.spines_per_pod);
}

void ClosBundles::LowerLeaf(int leaf, double links) {
  const double share = links / layout_.uplinks_per_leaf;
  const auto entry = leaf_share_.try_emplace(leaf, 1.0).first;
  entry->second -= share;
}

void ClosBundles::LowerPod(int pod, double links) {
  const double share = links / (layout_.spines_per_pod * layout_.uplinks_per_spine);
  const auto entry = pod_share_.try_emplace(pod, 1.0).first;
  entry->second -= share;
}

// Packets are spread over what is left. A spine takes its links to leaves and to cores with it.
void ClosBundles::Lower(const std::string& name, bool three_tiers) {
  if (const auto spine = NumberOf(name, "spine[%d]%n")) {
    const int pod = *spine / layout_.spines_per_pod;
    const int behind = std::min(layout_.leaves, (pod + 1) * layout_.leaves_per_pod);
    for (int leaf = pod * layout_.leaves_per_pod; leaf < behind; ++leaf) {
      LowerLeaf(leaf, layout_.links_per_spine);
    }
    if (three_tiers) {
      LowerPod(pod, layout_.uplinks_per_spine);
    }
  } else if (NumberOf(name, "core[%d]%n")) {
    for (int pod = 0; pod < layout_.pods; ++pod) {
      LowerPod(pod, layout_.links_per_core);
    }
  } else if (const auto uplink = NumbersOf(name, "leaf_up[%d]->spine[%d]%n")) {
    LowerLeaf(uplink->first, 1);
  } else if (const auto core_link = NumbersOf(name, "spine_up[%d]->core[%d]%n")) {
    LowerPod(core_link->first / layout_.spines_per_pod, 1);
  }
}

ClosBundles::ClosBundles(const SiteSpec& site, const ClosLayout& layout)
    : sprayed_(std::get<ClosSpec>(site.fabric).routing == Routing::kSpray), layout_(layout) {
  std::vector<std::string> names = site.failed;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const std::string& name : names) {
    if (Has(name)) {
      Lower(name, std::get<ClosSpec>(site.fabric).tiers == 3);
    }
  }
  constexpr double kNothing = 1e-9;
  for (const auto* shares : {&leaf_share_, &pod_share_}) {
    for (const auto& [number, share] : *shares) {
      if (share < kNothing) {
        throw UserError(site.path + ".failed",
                        fmt::format("nothing is left of the links above {} {}; expected at least "
                                    "one of them",
                                    shares == &leaf_share_ ? "leaf" : "the spines of pod", number));
      }
    }
  }
}

double ClosBundles::ShareOf(LinkIndex link, const ClosLinks& links) const {
  if (leaf_share_.empty() && pod_share_.empty()) {
    return 1;
  }
  const ClosLinks::Family family = links.family(link);
  if (family < ClosLinks::kLeafUp) {
    return 1;
  }
  const auto& shares =
      family == ClosLinks::kLeafUp || family == ClosLinks::kLeafDown ? leaf_share_ : pod_share_;
  const auto found = shares.find(links.position(link));
  return found == shares.end() ? 1.0 : found->second;
}

}  // namespace gridlock
