#include "sim/scheduler/free_servers.h"

#include <algorithm>
#include <map>
#include <span>
#include <tuple>
#include <utility>

#include "sim/base/check.h"

namespace gridlock {

namespace {

// Which of several groups (leaves or pods, by their free servers) to take from next: the one with
// the fewest that holds it all, else the one with the most, so that few are touched.
std::int32_t NextGroup(std::span<const std::int32_t> free, std::int32_t servers) {
  std::size_t best = 0;
  for (std::size_t g = 1; g < free.size(); ++g) {
    const bool holds = free[g] >= servers, best_holds = free[best] >= servers;
    if (holds == best_holds ? (holds ? free[g] < free[best] : free[g] > free[best]) : holds) {
      best = g;
    }
  }
  return static_cast<std::int32_t>(best);
}

// Ranks in the order of servers, but first under the leaves that the job has most servers of: so
// groups of ranks that fit a leaf stay under one, and an odd server shifts only those at the end.
Placement RunsOf(std::int32_t site, std::int32_t servers_per_leaf,
                 std::vector<std::int32_t>& servers) {
  std::map<std::int32_t, std::int32_t> under;  // leaf -> servers of the job
  for (const std::int32_t server : servers) {
    ++under[server / servers_per_leaf];
  }
  const auto key = [&](std::int32_t server) {
    return std::pair(-under[server / servers_per_leaf], server);
  };
  std::sort(servers.begin(), servers.end(), [&](std::int32_t a, std::int32_t b) {
    return key(a) < key(b);
  });
  Placement runs;
  for (const std::int32_t server : servers) {
    if (!runs.empty() && runs.back().first + runs.back().count == server) {
      ++runs.back().count;
    } else {
      runs.push_back({site, server, 1});
    }
  }
  return runs;
}

}  // namespace

FreeServers::FreeServers(const SiteState& site)
    : servers_per_leaf_(site.servers_per_leaf),
      leaves_per_pod_(site.leaves_per_pod),
      free_(site.free) {
  CHECK(servers_per_leaf_ > 0 && leaves_per_pod_ > 0);
  const auto servers = static_cast<std::int32_t>(free_.size());
  const std::int32_t leaves = (servers + servers_per_leaf_ - 1) / servers_per_leaf_;
  by_leaf_.resize(leaves);
  by_pod_.resize((leaves + leaves_per_pod_ - 1) / leaves_per_pod_);
  for (std::int32_t leaf = 0; leaf < leaves; ++leaf) {
    const auto begin = free_.begin() + leaf * servers_per_leaf_;
    const auto end = free_.begin() + std::min(servers, (leaf + 1) * servers_per_leaf_);
    by_leaf_[leaf] = static_cast<std::int32_t>(end - begin - std::count(begin, end, 0));
    by_pod_[leaf / leaves_per_pod_] += by_leaf_[leaf];
    total_ += by_leaf_[leaf];
  }
}

Placement FreeServers::Take(std::int32_t site_number, std::int32_t servers) {
  CHECK(servers > 0);
  if (servers > total_) {
    return {};
  }
  std::vector<std::int32_t> taken;
  const std::int32_t leaf = LeafThatHolds(servers);
  if (leaf >= 0) {
    TakeFromLeaf(leaf, servers, taken);
  } else {
    while (servers > 0) {
      servers -= TakeFromPod(NextGroup(by_pod_, servers), servers, taken);
    }
  }
  return RunsOf(site_number, servers_per_leaf_, taken);
}

std::int32_t FreeServers::LeafThatHolds(std::int32_t servers) const {
  std::int32_t best = -1;
  if (servers > servers_per_leaf_) {
    return best;
  }
  const auto size = [this](std::int32_t leaf) {
    return std::tuple(by_leaf_[leaf], by_pod_[leaf / leaves_per_pod_]);
  };
  for (std::int32_t leaf = 0; leaf < static_cast<std::int32_t>(by_leaf_.size()); ++leaf) {
    if (by_leaf_[leaf] >= servers && (best < 0 || size(leaf) < size(best))) {
      best = leaf;
    }
  }
  return best;
}

std::int32_t FreeServers::TakeFromLeaf(std::int32_t leaf, std::int32_t servers,
                                       std::vector<std::int32_t>& taken) {
  const std::int32_t count = std::min(servers, by_leaf_[leaf]);
  std::int32_t server = leaf * servers_per_leaf_;
  for (std::int32_t left = count; left > 0; ++server) {
    if (free_[server] != 0) {
      free_[server] = 0;
      taken.push_back(server);
      --left;
    }
  }
  by_leaf_[leaf] -= count;
  by_pod_[leaf / leaves_per_pod_] -= count;
  total_ -= count;
  return count;
}

std::int32_t FreeServers::TakeFromPod(std::int32_t pod, std::int32_t servers,
                                      std::vector<std::int32_t>& taken) {
  const std::int32_t count = std::min(servers, by_pod_[pod]);
  const std::int32_t first = pod * leaves_per_pod_;
  const auto leaves = std::span<const std::int32_t>(by_leaf_).subspan(
      first, std::min<std::size_t>(leaves_per_pod_, by_leaf_.size() - first));
  for (std::int32_t left = count; left > 0;) {
    left -= TakeFromLeaf(first + NextGroup(leaves, left), left, taken);
  }
  return count;
}

Placement Place(const SiteState& site, std::int32_t site_number, std::int32_t servers) {
  return FreeServers(site).Take(site_number, servers);
}

}  // namespace gridlock
