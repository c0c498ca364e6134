#include "sim/scenario/accounts.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/catalogue/assumed_fabric.h"
#include "sim/catalogue/network_parts.h"
#include "sim/catalogue/scan.h"
#include "sim/energy/site_power.h"
#include "sim/scenario/convert.h"
#include "sim/schema/quantity_text.h"
#include "topologies/paths.h"
#include "topologies/topology.h"

namespace gridlock {

namespace {

// The transceiver that a site names, else the usual one of its NICs' bandwidth or the next above:
// where nothing but a step is asked for, and its cables need not be counted.
void AddOptics(const proto::Site& site, const Catalogue& catalogue, SiteSpec& spec) {
  const auto power_of = [](const proto::Optics& optics) {
    return JoulesPerByte(PowerOf(optics.power()).si() / BandwidthOf(optics.bandwidth()).si());
  };
  if (spec.server.direct || StandsAlone(spec)) {
    return;
  }
  if (!site.optics().empty()) {
    spec.optics = power_of(*catalogue.optics.at(site.optics()).message);
    return;
  }
  for (const char* name : kUsualOptics) {
    const auto usual = catalogue.optics.find(name);
    if (usual != catalogue.optics.end() &&
        BandwidthOf(usual->second.message->bandwidth()) >= spec.server.fabric_nic_bandwidth) {
      spec.optics = power_of(*usual->second.message);
      return;
    }
  }
}

// Servers, network and building cost half as much again as accelerators: an estimate, in the middle
// of public breakdowns of clusters of 2023 to 2025.
constexpr double kCapitalOverPrice = 1.5;

void AddCapital(const proto::Site& site, const Catalogue& catalogue, SiteSpec& spec,
                std::vector<std::string>* notes) {
  const proto::Capital& capital = site.capital();
  if (!capital.depreciation().empty()) {
    spec.depreciation = TimeOf(capital.depreciation());
  }
  spec.capital_usd_per_accelerator = capital.per_accelerator();
  const auto accelerator = catalogue.accelerators.find(spec.server.accelerator.name);
  if (capital.per_accelerator() > 0 || accelerator == catalogue.accelerators.end()) {
    return;
  }
  const double price = accelerator->second.message->facts().price();
  if (price > 0) {
    spec.capital_usd_per_accelerator = kCapitalOverPrice * price;
    if (notes != nullptr) {
      notes->push_back(
          fmt::format("{}.capital: {} USD for an accelerator, {:g} times the price of "
                      "{} in the catalogue (estimate)",
                      spec.path, spec.capital_usd_per_accelerator, kCapitalOverPrice,
                      accelerator->second.message->name()));
    }
  }
}

// USD a year of an accelerator: all of what it costs to run the site, beside energy.
void AddOperation(const proto::Site& site, SiteSpec& spec, std::vector<std::string>* notes) {
  if (!site.has_operation()) {
    return;
  }
  constexpr double kPerWattMonth = 0.04, kMaintenance = 0.05, kTaxes = 0.01;  // see proto
  const proto::Operation& operation = site.operation();
  const auto or_usual = [](bool given, double value, double usual) {
    return given ? value : usual;
  };
  const double staff =
      or_usual(operation.has_per_watt_month(), operation.per_watt_month(), kPerWattMonth);
  const double shares =
      or_usual(operation.has_maintenance(), operation.maintenance(), kMaintenance) +
      or_usual(operation.has_taxes(), operation.taxes(), kTaxes);
  const ServerSpec& server = spec.server;
  const double watts = FullPower(server).si() / server.accelerators;
  constexpr double kMonths = 12;
  spec.operation_usd_per_accelerator_year =
      staff * kMonths * watts + shares * spec.capital_usd_per_accelerator +
      operation.land() / (1.0 * spec.servers * server.accelerators);
  if (notes != nullptr &&
      !(operation.has_per_watt_month() && operation.has_maintenance() && operation.has_taxes())) {
    notes->push_back(fmt::format(
        "{}.operation: {:.3g} USD a month for a watt, {:.3g} % of the capital a year (estimate)",
        spec.path, staff, 100 * shares));
  }
}

// Hours, as they are written, begin anew behind their end. One or two that fit into a day, and more
// that are uneven, do so after a day; others after one more of the last step.
Seconds RepeatsOf(const std::vector<HourSpec>& hours) {
  constexpr Seconds kDay(kSecondsPerDay);
  if (hours.size() <= 2 && hours.back().at < kDay) {
    return kDay;
  }
  if (hours.size() == 1) {
    return hours.back().at + kDay;
  }
  const Seconds step = hours.back().at - hours[hours.size() - 2].at;
  const bool even =
      std::adjacent_find(hours.begin(), hours.end(), [step](const HourSpec& a, const HourSpec& b) {
        return std::abs((b.at - a.at - step).si()) > 1;
      }) == hours.end();
  return even || hours.back().at >= kDay ? hours.back().at + step : kDay;
}

// Prices, carbon and weather by the hour, and what the building makes of them. The site's plain
// prices hold until the first hour of each round.
void AddProfile(const proto::Site& site, SiteSpec& spec) {
  if (site.hour_size() > 0) {
    auto profile = std::make_shared<ProfileSpec>();
    for (const proto::Hour& hour : site.hour()) {
      HourSpec& each = profile->hours.emplace_back();
      each.at = TimeOf(hour.at());
      each.electricity = hour.has_electricity() ? std::optional(hour.electricity()) : std::nullopt;
      each.carbon = hour.has_carbon() ? std::optional(hour.carbon()) : std::nullopt;
      each.temperature = hour.has_temperature() ? std::optional(hour.temperature()) : std::nullopt;
    }
    profile->repeats = RepeatsOf(profile->hours);
    if (site.has_prices() && profile->hours.front().at > Seconds(0)) {
      const auto given = [](double price) {
        return price > 0 ? std::optional(price) : std::nullopt;
      };
      profile->hours.insert(profile->hours.begin(),
                            {Seconds(0), given(site.prices().electricity()),
                             given(site.prices().carbon()), profile->hours.back().temperature});
    }
    spec.profile = std::move(profile);
  }
  const proto::Facility& facility = site.facility();
  for (const proto::PuePoint& point : facility.pue_at()) {
    spec.pue_points.push_back({point.temperature(), point.pue()});
  }
  spec.pue_fixed = facility.fixed_overhead();
  if (facility.has_demand_response()) {
    spec.response_price = facility.demand_response().price_above();
    spec.response_cap = PowerOf(facility.demand_response().power_cap());
  }
}

// Of a battery that says nothing: what NREL's Annual Technology Baseline 2024 takes for those of
// utilities.
constexpr double kRoundTrip = 0.85;

// Cost and life: see Battery in proto/facts.proto.
constexpr double kBatteryUsd = 326, kBatteryAgeing = 0.02, kBatteryWear = 6.5e-5;

void AddBatteryCost(const proto::Battery& battery, SiteSpec& spec,
                    std::vector<std::string>* notes) {
  BatterySpec& made = spec.battery;
  made.capital_usd_per_kwh = battery.has_capital() ? battery.capital() : kBatteryUsd;
  made.ageing = battery.has_ageing() ? battery.ageing() : kBatteryAgeing;
  made.wear = battery.has_wear() ? battery.wear() : kBatteryWear;
  if (!battery.lifetime().empty()) {
    made.lifetime = TimeOf(battery.lifetime());
  }
  const bool all = battery.has_capital() && battery.has_ageing() && battery.has_wear() &&
                   !battery.lifetime().empty();
  if (notes != nullptr && !all) {
    notes->push_back(
        fmt::format("{}.facility.battery: {:.4g} USD/kWh, written off in {:.3g} years; it loses "
                    "{:.3g} % of its "
                    "capacity a year and {:.2g} % each time that it gives all (estimate)",
                    spec.path, made.capital_usd_per_kwh, made.lifetime / kYear, 100 * made.ageing,
                    100 * made.wear));
  }
}

void AddBattery(const proto::Facility& facility, SiteSpec& spec, std::vector<std::string>* notes) {
  if (!facility.has_battery()) {
    return;
  }
  const proto::Battery& battery = facility.battery();
  spec.battery.capacity = Joules(SiOf(battery.capacity(), Dimension::kEnergy));
  spec.battery.power = PowerOf(battery.power());
  spec.battery.efficiency = battery.efficiency() > 0 ? battery.efficiency() : kRoundTrip;
  if (!battery.shave_above().empty()) {
    spec.battery.shave_above = PowerOf(battery.shave_above());
  }
  if (battery.has_discharge_above()) {
    spec.battery.discharge_above = battery.discharge_above();
  }
  if (battery.has_charge_below()) {
    spec.battery.charge_below = battery.charge_below();
  }
  AddBatteryCost(battery, spec, notes);
}

// The storage of checkpoints: as many units as its bandwidth takes, or so many as are said. Where
// nobody says of what, a share of one will do.
void AddStorage(const proto::Site& site, const Catalogue& catalogue, SiteSpec& spec,
                std::vector<std::string>* notes) {
  if (!site.storage_bandwidth().empty()) {
    spec.storage_bandwidth = BandwidthOf(site.storage_bandwidth());
  }
  const bool said = !site.storage().empty() || site.storage_units() > 0;
  const auto found =
      catalogue.storages.find(site.storage().empty() ? kUsualStorage : site.storage());
  if (found == catalogue.storages.end() || !(said || spec.storage_bandwidth > BytesPerSecond(0))) {
    return;
  }
  const proto::Storage& unit = *found->second.message;
  const double needed = spec.storage_bandwidth / BandwidthOf(unit.bandwidth());
  const double units = site.storage_units() > 0 ? site.storage_units()
                       : site.storage().empty() ? needed
                                                : std::max(1.0, std::ceil(needed - 1e-9));
  if (site.storage_bandwidth().empty()) {
    spec.storage_bandwidth = BandwidthOf(unit.bandwidth()) * units;
  }
  spec.storage_power = PowerOf(unit.power()) * units;
  if (notes != nullptr && site.storage().empty()) {
    notes->push_back(fmt::format("{}.storage: {:.3g} of {}, which draw {} (estimate)", spec.path,
                                 units, unit.name(), FormatWatts(spec.storage_power)));
  }
}

// Those that come later leave some for the beginning.
void AddDeliveries(const proto::Site& site, SiteSpec& spec) {
  for (const proto::Delivery& delivery : site.delivery()) {
    spec.deliveries.push_back({TimeOf(delivery.at()), delivery.servers()});
  }
  std::stable_sort(spec.deliveries.begin(), spec.deliveries.end(),
                   [](const DeliverySpec& a, const DeliverySpec& b) {
                     return a.at < b.at;
                   });
}

// By the time at which they leave: servers go by number, in this order.
void AddRetirements(const proto::Site& site, SiteSpec& spec) {
  for (const proto::Retirement& each : site.retirement()) {
    spec.retirements.push_back({TimeOf(each.at()), each.servers(),
                                each.has_resale() ? std::optional(each.resale()) : std::nullopt});
  }
  std::stable_sort(spec.retirements.begin(), spec.retirements.end(),
                   [](const RetirementSpec& a, const RetirementSpec& b) {
                     return a.at < b.at;
                   });
}

// The building: its PUE, how racks stand, and the caps on what they draw.
void AddFacility(const proto::Facility& facility, SiteSpec& spec) {
  if (!facility.power_cap().empty()) {
    spec.power_cap = PowerOf(facility.power_cap());
  }
  spec.servers_per_rack = facility.servers_per_rack();
  spec.racks_per_row = facility.racks_per_row();
  spec.rows_per_feed = facility.rows_per_feed();
  spec.rack_cap = facility.rack_cap().empty() ? Watts(0) : PowerOf(facility.rack_cap());
  spec.row_cap = facility.row_cap().empty() ? Watts(0) : PowerOf(facility.row_cap());
  spec.power_policy =
      facility.power_policy() == proto::QUEUE ? PowerPolicy::kQueue : PowerPolicy::kSlow;
}

}  // namespace

void AddAccounts(const proto::Site& site, const Catalogue& catalogue, SiteSpec& spec,
                 std::vector<std::string>& notes, bool of_life) {
  spec.pue = PueOf(site.facility(), catalogue, spec.path + ".facility", notes);
  AddFacility(site.facility(), spec);
  spec.electricity_usd_per_kwh = site.prices().electricity();
  spec.carbon_g_per_kwh = site.prices().carbon();
  std::vector<std::string>* told = of_life ? &notes : nullptr;
  AddStorage(site, catalogue, spec, told);
  AddOptics(site, catalogue, spec);
  AddCapital(site, catalogue, spec, told);
  AddOperation(site, spec, told);
  AddDeliveries(site, spec);
  AddRetirements(site, spec);
  AddProfile(site, spec);
  AddBattery(site.facility(), spec, told);
}

void CountOptics(const proto::Site& site, const Catalogue& catalogue, SiteSpec& spec,
                 std::vector<std::string>* notes) {
  if (StandsAlone(spec)) {
    return;
  }
  std::vector<OpticsUse> uses;
  Watts ends;  // as many as the capacity of all cables has bytes/s: each is counted at a joule
  try {
    SiteSpec counted = spec;
    counted.optics = JoulesPerByte(1);
    const auto topology = MakeTopology(counted);
    ends = PowerOfOptics(*topology);
    uses = OpticsOf(PartsWithOptics(catalogue, site.optics()),
                    CablesOutOfServers(*topology, FabricGraph(topology->wiring())));
  } catch (const UserError&) {
    return;  // a fabric that does not fit together is refused with the other problems
  }
  Watts power;
  std::string names;
  for (const OpticsUse& use : uses) {
    power += use.power();
    names += (names.empty() ? "" : ", ") + use.part.name;
  }
  if (ends > Watts(0)) {
    spec.optics = JoulesPerByte(power / ends);
  }
  if (notes != nullptr && site.optics().empty() && !names.empty()) {
    notes->push_back(spec.path + ".optics: " + names + " at both ends of all cables");
  }
}

}  // namespace gridlock
