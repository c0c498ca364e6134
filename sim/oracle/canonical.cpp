#include "sim/oracle/canonical.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

#include "sim/base/archive.h"
#include "topologies/machine_fields.h"
#include "topologies/wan_way.h"
#include "workloads/training_fields.h"

namespace gridlock {

namespace {

// Numbers things in the order in which they are first asked for.
template <typename Thing>
class Labels {
 public:
  std::int32_t Of(const Thing& thing) {
    const auto next = static_cast<std::int32_t>(labels_.size());
    return labels_.try_emplace(thing, next).first->second;
  }

 private:
  std::map<Thing, std::int32_t> labels_;
};

// Writes placements up to renaming. Jobs that are written with the same PlacementPattern share its
// labels, so that it shows which leaves and pods they have in common.
class PlacementPattern {
 public:
  explicit PlacementPattern(const Network& network) : network_(network) {}

  // Runs of servers of one innermost group (a leaf) in the order of ranks; where servers are not
  // interchangeable, the servers themselves.
  void Add(const Placement& placement, ArchiveWriter& out) {
    pieces_.clear();
    for (const ServerRun& run : placement) {
      const Locality& locality = network_.fabric(run.site).locality();
      if (!locality.interchangeable()) {
        pieces_.push_back({Site(run.site), run.first, run.count, {}});
        continue;
      }
      const ServerIndex end{run.first + run.count};
      for (ServerIndex server = run.first; server < end;) {
        const ServerIndex next = std::min(end, locality.end_of(0, locality.group_of(0, server)));
        AddPiece(run.site, server, next - server);
        server = next;
      }
    }
    out.All(static_cast<std::uint64_t>(pieces_.size()));
    for (const Piece& piece : pieces_) {
      out.All(piece.site, piece.group, piece.servers, piece.outer);
    }
  }

  /// Sites by label.
  [[nodiscard]] const std::vector<SiteIndex>& sites() const { return sites_; }

  SiteIndex Site(SiteIndex site) {
    const SiteIndex label{site_labels_.Of(site)};
    if (label == IndexOf<SiteIndex>(sites_.size())) {
      sites_.push_back(site);
    }
    return label;
  }

 private:
  struct Piece {
    SiteIndex site;  ///< by label
    std::int32_t group, servers;
    std::vector<std::int32_t> outer;  ///< groups that hold the group, outwards
  };

  void AddPiece(SiteIndex site, ServerIndex server, int servers) {
    const Locality& locality = network_.fabric(site).locality();
    Piece piece{Site(site), groups_.Of({site, locality.group_of(0, server)}), servers, {}};
    for (int level = 1; level < locality.levels(); ++level) {
      piece.outer.push_back(outer_.Of({level, site, locality.group_of(level, server)}));
    }
    if (!pieces_.empty() && pieces_.back().site == piece.site &&
        pieces_.back().group == piece.group) {
      pieces_.back().servers += servers;
    } else {
      pieces_.push_back(std::move(piece));
    }
  }

  const Network& network_;
  std::vector<SiteIndex> sites_;
  Labels<SiteIndex> site_labels_;
  Labels<std::pair<SiteIndex, int>> groups_;       ///< by site and innermost group
  Labels<std::tuple<int, SiteIndex, int>> outer_;  ///< by level, site and group
  std::vector<Piece> pieces_;
};

// A job, or a stream of caches.
void AddJob(const PlacedJob& job, ArchiveWriter& key) {
  key.All(job.stream);
  if (!job.stream.flows()) {
    key.All(*job.training);
  }
}

std::string KeyOfOne(const PlacedJob& job, const Network& network) {
  ArchiveWriter key(ArchiveWriter::What::kBearing);
  PlacementPattern pattern(network);
  AddJob(job, key);
  pattern.Add(job.placement, key);
  return std::move(key.bytes);
}

// The links on the ways between the sites of jobs, and the sites in between. The best
// way of the whole machine is the best one here.
void AddWans(const Network& network, PlacementPattern& pattern, std::vector<WanSpec>& wans) {
  const std::vector<SiteIndex> of_jobs = pattern.sites();
  std::set<WanIndex> known;
  for (std::size_t a = 0; a < of_jobs.size(); ++a) {
    for (std::size_t b = a + 1; b < of_jobs.size(); ++b) {
      SiteIndex at = of_jobs[a];
      for (const WanIndex number : network.wan_way(of_jobs[a], of_jobs[b])) {
        WanSpec wan = network.wan(number);
        const SiteIndex next = OtherEnd(wan, at);
        if (known.insert(number).second) {
          wan.from = pattern.Site(at);
          wan.to = pattern.Site(next);
          wans.push_back(wan);
        }
        at = next;
      }
    }
  }
}

}  // namespace

CanonicalSituation Canonical(const Situation& situation, const std::vector<PlacedIndex>& jobs,
                             const Network& network) {
  CanonicalSituation out;
  std::vector<std::pair<std::string, PlacedIndex>> sorted;
  for (const PlacedIndex job : jobs) {
    sorted.emplace_back(KeyOfOne(situation.jobs[job], network), job);
  }
  std::sort(sorted.begin(), sorted.end());
  ArchiveWriter key(ArchiveWriter::What::kBearing);
  PlacementPattern pattern(network);
  key.All(static_cast<std::uint64_t>(sorted.size()));
  for (const auto& [own_key, job] : sorted) {
    const PlacedJob& placed = situation.jobs[job];
    AddJob(placed, key);
    pattern.Add(placed.placement, key);
    out.order.push_back(job);
    out.trainings.push_back(placed.stream.flows() ? TrainingSpec() : *placed.training);
    out.streams.push_back(placed.stream);
    Placement& placement = out.placements.emplace_back(placed.placement);
    for (ServerRun& run : placement) {
      run.site = pattern.Site(run.site);
    }
  }
  AddWans(network, pattern, out.wans);
  for (const SiteIndex site : pattern.sites()) {
    out.sites.push_back((*situation.sites)[site]);
  }
  key.All(out.sites, out.wans);
  out.key = std::move(key.bytes);
  return out;
}

}  // namespace gridlock
