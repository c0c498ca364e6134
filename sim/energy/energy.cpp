#include "sim/energy/energy.h"

#include <algorithm>

namespace gridlock {

StepEnergy EnergyOfStep(const ServerSpec& server, std::int64_t accelerators, Seconds step,
                        const StepActivity& activity) {
  const PowerSpec& power = server.accelerator.power;
  const auto count = static_cast<double>(accelerators);
  StepEnergy energy;
  energy.idle = power.held() * step * count;
  energy.flop = activity.arithmetic * power.FlopAtFullClock();
  energy.hbm = power.per_hbm_byte * activity.hbm;
  energy.links = power.per_link_byte * activity.links;
  // A board that would draw more lowers its clock, and with it the voltage and these energies.
  const Joules above = energy.flop + energy.hbm + energy.links;
  const Joules most = std::max(power.limit - power.held(), Watts(0)) * step * count;
  if (above > most) {
    const double share = most / above;
    energy.flop = energy.flop * share;
    energy.hbm = energy.hbm * share;
    energy.links = energy.links * share;
  }
  energy.servers =
      server.overhead_power * step * (count / server.accelerators) +
      (energy.flop + energy.hbm + energy.links + (power.held() - power.idle) * step * count) *
          server.overhead_per_watt;
  return energy;
}

}  // namespace gridlock
