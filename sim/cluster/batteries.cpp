#include "sim/cluster/batteries.h"

#include <algorithm>
#include <limits>

namespace gridlock {

namespace {

// Of its capacity, what a battery that was empty holds before the site counts on it again. An
// estimate: with less, boards would speed up and slow down by turns.
constexpr double kHelpsAgain = 0.5;

// What a battery gives in this time is nothing: times of events round.
constexpr Seconds kMoment(1e-6);

constexpr double kNever = std::numeric_limits<double>::infinity();

// What the grid is to give at most while the battery holds out.
Watts GridMost(const SiteSpec& spec) {
  Watts most(kNever);
  for (const Watts each : {spec.power_cap, spec.battery.shave_above}) {
    most = each > Watts(0) ? std::min(most, each) : most;
  }
  return most;
}

// What the battery takes from the grid, or below zero gives, while it is neither empty nor full.
Watts FlowOf(const SiteSpec& spec, Watts load) {
  const BatterySpec& battery = spec.battery;
  const double price = spec.electricity_usd_per_kwh;
  Watts given = std::max(Watts(0), load - GridMost(spec));
  if (battery.discharge_above && price > *battery.discharge_above) {
    given = load;
  }
  if (given > Watts(0)) {
    return Watts(0) - std::min(given, battery.power);
  }
  const bool cheap = !battery.charge_below || price <= *battery.charge_below;
  return cheap ? std::min(battery.power, GridMost(spec) - load) : Watts(0);
}

// How fast it fills; below zero: empties.
Watts FillingOf(const BatterySpec& battery, Watts flow) {
  return flow > Watts(0) ? flow * battery.efficiency : flow;
}

}  // namespace

Joules Batteries::State::CapacityOf(const BatterySpec& battery) const {
  return std::max(Joules(0), battery.capacity - faded);
}

Batteries::Batteries(const std::vector<SiteSpec>& sites) {
  for (const SiteSpec& site : sites) {
    states_.push_back({.stored = site.battery.capacity});
  }
}

Watts Batteries::Support(const SiteSpec& spec, SiteIndex site) const {
  const bool any = spec.battery.capacity > Joules(0) && states_[site].helps;
  return any ? spec.battery.power : Watts(0);
}

Seconds Batteries::SupportLasts(const SiteSpec& spec, SiteIndex site, Watts load) const {
  const BatterySpec& battery = spec.battery;
  if (battery.capacity <= Joules(0)) {
    return Seconds(kNever);
  }
  const State& state = states_[site];
  const Watts filling = FillingOf(battery, FlowOf(spec, load));
  if (state.helps && filling < Watts(0)) {
    return state.stored / (Watts(0) - filling);
  }
  if (!state.helps && filling > Watts(0)) {
    return (state.CapacityOf(battery) * kHelpsAgain - state.stored) / filling;
  }
  return Seconds(kNever);
}

std::vector<BatteryPart> Batteries::Advance(const SiteSpec& spec, SiteIndex site,
                                            const Stretch& stretch, Watts load) {
  const BatterySpec& battery = spec.battery;
  std::vector<BatteryPart> parts;
  if (battery.capacity <= Joules(0)) {
    return parts;
  }
  State& state = states_[site];
  const Watts flow = FlowOf(spec, load);
  const Watts filling = FillingOf(battery, flow);
  // What it holds stays, also where it would no longer take as much.
  const Joules full = std::max(state.stored, state.CapacityOf(battery));
  const Joules room = filling < Watts(0) ? state.stored : full - state.stored;
  const Watts speed = std::max(filling, Watts(0) - filling);
  Seconds working = stretch.length();
  Joules after = state.stored + filling * working;
  if (speed * (working + kMoment) >= room) {  // it ends empty or full
    working = speed > Watts(0) ? std::min(working, room / speed) : working;
    after = filling < Watts(0) ? Joules(0) : filling > Watts(0) ? full : state.stored;
  }
  const Seconds turn = stretch.from + working;
  const Joules given = std::max(Joules(0), state.stored - after);
  state.faded +=
      battery.capacity * (battery.ageing * (stretch.length() / kYear)) + given * battery.wear;
  parts.push_back({{stretch.from, turn}, flow, state.stored, after, state.faded});
  if (turn < stretch.to) {
    parts.push_back({{turn, stretch.to}, Watts(0), after, after, state.faded});
  }
  state.stored = after;
  const bool half = after >= state.CapacityOf(battery) * kHelpsAgain - speed * kMoment;
  state.helps = after > Joules(0) && (state.helps || half);
  return parts;
}

}  // namespace gridlock
