#include "sim/oracle/sharing.h"

#include <algorithm>
#include <compare>
#include <numeric>
#include <set>
#include <utility>

#include "sim/oracle/laid_job.h"
#include "sim/oracle/spec_archive.h"
#include "sim/plan/plan.h"

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

// Jobs and who has been joined with whom.
class Joined {
 public:
  explicit Joined(std::size_t jobs) : leader_(jobs) {
    std::iota(leader_.begin(), leader_.end(), 0U);
  }

  void Join(std::size_t a, std::size_t b) {
    a = Leader(a);
    b = Leader(b);
    leader_[std::max(a, b)] = std::min(a, b);
  }

  /// In the order of their first members.
  std::vector<std::vector<std::size_t>> Groups() {
    std::vector<std::vector<std::size_t>> groups;
    std::map<std::size_t, std::size_t> group_of;
    for (std::size_t job = 0; job < leader_.size(); ++job) {
      const auto [entry, first] = group_of.try_emplace(Leader(job), groups.size());
      if (first) {
        groups.emplace_back();
      }
      groups[entry->second].push_back(job);
    }
    return groups;
  }

 private:
  std::size_t Leader(std::size_t job) {
    while (leader_[job] != job) {
      job = leader_[job] = leader_[leader_[job]];
    }
    return job;
  }

  std::vector<std::size_t> leader_;
};

// A first look without routes: jobs that have servers under the same bundles. Finer groups lie
// within these.
std::vector<std::vector<std::size_t>> Neighbours(const Situation& situation,
                                                 const Network& network) {
  Joined joined(situation.jobs.size());
  std::map<Bundle, std::size_t> user;
  for (std::size_t job = 0; job < situation.jobs.size(); ++job) {
    for (const Bundle& bundle : BundlesOf(situation.jobs[job].placement, network)) {
      joined.Join(user.try_emplace(bundle, job).first->second, job);
    }
  }
  return joined.Groups();
}

// Joins those of some jobs that share a link which they can fill together.
void JoinByDemand(const std::vector<std::size_t>& jobs, const Situation& situation,
                  const Network& network, DemandBook& book, Joined& joined) {
  struct Use {
    std::vector<std::size_t> users;
    BytesPerSecond most;
  };

  std::map<std::int32_t, Use> uses;
  for (const std::size_t job : jobs) {
    for (const LinkDemand& demand : book.Of(situation, job, network)) {
      Use& use = uses[demand.link.value];
      use.users.push_back(job);
      use.most += demand.most;
    }
  }
  constexpr double kFull = 1 - 1e-9;  // room that rounding cannot use up
  for (const auto& [link, use] : uses) {
    if (use.most > network.capacity({link}) * kFull) {
      for (const std::size_t job : use.users) {
        joined.Join(use.users.front(), job);
      }
    }
  }
}

}  // namespace

const std::vector<LinkDemand>& DemandBook::Of(const Situation& situation, std::size_t job,
                                              const Network& network) {
  const PlacedJob& placed = situation.jobs[job];
  SpecWriter machine(SpecWriter::What::kBearing);
  machine.All(*situation.sites, *situation.wans);
  const std::size_t next = machines_.size();
  SpecWriter key(SpecWriter::What::kBearing);
  key.All(machines_.try_emplace(std::move(machine.bytes), next).first->second, *placed.training,
          placed.placement);
  auto entry = demands_.find(key.bytes);
  if (entry == demands_.end()) {
    const LaidJob laid = LayJob(*placed.training, placed.placement, network);
    entry = demands_.emplace(std::move(key.bytes), DemandOf(laid.placed(), network)).first;
  }
  return entry->second;
}

std::vector<std::vector<std::size_t>> SharingGroups(const Situation& situation,
                                                    const Network& network, DemandBook& book) {
  Joined joined(situation.jobs.size());
  for (const std::vector<std::size_t>& neighbours : Neighbours(situation, network)) {
    if (neighbours.size() > 1) {
      JoinByDemand(neighbours, situation, network, book, joined);
    }
  }
  return joined.Groups();
}

}  // namespace gridlock
