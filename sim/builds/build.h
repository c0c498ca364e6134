#pragma once

// What could be built for a budget and a demand: sizes, spares, checkpoint intervals, and the
// scenario of each. Closed forms and texts; nothing is simulated here.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/catalogue/list.h"
#include "sim/scenario/scenario.h"

namespace gridlock {

/// The budget, the demand, and what holds for every build.
struct BuildAsked {
  double megawatts = 0;  ///< of the site, PUE included; 0: no limit
  double dollars = 0;    ///< capital, and energy until the horizon; 0: no limit
  double horizon_days = 180;

  std::string model = "llama_3.1_405b", stack = "megatron_core", precision = "BF16";
  double tokens = 15e12;  ///< of the final run
  std::int64_t sequence_length = 8192;
  double batch_tokens = 16.8e6;  ///< that a step should have; at least a sequence for each replica

  int experiments = 0;            ///< that prepare the final run; 0: none
  double experiment_compute = 1;  ///< their model FLOP over that of the final run

  double users = 0;  ///< who ask a day; 0: no fleet
  double requests_per_user = 10;
  std::string serving_model = "llama_3.1_70b";

  std::string failure_rate = "llama_3_all";
  double repair_hours = 12, restart_minutes = 10;
  double pue = 1.2, electricity = 0.08, carbon = 380;
  std::string scheduler = "BACKFILL";
  int months = 0;  ///< over which the servers are delivered, in equal parts; 0: all are there
};

/// The parts of a build, whatever its size.
struct BuildParts {
  std::string accelerator, server;
  int per_server = 8, nics = 8;
  double nic_gbps = 400;
  int oversubscription = 1;  ///< above the spines
};

/// What of a build follows from its parts and the budget.
struct BuildSize {
  std::int64_t servers = 0;
  std::int64_t spares = 0;  ///< hot, servers
  std::int64_t fleet = 0;   ///< servers of the fleet, at most
  int fleet_tensor = 0;     ///< accelerators of a replica
  std::int64_t batch = 0;   ///< sequences of a step
  double storage_tbps = 1;  ///< TB/s of checkpoints
  double checkpoint_s = 0;  ///< between the starts of two
  bool capped = false;      ///< the site keeps the budget of power by slower clocks
};

/// Watts and dollars of one server with its share of the network.
struct ServerFigures {
  double nameplate_w = 0;  ///< boards at their limit, with host, network and storage, without PUE
  double capital_usd = 0;
  double operation_usd_per_year = 0;  ///< beside energy
};

/// The parts for an accelerator of the catalogue, or an alias. Throws UserError where there is no
/// server or no switch for its NICs.
BuildParts PartsFor(const std::string& accelerator, int oversubscription,
                    const CatalogueList& catalogue);

/// Bandwidth of the storage of checkpoints for so many accelerators, TB/s. Our guess: 1 for 25,000,
/// at least 0.1.
double StorageFor(double accelerators);

/// The figures of a site of so many servers, as the scenario has it.
ServerFigures FiguresOf(const SiteSpec& site);

/// The most servers within the budget, and which of its sides binds: "power", "dollars".
struct WithinBudget {
  std::int64_t servers = 0;
  std::string binds;
};

WithinBudget ServersWithin(const BuildAsked& asked, const ServerFigures& figures);

/// Spares so that with probability `quantile` no run waits for a server: a quantile of the Poisson
/// number of servers out of service (Erlang's loss-free limit: Poisson of mean servers x repair
/// time / MTBF).
std::int64_t SparesFor(double mean_out, double quantile);

/// Time between checkpoints that loses least: sqrt(2 w M), Young 1974.
double YoungInterval(double write_s, double mtbf_s);

/// Accelerators of runs that could use so many: an even number of replicas, each of a power of two
/// of accelerators, so that a step has about four sequences for each replica.
struct RunSize {
  std::int64_t accelerators = 0, batch = 0;
};

std::vector<RunSize> RunSizes(const BuildAsked& asked, std::int64_t accelerators);

/// One replica that answers so many requests a second, for half an hour on one server.
struct FleetProbe {
  int tensor = 1;  ///< accelerators of the replica
  double requests_per_second = 0;
};

/// Probes from far below to above what the roofline of decoding allows, on as many accelerators as
/// hold the weights in FP8, and on twice as many and so on within a server. Empty without users.
std::vector<FleetProbe> FleetProbes(const BuildAsked& asked, const AcceleratorSpec& accelerator,
                                    int per_server, double parameters);

/// The life of a probe. Its requests are those of the users.
std::string FleetProbeText(const BuildAsked& asked, const BuildParts& parts,
                           const FleetProbe& probe);

/// Replicas and accelerators of a replica that serve the users at their busiest hour.
struct FleetSize {
  std::int64_t replicas = 0;
  int tensor = 1;
};

/// The fleet with the fewest accelerators of which each replica answers as many requests as a probe
/// that kept its objectives: at least 95 % of the requests. Where none did, that which kept them
/// best. `good` is by probe.
FleetSize FleetOf(const BuildAsked& asked, const std::vector<FleetProbe>& probes,
                  const std::vector<double>& good);

/// One training step on so many servers, for a search of its layout.
std::string StepText(const BuildAsked& asked, const BuildParts& parts, std::int64_t servers,
                     std::int64_t batch);

/// The life of the build; the layout of job[0] is one accelerator's until it is set.
std::string LifeText(const BuildAsked& asked, const BuildParts& parts, const BuildSize& size,
                     const std::string& name);

/// Throws UserError for what is wrong with every build, such as a name that the catalogue does not
/// have: without the place in a text that the user has not written.
void CheckAsked(const BuildAsked& asked, const BuildParts& parts);

}  // namespace gridlock
