#include "sim/engine/mover.h"
#include "sim/engine/world.h"
#include "sim/platform/engine_options.h"
#include "sim/platform/simgrid_versions.h"

namespace gridlock {

namespace sg4 = simgrid::s4u;

Transfer::Transfer(World& world, sg4::Mailbox* own, Way way, double amount, Options options)
    : world_(world), route_(world.shared.RouteOf(way)), bytes_(world.shared.BytesOf(way, amount)) {
  const auto units = static_cast<std::uint64_t>(bytes_ * kUnitsPerByte + 0.5);
  if (route_.empty() || units == 0) {
    return;
  }
  if (world.shared.mover != nullptr && way.kind != Way::Kind::kHbm) {
    moving_ = world.shared.mover->Start(world, own, way, amount, options.with_hbm, {});
    return;
  }
  communication_ = Communication(own, units, options.rate_bound * kUnitsPerByte, {});
  simgrid::kernel::actor::simcall_answered([this, options] {
    world_.shared.platform.SetNextRoute(route_, options.with_hbm);
    communication_.Start();
  });
  ticket_ = world_.shared.meter.Start(route_, World::Now());
  ++world_.run.log.activities;
}

Transfer::~Transfer() = default;

Meter::Bottleneck Transfer::Wait() {
  if (moving_) {
    return Mover::Wait(*moving_);
  }
  if (!communication_.is_open()) {
    return {};
  }
  communication_.Wait();
  return world_.shared.meter.Finish(ticket_, bytes_, World::Now(), world_.run.series);
}

}  // namespace gridlock
