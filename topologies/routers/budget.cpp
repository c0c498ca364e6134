#include <limits>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "topologies/routers/topology.h"

namespace gridlock {

void CheckBudget(const SiteSpec& site, const RouterBudget& budget) {
  constexpr std::int64_t kLinksMax = std::numeric_limits<int>::max() / 2;
  std::vector<Problem> problems;
  for (const RouterBudget::Ports& ports : budget.ports) {
    const std::int64_t needed = ports.to_nics + ports.to_routers;
    if (needed > ports.spec->ports) {
      problems.push_back(
          {budget.path + "." + ports.field,
           fmt::format("{} needs {} ports, {} to NICs and {} to other routers, and {} has {}; {}, "
                       "or a switch with more ports",
                       ports.router, needed, ports.to_nics, ports.to_routers, ports.spec->name,
                       ports.spec->ports, ports.remedy)});
    }
  }
  const std::int64_t room = budget.hosts * budget.servers_per_router;
  if (site.servers > room) {
    problems.push_back(
        {site.path + ".servers",
         fmt::format("{} servers, and {} with {} at each router has room for {}; "
                     "expected at most {}, or a larger network",
                     site.servers, budget.what, budget.servers_per_router, room, room)});
  }
  const std::int64_t accelerators = std::int64_t{site.servers} * site.server.accelerators;
  if (budget.routers > kLinksMax || budget.cables > kLinksMax / 4 || accelerators > kLinksMax / 8) {
    problems.push_back({budget.path, fmt::format("{} has more links than can be numbered; expected "
                                                 "at most {}",
                                                 budget.what, kLinksMax)});
  }
  if (!problems.empty()) {
    throw UserError(std::move(problems));
  }
}

}  // namespace gridlock
