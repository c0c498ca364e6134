#include "sim/platform/platform.h"

#include <string>

#include <simgrid/kernel/routing/NetPoint.hpp>
#include <simgrid/kernel/routing/NetZoneImpl.hpp>

#include "sim/platform/engine_options.h"

namespace gridlock {

namespace {

namespace sg4 = simgrid::s4u;
using LinkImpl = simgrid::kernel::resource::StandardLinkImpl;
using simgrid::kernel::routing::NetPoint;
using simgrid::kernel::routing::Route;

// SimGrid's own zones do not reach 100,000 hosts, and their routes are fixed per pair of hosts.
// Here a route is chosen per transfer: SimGrid asks for it while the transfer starts, and gets the
// one that was noted just before.
class FlatZone : public simgrid::kernel::routing::NetZoneImpl {
 public:
  FlatZone(const std::string& name, const Plan& plan, const std::vector<LinkImpl*>& links)
      : NetZoneImpl(name), plan_(plan), links_(links) {}

  Platform::NextRoute next;

  void get_local_route(const NetPoint* /*source*/, const NetPoint* /*target*/, Route* into,
                       double* /*latency*/) override {
    // Latency stays zero: CM02 would share a link inversely to it. Delays are paid beside the
    // transfer.
    for (std::int32_t i = next.route.begin; i < next.route.end; ++i) {
      const RouteEntry entry = plan_.routes[i];
      const Plan::Resource& resource = plan_.resources[entry.resource];
      if (!resource.can_bind || (!next.with_hbm && resource.tier == plan_.tiers.hbm())) {
        continue;
      }
      for (std::int32_t k = 0; k < entry.weight; ++k) {  // a link that stands k times weighs k
        into->link_list_.push_back(links_[entry.resource]);
      }
    }
  }

 private:
  const Plan& plan_;
  const std::vector<LinkImpl*>& links_;
};

}  // namespace

Platform::Platform(const Plan& plan)
    : engine_(MakeEngine({})), links_(plan.resources.size(), nullptr) {
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
      sg4::Link* link = net->create_link("r" + std::to_string(r), capacity);
      link->seal();
      links_[r] = link->get_impl();  // costs a dynamic cast, and is asked for in every transfer
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
