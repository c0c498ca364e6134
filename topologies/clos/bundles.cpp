// Bundles of sprayed links that have lost some of them.

#include <algorithm>
#include <cstdio>
#include <optional>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "topologies/clos/topology.h"

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

bool ClosTopology::IsInBundle(const std::string& name) const {
  if (clos().routing != Routing::kSpray) {
    return false;
  }
  const auto spine = NumberOf(name, "spine[%d]%n");
  const auto core = NumberOf(name, "core[%d]%n");
  const auto uplink = NumbersOf(name, "leaf_up[%d]->spine[%d]%n");
  const auto core_link = NumbersOf(name, "spine_up[%d]->core[%d]%n");
  return (spine && *spine < spines()) || (core && *core < cores()) ||
         (uplink && uplink->first < leaves() && uplink->second < spines() &&
          uplink->second / layout_.spines_per_pod == pod_of_leaf(uplink->first)) ||
         (core_link && core_link->first < spines() && core_link->second < cores() &&
          core_link->second / layout_.cores_per_plane == core_link->first % layout_.spines_per_pod);
}

void ClosTopology::LowerBundle(int leaf, double links) {
  const double share = links / layout_.uplinks_per_leaf;
  const auto entry = leaf_share_.try_emplace(leaf, 1.0).first;
  entry->second -= share;
}

void ClosTopology::LowerPod(int pod, double links) {
  const double share = links / (layout_.spines_per_pod * layout_.uplinks_per_spine);
  const auto entry = pod_share_.try_emplace(pod, 1.0).first;
  entry->second -= share;
}

// Packets are spread over what is left. A spine takes its links to leaves and to cores with it.
void ClosTopology::LowerBundles() {
  std::vector<std::string> names = site().failed;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const bool three = clos().tiers == 3;
  for (const std::string& name : names) {
    if (!IsInBundle(name)) {
      continue;
    }
    if (const auto spine = NumberOf(name, "spine[%d]%n")) {
      const int pod = *spine / layout_.spines_per_pod;
      for (int leaf = pod * leaves_per_pod();
           leaf < std::min(leaves(), (pod + 1) * leaves_per_pod()); ++leaf) {
        LowerBundle(leaf, layout_.links_per_spine);
      }
      if (three) {
        LowerPod(pod, layout_.uplinks_per_spine);
      }
    } else if (NumberOf(name, "core[%d]%n")) {
      for (int pod = 0; pod < pods(); ++pod) {
        LowerPod(pod, layout_.links_per_core);
      }
    } else if (const auto uplink = NumbersOf(name, "leaf_up[%d]->spine[%d]%n")) {
      LowerBundle(uplink->first, 1);
    } else if (const auto core_link = NumbersOf(name, "spine_up[%d]->core[%d]%n")) {
      LowerPod(core_link->first / layout_.spines_per_pod, 1);
    }
  }
  constexpr double kNothing = 1e-9;
  for (const auto* shares : {&leaf_share_, &pod_share_}) {
    for (const auto& [number, share] : *shares) {
      if (share < kNothing) {
        throw UserError(site().path + ".failed",
                        fmt::format("nothing is left of the links above {} {}; expected at least "
                                    "one of them",
                                    shares == &leaf_share_ ? "leaf" : "the spines of pod", number));
      }
    }
  }
}

double ClosTopology::BundleShare(LinkIndex link) const {
  if (leaf_share_.empty() && pod_share_.empty()) {
    return 1;
  }
  const Family f = family(link);
  if (f < kLeafUp) {
    return 1;
  }
  const auto& shares = f == kLeafUp || f == kLeafDown ? leaf_share_ : pod_share_;
  const auto found = shares.find(link.value - first_[f]);
  return found == shares.end() ? 1.0 : found->second;
}

}  // namespace gridlock
