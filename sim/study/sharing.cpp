#include <algorithm>
#include <compare>
#include <map>
#include <numeric>
#include <set>

#include "sim/fold/plan.h"
#include "sim/study/situation.h"
#include "topologies/network.h"

namespace gridlock {

namespace {

// A bundle of links that several jobs may use, by class, site and number; of wide-area links the
// number alone counts.
struct Bundle {
  LinkClass link_class;
  int site, number;

  auto operator<=>(const Bundle&) const = default;
};

// The leaves and pods that the servers of a placement hang under.
struct Footprint {
  std::set<std::pair<int, int>> leaves, pods;  ///< site, number
};

Footprint FootprintOf(const Placement& placement, const Network& network) {
  Footprint footprint;
  for (const ServerRun& run : placement) {
    const Fabric& fabric = network.fabric(run.site);
    const ClosSpec& clos = fabric.site().clos;
    const int nics = fabric.layout().nics_per_server;
    const int per_leaf = clos.servers_per_leaf;
    const int rails = clos.rail_optimized ? nics : 1;
    for (int server = run.first; server < run.first + run.count;
         server = (server / per_leaf + 1) * per_leaf) {
      for (int rail = 0; rail < rails; ++rail) {
        const int leaf = fabric.leaf_of_nic(server * nics + rail);
        footprint.leaves.insert({run.site, leaf});
        footprint.pods.insert({run.site, fabric.pod_of_leaf(leaf)});
      }
    }
  }
  return footprint;
}

// The bundles that can bind and that a job's traffic may cross: those of its leaves when it spans
// several, those of its pods when it spans several, and the links of the ring of its sites.
std::vector<Bundle> BundlesOf(const Placement& placement, const Network& network) {
  std::vector<Bundle> bundles;
  if (ServersIn(placement) < 2) {
    return bundles;
  }
  const Footprint footprint = FootprintOf(placement, network);
  const auto add = [&](LinkClass link_class, const std::set<std::pair<int, int>>& under) {
    for (const auto& [site, number] : under) {
      if (under.size() > 1 && network.fabric(site).can_bind(link_class)) {
        bundles.push_back({link_class, site, number});
      }
    }
  };
  add(LinkClass::kLeaf, footprint.leaves);
  add(LinkClass::kSpine, footprint.pods);
  const std::vector<int> sites = SitesOf(placement);
  for (std::size_t i = 0; sites.size() > 1 && i < sites.size(); ++i) {
    const int wan = network.wan_between(sites[i], sites[(i + 1) % sites.size()]);
    bundles.push_back({LinkClass::kWan, 0, wan});
  }
  return bundles;
}

}  // namespace

std::vector<std::vector<std::size_t>> SharingGroups(const Situation& situation) {
  const Network network(*situation.sites, *situation.wans);
  std::vector<std::size_t> leader(situation.jobs.size());
  std::iota(leader.begin(), leader.end(), 0U);
  const auto find = [&leader](std::size_t job) {
    while (leader[job] != job) {
      job = leader[job] = leader[leader[job]];
    }
    return job;
  };
  std::map<Bundle, std::size_t> user;
  for (std::size_t job = 0; job < situation.jobs.size(); ++job) {
    for (const Bundle& bundle : BundlesOf(situation.jobs[job].placement, network)) {
      const auto [entry, first] = user.try_emplace(bundle, job);
      const std::size_t a = find(entry->second);
      const std::size_t b = find(job);
      leader[std::max(a, b)] = std::min(a, b);
    }
  }
  std::vector<std::vector<std::size_t>> groups;
  std::map<std::size_t, std::size_t> group_of;
  for (std::size_t job = 0; job < leader.size(); ++job) {
    const auto [entry, first] = group_of.try_emplace(find(job), groups.size());
    if (first) {
      groups.emplace_back();
    }
    groups[entry->second].push_back(job);
  }
  return groups;
}

}  // namespace gridlock
