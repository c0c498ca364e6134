#pragma once

#include <string>
#include <variant>

#include "topologies/clos/spec.h"
#include "topologies/dragonfly/spec.h"
#include "topologies/hyperx/spec.h"
#include "topologies/jellyfish/spec.h"
#include "topologies/listed/spec.h"
#include "topologies/slimfly/spec.h"
#include "topologies/torus/spec.h"

namespace gridlock {

/// What a site's network is: one alternative for each kind of topology. MakeTopology turns it into
/// links and routes.
using FabricSpec = std::variant<ClosSpec, TorusSpec, ListedSpec, HyperXSpec, DragonflySpec,
                                JellyfishSpec, SlimFlySpec>;

/// Whether accelerators are routers of the network themselves (ServerSpec::direct).
bool IsDirect(const FabricSpec& fabric);

/// One line for people: "Clos of 2 tiers, oversubscription 1:1 above the leaves, sprayed".
std::string TitleOf(const FabricSpec& fabric);

}  // namespace gridlock
