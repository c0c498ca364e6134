#include "sim/energy/energy.h"

namespace gridlock {

StepEnergy EnergyOfStep(const ServerSpec& server, std::int64_t accelerators, Seconds step,
                        const StepActivity& activity) {
  const PowerSpec& power = server.accelerator.power;
  const auto count = static_cast<double>(accelerators);
  StepEnergy energy;
  energy.idle = power.idle * step * count;
  energy.flop = activity.arithmetic;
  energy.hbm = power.per_hbm_byte * activity.hbm;
  energy.links = power.per_link_byte * activity.links;
  energy.servers = server.overhead_power * step * (count / server.accelerators) +
                   (energy.flop + energy.hbm + energy.links) * server.overhead_per_watt;
  return energy;
}

}  // namespace gridlock
