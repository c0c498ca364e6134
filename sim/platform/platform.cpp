#include "sim/platform/platform.h"

#include <array>
#include <string>

#include <simgrid/kernel/routing/NetPoint.hpp>
#include <simgrid/kernel/routing/NetZoneImpl.hpp>

#include "sim/base/check.h"

namespace gridlock {

namespace {

namespace sg4 = simgrid::s4u;
using simgrid::kernel::routing::NetPoint;
using simgrid::kernel::routing::Route;

// SimGrid's own zones do not reach 100,000 hosts, and their routes are fixed per pair of hosts.
// Here a route is chosen per transfer: SimGrid asks for it while the transfer starts, and gets the
// one that was noted just before.
class FlatZone : public simgrid::kernel::routing::NetZoneImpl {
 public:
  FlatZone(const std::string& name, const Plan& plan, const std::vector<sg4::Link*>& links)
      : NetZoneImpl(name), plan_(plan), links_(links) {}

  Platform::NextRoute next;

  void get_local_route(const NetPoint* /*source*/, const NetPoint* /*target*/, Route* into,
                       double* /*latency*/) override {
    // Latency stays zero: CM02 would share a link inversely to it. Delays are paid beside the
    // transfer.
    for (std::int32_t i = next.route.begin; i < next.route.end; ++i) {
      const RouteEntry entry = plan_.routes[i];
      const Plan::Resource& resource = plan_.resources[entry.resource];
      if (!resource.can_bind ||
          (!next.with_hbm && resource.resource_class == ResourceClass::kHbm)) {
        continue;
      }
      for (std::int32_t k = 0; k < entry.weight; ++k) {  // a link that stands k times weighs k
        into->link_list_.push_back(links_[entry.resource]->get_impl());
      }
    }
  }

 private:
  const Plan& plan_;
  const std::vector<sg4::Link*>& links_;
};

// Every SimGrid option in one place: names change between versions (4.x: precision/timing).
//  * CM02 without cross-traffic and TCP window: a transfer takes exactly size / bandwidth.
//  * Small stacks, touched as they grow: tens of thousands of actors in a few hundred MB.
//  * Completions within a nanosecond are one instant.
std::unique_ptr<sg4::Engine> MakeEngine() {
  static std::array<std::string, 9> text = {"gridlock",
                                            "--cfg=contexts/stack-size:64",
                                            "--cfg=contexts/guard-size:1",
                                            "--cfg=network/model:CM02",
                                            "--cfg=network/crosstraffic:0",
                                            "--cfg=network/TCP-gamma:1e30",
                                            "--cfg=surf/precision:1e-9",
                                            "--log=root.thres:critical",
                                            "--log=no_loc"};
  static std::array<char*, text.size()> arguments;
  for (std::size_t i = 0; i < text.size(); ++i) {
    arguments[i] = text[i].data();
  }
  int count = static_cast<int>(text.size());
  return std::make_unique<sg4::Engine>(&count, arguments.data());
}

}  // namespace

Platform::Platform(const Plan& plan)
    : engine_(MakeEngine()), links_(plan.resources.size(), nullptr) {
  auto* zone = new FlatZone("fabric", plan, links_);  // NOLINT: the engine owns it
  next_ = &zone->next;
  sg4::NetZone* net = zone->get_iface();
  std::vector<bool> used(plan.resources.size());
  for (const RouteEntry& entry : plan.routes) {
    used[entry.resource] = true;
  }
  for (std::size_t r = 0; r < used.size(); ++r) {
    if (used[r]) {
      const double capacity = plan.resources[r].capacity.si() * kUnitsPerByte;
      links_[r] = net->create_link("r" + std::to_string(r), capacity);
      links_[r]->seal();
    }
  }
  for (std::size_t a = 0; a < plan.agents.size(); ++a) {
    // Compute is a transfer over HBM at a bounded rate, so a host's own speed is never used.
    hosts_.push_back(net->create_host("a" + std::to_string(a), 1e9));
    hosts_.back()->seal();
  }
  engine_->seal_platform();
}

Platform::~Platform() = default;

void Platform::Run() {
  engine_->run();
}

}  // namespace gridlock
