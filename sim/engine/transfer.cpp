#include "sim/engine/world.h"
#include "sim/platform/engine_options.h"
#include "sim/platform/simgrid_versions.h"

namespace gridlock {

namespace sg4 = simgrid::s4u;

Transfer::Transfer(World& world, sg4::Mailbox* own, Span route, double bytes, Options options)
    : world_(world), route_(route), bytes_(bytes) {
  const auto units = static_cast<std::uint64_t>(bytes * kUnitsPerByte + 0.5);
  if (route.empty() || units == 0) {
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

Meter::Bottleneck Transfer::Wait() {
  if (!running()) {
    return {};
  }
  communication_.Wait();
  return world_.shared.meter.Finish(ticket_, bytes_, World::Now(), world_.run.series);
}

}  // namespace gridlock
