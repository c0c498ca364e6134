#include "sim/energy/energy.h"

#include <algorithm>

namespace gridlock {

namespace {

// What boards burn beside what they need to keep their floor: those that wait and those at work
// each have one power.
Joules BurnedAtFloor(const PowerSpec& power, Seconds all, Seconds busy, const StepEnergy& energy) {
  const Watts missing = power.floor - power.held();
  if (missing <= Watts(0)) {
    return Joules(0);
  }
  const Seconds waiting = all - busy;
  const Joules links = energy.links * (waiting / all);
  const auto up_to = [&](Seconds time, Joules drawn) {
    return std::max(missing * time - drawn, Joules(0));
  };
  return up_to(waiting, links) + up_to(busy, energy.flop + energy.hbm + energy.links - links);
}

// What they burn to fall no faster than their ramp. The waits of a board within a step count as
// one: the least that it burns.
Joules BurnedAtWaits(const PowerSpec& power, double boards, Seconds all, Seconds busy,
                     const StepEnergy& energy) {
  if (busy <= Seconds(0)) {
    return Joules(0);
  }
  const Watts at_work = power.held() + (energy.flop + energy.hbm) / busy;
  return BurnedByFall(power, at_work - std::max(power.held(), power.floor), (all - busy) / boards) *
         boards;
}

}  // namespace

Joules BurnedByFall(const PowerSpec& power, Watts above, Seconds wait) {
  if (power.ramp_down <= WattsPerSecond(0) || above <= Watts(0)) {
    return Joules(0);
  }
  const Seconds falls = std::min(wait, above / power.ramp_down);
  return (above - power.ramp_down * falls / 2) * falls;
}

Seconds LostByRise(const PowerSpec& power) {
  constexpr double kLost = 1.0 / 5;
  return power.ramp_up > WattsPerSecond(0)
             ? std::max(Watts(0), power.limit - power.held()) / power.ramp_up * kLost
             : Seconds(0);
}

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
  const Seconds all = step * count;
  const Seconds busy = activity.busy > Seconds(0) ? std::min(activity.busy, all) : all;
  energy.burned =
      BurnedAtFloor(power, all, busy, energy) + BurnedAtWaits(power, count, all, busy, energy);
  energy.servers = server.overhead_power * step * (count / server.accelerators) +
                   (energy.flop + energy.hbm + energy.links + energy.burned +
                    (power.held() - power.idle) * step * count) *
                       server.overhead_per_watt;
  return energy;
}

}  // namespace gridlock
