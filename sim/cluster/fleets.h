#pragma once

// Fleets of the cluster: they grow and shrink with their load, load weights and lose servers.

#include <cstdint>
#include <functional>
#include <vector>

#include "sim/cluster/course.h"
#include "sim/cluster/member.h"
#include "sim/cluster/roster.h"

namespace gridlock {

class Fleets {
 public:
  /// Has runs of lower priority than a fleet's stop until so many servers of a site are free, where
  /// that is possible.
  using MakeRoom = std::function<void(JobIndex fleet, SiteIndex site, std::int32_t servers)>;

  /// All that is given must outlive it.
  Fleets(const ClusterView& view, Roster& roster, Course& course);
  Fleets(const Fleets&) = delete;
  Fleets& operator=(const Fleets&) = delete;

  /// Whether the scenario has any.
  [[nodiscard]] bool any() const;

  /// Fleets take and give back servers, as the load of the next two intervals asks.
  void Resize(const MakeRoom& make_room);

  /// Fleets work at these levels of power limits, by site.
  void WorkAtLevels(const std::vector<int>& levels);

  /// Sites have other servers and boards their own limits: iterations cost what they cost there.
  void BeginEpoch(const std::vector<int>& levels);

  /// A server of a fleet is gone; the requests of its replicas begin anew elsewhere.
  void Drop(JobIndex job, SiteIndex site, ServerIndex server);

 private:
  void ResizeOne(JobIndex job, const MakeRoom& make_room);
  void Grow(JobIndex job, const std::vector<SiteIndex>& sites, std::int32_t servers,
            const MakeRoom& make_room);
  void Shrink(JobIndex job, std::int32_t servers);
  void StartReplicas(JobIndex job, const Placement& more);
  void LoadWeights(JobIndex job, const Placement& servers, std::int32_t replicas);
  void SetSending(const JobSpec& job, const Fleet& fleet);

  const ClusterView& view_;
  Roster& roster_;
  Course& course_;
};

}  // namespace gridlock
