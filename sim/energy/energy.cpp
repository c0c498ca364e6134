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
  const Watts room = std::max(power.limit - power.held(), Watts(0));
  const Joules most = room * step * count;
  const Joules kernels = energy.flop + energy.hbm;
  const Joules most_busy = activity.busy > Seconds(0) ? std::min(most, room * activity.busy) : most;
  if (kernels > most_busy) {
    energy.flop = energy.flop * (most_busy / kernels);
    energy.hbm = energy.hbm * (most_busy / kernels);
  }
  energy.links = std::min(energy.links, most - std::min(most, energy.flop + energy.hbm));
  energy.servers =
      server.overhead_power * step * (count / server.accelerators) +
      (energy.flop + energy.hbm + energy.links + (power.held() - power.idle) * step * count) *
          server.overhead_per_watt;
  return energy;
}

}  // namespace gridlock
