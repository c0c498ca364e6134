#pragma once

// How the parts of a cluster fail, as the simulation takes it.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/units.h"
#include "topologies/machine.h"

namespace gridlock {

/// What a mean time between failures counts.
enum class FailureUnit : std::uint8_t { kServer, kAccelerator, kNic, kTogether };

/// How much more often new units fail; see Early in proto/reliability.proto.
struct EarlySpec {
  double times = 1;
  Seconds decay = {};

  /// How many times as often as old ones units of an age fail, 1 to `times`.
  [[nodiscard]] double At(Seconds age) const;
};

/// How much more often old units fail; see Late in proto/reliability.proto.
struct LateSpec {
  double times = 1;
  Seconds after = {};
  double power = 4;

  /// How many times as often as others units of an age fail, 1 to `times`.
  [[nodiscard]] double At(Seconds age) const;
};

/// A part that comes and goes until somebody notices; see Flaps in proto/reliability.proto.
struct FlapsSpec {
  Seconds down = {}, up = {};  ///< means; down 0: it does not flap
  Seconds patience = {};       ///< of runs; 0: they wait as long as it takes

  [[nodiscard]] bool flaps() const { return down > Seconds(0); }
};

/// One kind of failure.
struct FailureSpec {
  std::string name = {};
  Seconds mtbf = {};  ///< of one unit
  FailureUnit unit = FailureUnit::kServer;
  /// "server", "run", "site", "rack", "row", "feed", or the name of a level of the site's locality,
  /// e.g. "leaf".
  std::string takes = "server";
  std::int32_t neighbours = 0;  ///< servers next to each other that fail together; 0: see `takes`
  Seconds repair_time = {};     ///< mean
  Seconds detection_time = {};  ///< from the failure until its servers are taken out of service
  double slowdown = 0;          ///< of steps until then; 0: they stand still
  EarlySpec early = {};
  LateSpec late = {};
  FlapsSpec flaps = {};
  std::string path = {};  ///< of the field, for messages: "reliability.failure[0]"
};

/// How parts fail: independently, exponential times unless new ones fail more often.
struct ReliabilitySpec {
  Seconds server_mtbf = {};  ///< of servers, beside `failures`; 0: none
  Seconds repair_time = {};  ///< mean, of servers
  Seconds restart_time = {};
  std::vector<FailureSpec> failures = {};
  /// So many of a site's servers cause so many of the failures that take one server; 0: alike.
  double lemon_share = 0, lemon_failures = 0;
  /// By site: servers that only replace others; the cold ones are off and take a time to come on.
  std::int32_t hot_spares = 0, cold_spares = 0;
  Seconds cold_start = {};
  Seconds restart_time_per_accelerator = {};  ///< of the run, on top of restart_time
  Seconds age = {};                           ///< of what is there when the life begins
};

/// How many times as often as `mtbf` says a unit of an age fails, and the most of any up to it.
double TimesAt(const FailureSpec& failure, Seconds age);
double MostTimes(const FailureSpec& failure, Seconds oldest);

/// Units of a site that fail in this way. At most so many where they fail together: how many groups
/// there are is the topology's matter.
double MostUnitsOf(const FailureSpec& failure, const SiteSpec& site);

}  // namespace gridlock
