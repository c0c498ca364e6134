#pragma once

// A step program laid on a fabric: who runs which role, over which resources each transfer goes.
//
// A plan can be expanded (every accelerator its own HBM, every flow its own route) or folded (one
// member per class of an equitable partition, see fold.h). Evaluators do not know which they run:
// that is why full and folded runs cannot drift apart.

#include <cstdint>
#include <utility>
#include <vector>

#include "sim/base/index.h"
#include "sim/base/units.h"
#include "topologies/network.h"
#include "topologies/placement.h"
#include "topologies/tier.h"
#include "workloads/program/program.h"

namespace gridlock {

using PlanJobIndex = Index<struct PlanJobTag>;  ///< in Plan::jobs
using AgentIndex = Index<struct AgentTag>;      ///< in Plan::agents

/// Where a resource stands in a route: a transfer at rate r takes `weight` x r of its capacity.
struct RouteEntry {
  std::int32_t resource = 0;
  std::int32_t weight = 1;
};

/// A range in Plan::routes, Plan::lays, Plan::agent_groups or Plan::group_agents.
struct Span {
  std::int32_t begin = 0, end = 0;

  [[nodiscard]] bool empty() const { return begin == end; }
};

struct Plan {
  /// A training job of the plan. Jobs share links and nothing else: servers are held whole.
  struct Job {
    std::int32_t width = 1;  ///< accelerators of one agent
    /// HBM bandwidth of one accelerator, and the most of it that traffic other than its own passes
    /// and tensor-parallel collectives can take. Sharing cannot slow a pass that leaves that much.
    BytesPerSecond hbm_capacity, hbm_reserve;
    BytesPerSecond tensor_hbm_rate;  ///< the most that the group's own collectives take of HBM
  };

  /// A link direction or an accelerator's HBM; in a folded plan one of `members` alike.
  struct Resource {
    TierIndex tier = TierTable::kNic;  ///< in Plan::tiers
    BytesPerSecond capacity;           ///< in units of weight: real capacity / unit
    std::int64_t members = 1;
    double unit = 1;  ///< real weight = weight x unit; a fraction where flows take several ways
    bool can_bind = true;  ///< false: the links that feed it carry less than it does
    LinkIndex link = {};   ///< in the network, in a folded plan one of those alike; -1: HBM
  };

  /// A model-parallel group (tensor x context), or all ranks that communicate in the same groups
  /// and do nothing else: accelerators that do the same at the same time.
  struct Agent {
    PlanJobIndex job{0};
    std::int32_t role = 0;          ///< pipeline stage
    std::int64_t members = 1;       ///< model-parallel groups that this one stands for
    Span hbm;                       ///< route of a pass
    Span tensor;                    ///< route of the tensor-parallel groups' own collectives
    std::int32_t tensor_parts = 1;  ///< into which it splits its bytes
    Span context;                   ///< route of the keys and values that go around
    Span sends[2];                  ///< flows of one message, by Direction
    Span groups;                    ///< in agent_groups
  };

  /// One rank's share of a pipeline message.
  struct Flow {
    AgentIndex source{0}, target{0};
    std::int64_t members = 1;
    Span route;
    float efficiency = 1;  ///< payload bytes over wire bytes
    float latency = 0;     ///< seconds
  };

  /// One phase of an algorithm on the routes of one group: its shape, laid.
  struct Lay {
    const Algorithm* algorithm = nullptr;
    Span domain;                                 ///< route of the part inside the scale-up domains
    Span nic;                                    ///< route of the part across NICs
    std::int32_t domain_unit = 1, nic_unit = 1;  ///< edges that weight 1 stands for
    std::int32_t domain_parts = 1;  ///< into which the bytes inside the domains are split
    std::int32_t nic_parts = 1;     ///< and those across NICs

    /// Bytes that weight 1 carries, of the cost per edge or port.
    [[nodiscard]] double DomainBytes(const CollectiveCost& cost) const {
      return cost.domain_bytes.si() * domain_unit / domain_parts;
    }

    [[nodiscard]] double NicBytes(const CollectiveCost& cost) const {
      return cost.nic_bytes.si() * nic_unit / nic_parts;
    }
  };

  /// A communicator.
  struct Group {
    PlanJobIndex job{0};
    FamilyIndex family;  ///< in the families of the job's program
    std::int64_t members = 1;
    GroupShape shape;
    Span agents;  ///< in group_agents
    Span lays;    ///< in lays: the algorithms that its collectives take, each with its phases
  };

  TierTable tiers;
  std::vector<Job> jobs;
  std::vector<Resource> resources;  ///< those that some route uses
  std::vector<RouteEntry> routes;
  std::vector<Agent> agents;  ///< job by job
  std::vector<Flow> flows;
  std::vector<Group> groups;
  std::vector<Lay> lays;
  std::vector<std::int32_t> agent_groups;
  std::vector<AgentIndex> group_agents;
  bool folded = false;
  /// Of a folded plan that keeps them: each link of the expanded one, and its resource here.
  std::vector<std::pair<LinkIndex, std::int32_t>> link_classes;

  /// Of all jobs, and of one.
  [[nodiscard]] std::int64_t accelerators() const;
  [[nodiscard]] std::int64_t accelerators(PlanJobIndex job) const;

  /// Calls `visit` with every route of the plan: of agents, flows and lays.
  template <typename F>
  void ForEachRoute(const F& visit) const {
    for (const Agent& agent : agents) {
      visit(agent.hbm);
      visit(agent.tensor);
      visit(agent.context);
    }
    for (const Flow& flow : flows) {
      visit(flow.route);
    }
    for (const Lay& lay : lays) {
      visit(lay.domain);
      visit(lay.nic);
    }
  }

  /// The first phase of an algorithm in a group, in `lays`; the others follow it.
  [[nodiscard]] std::int32_t FirstPhase(const Group& group, const Algorithm* algorithm) const;
};

/// A program and the servers that it runs on. The list may hold more servers than the layout needs:
/// the first of each site are used. With several sites, see AcrossSites.
struct PlacedProgram {
  const StepProgram* program = nullptr;
  Placement placement;
};

/// All servers of a site, in their order.
Placement WholeSite(const Network& network, int site);

/// Sites of a placement, in the order in which they first stand there.
std::vector<SiteIndex> SitesOf(const Placement& placement);

/// Throws UserError when the placement has fewer accelerators than the program's layout, cannot be
/// shared out over its sites, or joins sites that no link joins.
void CheckPlacement(const PlacedProgram& placed, const Network& network);

/// Lays programs on their servers, expanded. No server may be held by two. Throws as
/// CheckPlacement.
Plan Expand(const std::vector<PlacedProgram>& placed, const Network& network);

/// The same with only one of ranks that are alike (alike.h), to be folded: what is folded then is
/// smaller by the size of the tensor-parallel groups, and the folded plan is the same.
Plan ExpandUnlike(const std::vector<PlacedProgram>& placed, const Network& network);

/// The same with every rank and every link: none is left out, nor joined with another.
Plan ExpandEach(const std::vector<PlacedProgram>& placed, const Network& network);

/// Lays a program on the first servers of a single site.
Plan Expand(const StepProgram& program, const SiteSpec& site);

}  // namespace gridlock
