#pragma once

// What fails on all sites, and when: the streams of failures of a scenario. Draws alone; what a
// failure does is the cluster's matter.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "sim/cluster/failures.h"
#include "sim/cluster/servers.h"
#include "sim/scenario/scenario.h"

namespace gridlock {

/// A failure: what it takes, and for how long.
struct Fault {
  Seconds at;  ///< on the clock
  std::size_t kind = 0;
  ServerIndex server;  ///< that it begins at
  ServerRun servers;   ///< that it takes
  Seconds repair_time;
};

class Faults {
 public:
  /// The scenario must outlive it.
  Faults(const Scenario& scenario, const Servers& servers);
  Faults(const Faults&) = delete;
  Faults& operator=(const Faults&) = delete;

  /// Kinds of failures. Servers of the scenario's one rate come first.
  [[nodiscard]] const std::vector<FailureSpec>& kinds() const { return kinds_; }

  [[nodiscard]] const FailureSpec& kind(const Fault& fault) const { return kinds_[fault.kind]; }

  /// In events: the name of its kind, or "failure".
  [[nodiscard]] std::string NameOf(const Fault& fault) const;

  /// Whether it hits a run and takes no server.
  [[nodiscard]] bool HitsRunAlone(const Fault& fault) const;

  /// The first failure of a kind at a site after `now`; none before the horizon is nothing.
  std::optional<Fault> Next(SiteIndex site, std::size_t kind, Seconds now);

  /// How long a part that flaps is down this time, and then up.
  struct Flap {
    Seconds down, up;
  };

  Flap NextFlap(const Fault& fault);

 private:
  struct Site {
    LemonServers lemons;
    std::vector<Seconds> since;          ///< by server, when it was new
    std::vector<FailureStream> streams;  ///< by kind
  };

  Seconds horizon_;
  std::vector<FailureSpec> kinds_;
  std::vector<Site> sites_;
};

/// Servers that come to a site, `servers` of it from `at` on.
struct DeliveredServers {
  Seconds at;
  ServerRun servers;
};

/// What a site gets later: its last servers by number, in the order of its deliveries.
std::vector<DeliveredServers> DeliveriesTo(SiteIndex site, const SiteSpec& spec);

}  // namespace gridlock
