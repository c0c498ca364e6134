#include "sim/plan/plan.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/plan/alike.h"
#include "sim/plan/expand.h"

namespace gridlock {

namespace {

void IndexAgentGroups(Plan& plan) {
  std::vector<std::int32_t> count(plan.agents.size() + 1, 0);
  for (const AgentIndex agent : plan.group_agents) {
    ++count[agent + 1];
  }
  for (std::size_t a = 1; a < count.size(); ++a) {
    count[a] += count[a - 1];
  }
  for (std::size_t a = 0; a < plan.agents.size(); ++a) {
    plan.agents[a].groups = {count[a], count[a + 1]};
  }
  plan.agent_groups.resize(plan.group_agents.size());
  for (std::size_t g = 0; g < plan.groups.size(); ++g) {
    for (std::int32_t i = plan.groups[g].agents.begin; i < plan.groups[g].agents.end; ++i) {
      plan.agent_groups[count[plan.group_agents[i]]++] = static_cast<std::int32_t>(g);
    }
  }
}

// Routes were written with the network's numbers; only what they use becomes a resource, in the
// same order. So the size of a plan is that of its jobs, not of the machine. A route that stands
// for those of `alike` ranks crosses a link that these share so many times.
void NumberResources(const Network& network, int alike, Plan& plan) {
  std::vector<std::int32_t> number(
      static_cast<std::size_t>(network.links()) + network.accelerators(), -1);
  for (const RouteEntry& entry : plan.routes) {
    number[entry.resource] = 0;
  }
  for (std::size_t r = 0; r < number.size(); ++r) {
    if (number[r] == 0) {
      number[r] = static_cast<std::int32_t>(plan.resources.size());
      plan.resources.push_back(ResourceOf(network, static_cast<int>(r), alike));
    }
  }
  for (RouteEntry& entry : plan.routes) {
    entry.resource = number[entry.resource];
    entry.weight *= alike / static_cast<std::int32_t>(plan.resources[entry.resource].members);
  }
}

void CheckNoServerIsHeldTwice(const std::vector<PlacedProgram>& placed, const Network& network) {
  std::vector<ServerRun> runs;
  for (const PlacedProgram& one : placed) {
    runs.insert(runs.end(), one.placement.begin(), one.placement.end());
  }
  std::sort(runs.begin(), runs.end());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const ServerRun& run = runs[i];
    CHECK(run.site >= 0 && run.site < network.sites() && run.first >= 0 &&
          run.first + run.count <= network.fabric(run.site).servers());
    CHECK(i == 0 || runs[i - 1].site < run.site ||
          runs[i - 1].first + runs[i - 1].count <= run.first);
  }
}

void CheckLinked(const PlacedProgram& placed, const Network& network) {
  const std::vector<SiteIndex> sites = SitesOf(placed.placement);
  for (std::size_t i = 0; sites.size() > 1 && i < sites.size(); ++i) {
    const SiteIndex from = sites[i];
    const SiteIndex to = sites[(i + 1) % sites.size()];
    if (network.wan_way(from, to).empty()) {
      throw UserError(
          placed.program->grid.path,
          fmt::format("the job spans {} and {}, and no links join them; expected wans, if "
                      "need be by way of other sites",
                      network.fabric(from).site().name, network.fabric(to).site().name));
    }
  }
}

Plan Expand(const std::vector<PlacedProgram>& placed, const Network& network,
            const LeftOut& left_out) {
  Plan plan = ExpandJobs(placed, network, left_out);
  NumberResources(network, left_out.alike, plan);
  const std::int32_t parts = network.parts() * network.queue_pairs();
  if (parts > 1) {
    CountInUnits(parts, plan);
  }
  return plan;
}

}  // namespace

Plan::Resource ResourceOf(const Network& network, int number, int alike) {
  if (number < network.links()) {
    const LinkIndex link{number};
    const int members = alike > 1 && network.belongs_to_unit(link) ? alike : 1;
    return {network.tier(link), network.capacity(link), members, 1, network.can_bind(link), link};
  }
  const SiteIndex site = network.site_of({number - network.links()});
  const AcceleratorSpec& chip = network.fabric(site).site().server.accelerator;
  return {network.tiers().hbm(), chip.hbm_bandwidth * chip.hbm_efficiency, alike, 1, true};
}

void CountInUnits(std::int32_t parts, Plan& plan) {
  std::vector<std::int32_t> common(plan.resources.size(), 0);
  for (const RouteEntry& entry : plan.routes) {
    common[entry.resource] = std::gcd(common[entry.resource], entry.weight);
  }
  for (std::size_t r = 0; r < common.size(); ++r) {
    plan.resources[r].unit = static_cast<double>(common[r]) / parts;
    plan.resources[r].capacity = plan.resources[r].capacity / plan.resources[r].unit;
  }
  for (RouteEntry& entry : plan.routes) {
    entry.weight /= common[entry.resource];
  }
}

void CheckPlacements(const std::vector<PlacedProgram>& placed, const Network& network) {
  CheckNoServerIsHeldTwice(placed, network);
  for (const PlacedProgram& one : placed) {
    CheckPlacement(one, network);
  }
}

Plan ExpandJobs(const std::vector<PlacedProgram>& placed, const Network& network,
                const LeftOut& left_out) {
  Plan plan;
  plan.tiers = network.tiers();
  for (const PlacedProgram& one : placed) {
    ExpandJob(one, network, left_out, plan);
  }
  IndexAgentGroups(plan);
  return plan;
}

std::int64_t Plan::accelerators() const {
  std::int64_t sum = 0;
  for (std::size_t job = 0; job < jobs.size(); ++job) {
    sum += accelerators(IndexOf<PlanJobIndex>(job));
  }
  return sum;
}

std::int64_t Plan::accelerators(PlanJobIndex job) const {
  std::int64_t sum = 0;
  for (const Agent& agent : agents) {
    sum += agent.job == job ? agent.members : 0;
  }
  return sum * jobs[job].width;
}

std::int32_t Plan::FirstPhase(const Group& group, const Algorithm* algorithm) const {
  std::int32_t lay = group.lays.begin;
  while (lay < group.lays.end && lays[lay].algorithm != algorithm) {
    ++lay;
  }
  CHECK(lay < group.lays.end);
  return lay;
}

Placement WholeSite(const Network& network, int site) {
  const SiteIndex whole{site};
  return {{whole, ServerIndex{0}, network.fabric(whole).servers()}};
}

std::vector<SiteIndex> SitesOf(const Placement& placement) {
  std::vector<SiteIndex> sites;
  for (const ServerRun& run : placement) {
    if (std::find(sites.begin(), sites.end(), run.site) == sites.end()) {
      sites.push_back(run.site);
    }
  }
  return sites;
}

void CheckPlacement(const PlacedProgram& placed, const Network& network) {
  const RankGrid& grid = placed.program->grid;
  const std::vector<SiteIndex> sites = SitesOf(placed.placement);
  CHECK(!sites.empty());
  const auto count = static_cast<int>(sites.size());
  CHECK(grid.data % count == 0);  // AcrossSites has complained
  const int needed = grid.ranks() / count;
  for (const SiteIndex site : sites) {
    std::int64_t servers = 0;
    for (const ServerRun& run : placed.placement) {
      servers += run.site == site ? run.count : 0;
    }
    const Topology& fabric = network.fabric(site);
    const std::int64_t usable = servers * grid.used_of(fabric.server_size());
    if (grid.domain_ranks > fabric.server_size()) {
      throw UserError(grid.path + ".domain_ranks",
                      fmt::format("{} accelerators of each domain are asked for, and domains hold "
                                  "{}; expected at most {}",
                                  grid.domain_ranks, fabric.server_size(), fabric.server_size()));
    }
    if (needed > usable) {
      const std::string share =
          count == 1 ? "" : fmt::format(" of each site, {} of all,", grid.ranks());
      throw UserError(grid.path,
                      fmt::format("the layout needs {} accelerators{} and the site has {}", needed,
                                  share, usable));
    }
    const ServerSpec& first = network.fabric(sites.front()).site().server;
    const ServerSpec& server = fabric.site().server;
    if (first.accelerators != server.accelerators ||
        first.accelerator.name != server.accelerator.name) {
      throw UserError(
          grid.path,
          fmt::format("a job across sites needs servers alike; {} has {} of {} accelerators {} and "
                      "{} has {} of {}",
                      network.fabric(sites.front()).site().name, first.name, first.accelerators,
                      first.accelerator.name, fabric.site().name, server.name,
                      server.accelerators));
    }
  }
  CheckLinked(placed, network);
}

Plan Expand(const std::vector<PlacedProgram>& placed, const Network& network) {
  CheckPlacements(placed, network);
  return Expand(placed, network, {.joins_idle = true});
}

Plan ExpandUnlike(const std::vector<PlacedProgram>& placed, const Network& network) {
  CheckPlacements(placed, network);
  // Where routes adapt, a flow sees those that were laid before it: none may be left out.
  return Expand(placed, network,
                {.alike = network.adapts() ? 1 : AlikeTensorRanks(placed, network)});
}

Plan ExpandEach(const std::vector<PlacedProgram>& placed, const Network& network) {
  CheckPlacements(placed, network);
  return Expand(placed, network, {});
}

Plan Expand(const StepProgram& program, const SiteSpec& site) {
  const Network network(site);
  return Expand({{&program, WholeSite(network, 0)}}, network);
}

}  // namespace gridlock
