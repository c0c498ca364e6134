#include "sim/oracle/sharing.h"

#include <algorithm>
#include <compare>
#include <numeric>
#include <set>
#include <utility>

#include "sim/base/archive.h"
#include "sim/oracle/laid_job.h"
#include "sim/plan/plan.h"
#include "topologies/machine_fields.h"
#include "workloads/training_fields.h"

namespace gridlock {

namespace {

// Links that several jobs may use: those that leave a group of servers, by the level, site and
// number of the group, or a wide-area link, which has level kWan and neither site nor group.
struct Bundle {
  int level;
  SiteIndex site;
  int group;
  WanIndex wan;

  auto operator<=>(const Bundle&) const = default;
};

constexpr int kWan = -1;

// Groups of one level, as pairs of site and number, that servers of a placement belong to.
std::set<std::pair<SiteIndex, int>> GroupsOf(int level, const Placement& placement,
                                             const Network& network) {
  std::set<std::pair<SiteIndex, int>> groups;
  for (const ServerRun& run : placement) {
    const Locality& locality = network.fabric(run.site).locality();
    if (level >= locality.levels()) {
      continue;
    }
    const int last = locality.group_of(level, {run.first + run.count - 1});
    for (int group = locality.group_of(level, run.first); group <= last; ++group) {
      groups.insert({run.site, group});
    }
  }
  return groups;
}

// Whether a job has nothing to send but through the ports of one server.
bool StaysInDomain(const Placement& placement, const Network& network) {
  return ServersIn(placement) < 2 &&
         (placement.empty() || !network.fabric(placement.front().site).site().server.direct);
}

// The bundles that can bind and that a job's traffic may cross: those of its groups of a level when
// it spans several, or when traffic within a group crosses them too, and the links of the ring of
// its sites.
std::vector<Bundle> BundlesOf(const Placement& placement, const Network& network) {
  std::vector<Bundle> bundles;
  if (StaysInDomain(placement, network)) {
    return bundles;
  }
  const std::vector<SiteIndex> sites = SitesOf(placement);
  int levels = 0;
  for (const SiteIndex site : sites) {
    levels = std::max(levels, network.fabric(site).locality().levels());
  }
  const auto binds = [&](int level) {
    return std::any_of(sites.begin(), sites.end(), [&](SiteIndex site) {
      const Locality& locality = network.fabric(site).locality();
      return level < locality.levels() && locality.level(level).exits_can_bind;
    });
  };
  for (int level = 0; level < levels; ++level) {
    if (!binds(level)) {
      continue;
    }
    const std::set<std::pair<SiteIndex, int>> groups = GroupsOf(level, placement, network);
    for (const auto& [site, group] : groups) {
      const Locality::Level& at = network.fabric(site).locality().level(level);
      if (at.exits_can_bind && (groups.size() > 1 || at.exits_used_within)) {
        bundles.push_back({level, site, group, {}});
      }
    }
  }
  for (std::size_t i = 0; sites.size() > 1 && i < sites.size(); ++i) {
    for (const WanIndex wan : network.wan_way(sites[i], sites[(i + 1) % sites.size()])) {
      bundles.push_back({kWan, {}, 0, wan});
    }
  }
  return bundles;
}

// Jobs and who has been joined with whom.
class Joined {
 public:
  explicit Joined(std::size_t jobs) {
    for (std::size_t job = 0; job < jobs; ++job) {
      leader_.push_back(IndexOf<PlacedIndex>(job));
    }
  }

  void Join(PlacedIndex a, PlacedIndex b) {
    a = Leader(a);
    b = Leader(b);
    leader_[std::max(a, b)] = std::min(a, b);
  }

  /// In the order of their first members.
  std::vector<std::vector<PlacedIndex>> Groups() {
    std::vector<std::vector<PlacedIndex>> groups;
    std::map<PlacedIndex, std::size_t> group_of;
    for (PlacedIndex job{0}; job < static_cast<int>(leader_.size()); ++job) {
      const auto [entry, first] = group_of.try_emplace(Leader(job), groups.size());
      if (first) {
        groups.emplace_back();
      }
      groups[entry->second].push_back(job);
    }
    return groups;
  }

 private:
  PlacedIndex Leader(PlacedIndex job) {
    while (leader_[job] != job) {
      job = leader_[job] = leader_[leader_[job]];
    }
    return job;
  }

  std::vector<PlacedIndex> leader_;
};

// A first look without routes: jobs that have servers under the same bundles. Finer groups lie
// within these.
std::vector<std::vector<PlacedIndex>> Neighbours(const Situation& situation,
                                                 const Network& network) {
  Joined joined(situation.jobs.size());
  std::map<Bundle, PlacedIndex> user;
  for (PlacedIndex job{0}; job < static_cast<int>(situation.jobs.size()); ++job) {
    for (const Bundle& bundle : BundlesOf(situation.jobs[job].placement, network)) {
      joined.Join(user.try_emplace(bundle, job).first->second, job);
    }
  }
  return joined.Groups();
}

// Joins those of some jobs that share a link which they can fill together.
void JoinByDemand(const std::vector<PlacedIndex>& jobs, const Situation& situation,
                  const Network& network, DemandBook& book, Joined& joined) {
  struct Use {
    std::vector<PlacedIndex> users;
    BytesPerSecond most;
  };

  std::map<LinkIndex, Use> uses;
  for (const PlacedIndex job : jobs) {
    for (const LinkDemand& demand : book.Of(situation, job, network)) {
      Use& use = uses[demand.link];
      use.users.push_back(job);
      use.most += demand.most;
    }
  }
  constexpr double kFull = 1 - 1e-9;  // room that rounding cannot use up
  for (const auto& [link, use] : uses) {
    if (use.most > network.capacity(link) * kFull) {
      for (const PlacedIndex job : use.users) {
        joined.Join(use.users.front(), job);
      }
    }
  }
}

}  // namespace

const std::vector<LinkDemand>& DemandBook::Of(const Situation& situation, PlacedIndex job,
                                              const Network& network) {
  const PlacedJob& placed = situation.jobs[job];
  ArchiveWriter machine(ArchiveWriter::What::kBearing);
  machine.All(*situation.sites, *situation.wans);
  const std::size_t next = machines_.size();
  ArchiveWriter key(ArchiveWriter::What::kBearing);
  key.All(machines_.try_emplace(std::move(machine.bytes), next).first->second, placed.stream,
          placed.placement);
  if (!placed.stream.flows()) {
    key.All(*placed.training);
  }
  auto entry = demands_.find(key.bytes);
  if (entry == demands_.end()) {
    const LaidJob laid = LayPlaced(placed, network);
    entry = demands_.emplace(std::move(key.bytes), DemandOf(laid.placed(), network)).first;
  }
  return entry->second;
}

std::vector<std::vector<PlacedIndex>> SharingGroups(const Situation& situation,
                                                    const Network& network, DemandBook& book) {
  Joined joined(situation.jobs.size());
  if (situation.jobs.size() < 2) {
    return joined.Groups();
  }
  for (const std::vector<PlacedIndex>& neighbours : Neighbours(situation, network)) {
    if (neighbours.size() > 1) {
      JoinByDemand(neighbours, situation, network, book, joined);
    }
  }
  return joined.Groups();
}

}  // namespace gridlock
