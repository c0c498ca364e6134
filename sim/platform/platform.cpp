#include "sim/platform/platform.h"

#include <string>
#include <utility>

#include <simgrid/kernel/routing/NetPoint.hpp>
#include <simgrid/kernel/routing/NetZoneImpl.hpp>

#include "sim/platform/engine_options.h"
#include "sim/platform/simgrid_versions.h"

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
  FlatZone(const std::string& name, const Plan& plan, const std::vector<PaceSetter>& pace_setters,
           const std::vector<LinkImpl*>& links)
      : NetZoneImpl(name), plan_(plan), pace_setters_(pace_setters), links_(links) {}

  Platform::NextRoute next;

  void get_local_route(const NetPoint* /*source*/, const NetPoint* /*target*/, Route* into,
                       double* /*latency*/) override {
    // Latency stays zero: CM02 would share a link inversely to it. Delays are paid beside the
    // transfer.
    for (std::int32_t i = next.route.begin; i < next.route.end; ++i) {
      const RouteEntry entry = plan_.routes[i];
      LinkImpl* const link = links_[entry.resource];
      if (link == nullptr ||
          (!next.with_hbm && plan_.resources[entry.resource].tier == plan_.tiers.hbm())) {
        continue;
      }
      const std::int32_t weight = entry.weight / pace_setters_[entry.resource].unit;
      for (std::int32_t k = 0; k < weight; ++k) {  // a link that stands k times weighs k
        into->link_list_.push_back(link);
      }
    }
  }

 private:
  const Plan& plan_;
  const std::vector<PaceSetter>& pace_setters_;
  const std::vector<LinkImpl*>& links_;
};

}  // namespace

Platform::Platform(const Plan& plan, std::vector<PaceSetter> pace_setters)
    : engine_(MakeEngine({})),
      pace_setters_(std::move(pace_setters)),
      links_(plan.resources.size(), nullptr),
      handles_(plan.resources.size(), nullptr) {
  auto* zone = new FlatZone("fabric", plan, pace_setters_, links_);  // NOLINT: the engine owns it
  next_ = &zone->next;
  sg4::NetZone* net = AddZone(*engine_, zone);
  for (std::size_t r = 0; r < pace_setters_.size(); ++r) {
    if (pace_setters_[r].can_be_first) {
      const double capacity =
          plan.resources[r].capacity.si() / pace_setters_[r].unit * kUnitsPerByte;
      sg4::Link* link = AddLink(*net, "r" + std::to_string(r), capacity);
      link->seal();
      handles_[r] = link;
      links_[r] = link->get_impl();  // costs a dynamic cast, and is asked for in every transfer
    }
  }
  for (std::size_t a = 0; a < plan.agents.size(); ++a) {
    // Compute is a transfer over HBM at a bounded rate, so a host's own speed is never used.
    hosts_.push_back(AddHost(*net, "a" + std::to_string(a), 1e9));
    hosts_.back()->seal();
  }
  engine_->seal_platform();
}

Platform::~Platform() = default;

void Platform::SetCapacity(std::int32_t resource, BytesPerSecond capacity) {
  if (links_[resource] != nullptr) {
    const double units = capacity.si() / pace_setters_[resource].unit * kUnitsPerByte;
    handles_[resource]->set_bandwidth(units);
  }
}

void Platform::Run() {
  engine_->run();
}

}  // namespace gridlock
