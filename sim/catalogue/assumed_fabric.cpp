#include "sim/catalogue/assumed_fabric.h"

#include <fmt/format.h>

#include "topologies/machine.h"

namespace gridlock {

bool StandsAlone(const SiteSpec& site) {
  const auto* const clos = std::get_if<ClosSpec>(&site.fabric);
  return site.servers == 1 && clos != nullptr && clos->leaf.name == kNoSwitch;
}

std::string AssumedSwitchText(BytesPerSecond port, std::string_view power) {
  return fmt::format(R"(  switch {{
    name: "generic"
    title: "Generic switch"
    ports: 65536
    port_bandwidth: "{} Gbps"
    latency: "600 ns"
    power: "{}"
    source {{ text: "Assumed: any non-blocking fabric at the NIC rate" estimate: true }}
  }}
)",
                     port.si() * 8 / 1e9, power);
}

std::string AssumedFabricText() {
  return R"(  fabric {
    clos {
      tiers: 3
      servers_per_leaf: 2
      leaves_per_pod: 16
      leaf_oversubscription: 1
      spine_oversubscription: 1
      leaf_switch: "generic"
      spine_switch: "generic"
      core_switch: "generic"
      routing: SPRAY
    }
  }
)";
}

}  // namespace gridlock
