#pragma once

// The failures of one kind at one site: when the next one comes, and which servers it hits. Draws
// alone; what a failure does is the cluster's matter.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/random.h"
#include "sim/scenario/reliability.h"
#include "topologies/locality.h"
#include "topologies/machine.h"
#include "topologies/placement.h"

namespace gridlock {

/// Servers that fail more often than the others. See Lemons in proto/reliability.proto.
struct LemonServers {
  double failures = 0;               ///< of those that take one server; 0: all are alike
  std::vector<ServerIndex> servers;  ///< rising
};

/// When each server of a site was new, on the clock; before zero where it has run already.
std::vector<Seconds> NewSince(const ReliabilitySpec& spec, const SiteSpec& site);

/// What the accelerators of these servers have not been written off by, USD.
double BookValue(const ReliabilitySpec& spec, const SiteSpec& site, const ServerRun& servers,
                 Seconds now);

/// Which servers of a site are lemons, drawn from a stream of their own.
LemonServers DrawLemons(const ReliabilitySpec& spec, const SiteSpec& site, std::uint64_t seed);

class FailureStream {
 public:
  /// What was drawn of a failure.
  struct Drawn {
    Seconds at;          ///< on the clock
    ServerIndex server;  ///< that it begins at
    Seconds repair_time;
  };

  /// Consecutive servers.
  struct Range {
    ServerIndex first{0};
    std::int32_t count = 0;
  };

  /// @param purpose of its random streams: "failures/hall"
  /// @param since see NewSince
  FailureStream(const FailureSpec& spec, const SiteSpec& site, const Locality& locality,
                const LemonServers& lemons, const std::vector<Seconds>& since, std::uint64_t seed,
                const std::string& purpose);

  /// False where it never fails: the site has no group of the name.
  [[nodiscard]] bool happens() const { return units_ > 0; }

  [[nodiscard]] const FailureSpec& spec() const { return *spec_; }

  /// Mean time between failures of the whole site when its parts are old.
  [[nodiscard]] Seconds mtbf() const { return spec_->mtbf / units_; }

  /// The first one after `from`; one from `until` on stands for none before.
  Drawn Next(Seconds from, Seconds until);

  /// How long a part that flaps is down, or up, this time.
  Seconds NextFlap(bool down);

  /// What goes out of service together with a server.
  [[nodiscard]] Range Around(ServerIndex server) const;

 private:
  [[nodiscard]] ServerIndex OneServer(ServerIndex drawn);
  [[nodiscard]] ServerIndex AnyServer();

  const FailureSpec* spec_;
  const LemonServers* lemons_;
  const std::vector<Seconds>* since_;
  std::int32_t servers_;
  Seconds oldest_;                   ///< when the first of them was new
  std::vector<ServerIndex> groups_;  ///< first servers of what fails together; empty: one server
  double units_ = 0;
  Random times_, repairs_, lemon_draws_, ages_, flaps_;
};

}  // namespace gridlock
