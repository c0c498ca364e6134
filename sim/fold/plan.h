#pragma once

// A step program laid on a fabric: who runs which role, over which resources each transfer goes.
//
// A plan can be expanded (every accelerator its own HBM, every flow its own route) or folded (one
// member per class of an equitable partition, see fold.h). Evaluators do not know which they run:
// that is why full and folded runs cannot drift apart.

#include <cstdint>
#include <vector>

#include "sim/base/units.h"
#include "topologies/fabric.h"
#include "workloads/collective.h"
#include "workloads/step_program.h"

namespace gridlock {

/// Classes of shared resources: the link classes of the fabric, and HBM.
enum class ResourceClass : std::uint8_t { kScaleUp, kNic, kLeaf, kSpine, kHbm };

inline constexpr int kResourceClasses = 5;

/// "scale_up", "nic", "leaf", "spine", "hbm".
const char* ResourceClassName(ResourceClass resource_class);

/// Where a resource stands in a route: a transfer at rate r takes `weight` x r of its capacity.
struct RouteEntry {
  std::int32_t resource = 0;
  std::int32_t weight = 1;
};

/// A range in Plan::routes, Plan::agent_groups or Plan::group_agents.
struct Span {
  std::int32_t begin = 0, end = 0;

  [[nodiscard]] bool empty() const { return begin == end; }
};

struct Plan {
  /// A link direction or an accelerator's HBM; in a folded plan one of `members` alike.
  struct Resource {
    ResourceClass resource_class = ResourceClass::kNic;
    BytesPerSecond capacity;  ///< in units of weight: real capacity / unit
    std::int64_t members = 1;
    std::int32_t unit = 1;  ///< real weight = weight x unit
    bool can_bind = true;   ///< false: the links that feed it carry less than it does
  };

  /// A model-parallel group (tensor x context): accelerators that do the same at the same time.
  struct Agent {
    std::int32_t role = 0;     ///< pipeline stage
    std::int64_t members = 1;  ///< groups that this one stands for
    Span hbm;                  ///< route of a pass
    Span tensor;               ///< route of the tensor-parallel groups' own collectives
    Span context;              ///< route of the keys and values that go around
    Span sends[2];             ///< flows of one message, by Direction
    Span groups;               ///< in agent_groups
  };

  /// One rank's share of a pipeline message.
  struct Flow {
    std::int32_t source = 0, target = 0;  ///< agents
    std::int64_t members = 1;
    Span route;
    float efficiency = 1;  ///< payload bytes over wire bytes
    float latency = 0;     ///< seconds
  };

  /// A communicator.
  struct Group {
    Collective::Over over = Collective::Over::kData;
    std::int32_t role = 0;  ///< first stage in it
    std::int64_t members = 1;
    GroupShape shape;
    Span agents;  ///< in group_agents
    Span ring;    ///< route of the rings, or of the pairs of an all-to-all, that cross NICs
    Span domain;  ///< route of the part inside the scale-up domains
  };

  std::vector<Resource> resources;
  std::vector<RouteEntry> routes;
  std::vector<Agent> agents;
  std::vector<Flow> flows;
  std::vector<Group> groups;
  std::vector<std::int32_t> agent_groups;
  std::vector<std::int32_t> group_agents;
  std::int32_t width = 1;  ///< accelerators of one agent
  bool folded = false;
  /// HBM of one accelerator, and the most that everything but its own passes and tensor-parallel
  /// collectives can take of it. Where a pass leaves that much, sharing cannot slow it.
  BytesPerSecond hbm_capacity, hbm_reserve;
  BytesPerSecond tensor_hbm_rate;  ///< the most that the group's own collectives take of HBM

  [[nodiscard]] std::int64_t accelerators() const;
};

/// Throws UserError when the fabric has fewer accelerators than the program's layout.
void CheckPlacement(const StepProgram& program, const Fabric& fabric);

/// Lays the program on consecutive accelerators of the fabric, expanded. Throws as CheckPlacement.
Plan Expand(const StepProgram& program, const Fabric& fabric);

}  // namespace gridlock
