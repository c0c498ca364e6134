#include "sim/report/life_words.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "sim/record/life_measures.h"
#include "sim/report/layout.h"

namespace gridlock {
namespace {

constexpr const char* kUnknown = "n/a";

/// "36,500 USD, 12 t CO2"; what is not known is left out.
std::string CostText(double usd, double kg) {
  std::string text;
  if (usd > 0.0 || usd < 0.0) {
    text = fmt::format("{} USD", Grouped(usd, std::abs(usd) < 100.0 ? 2 : 0));
  }
  if (kg > 0.0) {
    text +=
        (text.empty() ? "" : ", ") + fmt::format("{} t CO2", Grouped(kg / 1e3, kg < 1e5 ? 2 : 0));
  }
  return text;
}

}  // namespace

std::string Counted(std::int64_t count, const std::string& what) {
  return Grouped(static_cast<double>(count)) + " " + what + (count == 1 ? "" : "s");
}

std::string ShortNumber(double value) {
  if (!std::isfinite(value)) {
    return kUnknown;
  }
  static constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T", "P", "E", "Z", "Y"};
  double rest = ThreeDigits(value);
  std::size_t prefix = 0;
  for (; std::abs(rest) >= 1000.0 && prefix + 1 < std::size(kPrefixes); ++prefix) {
    rest /= 1000.0;
  }
  return fmt::format("{:.3g}{}", rest, kPrefixes[prefix]);
}

std::string TimeText(Seconds time) {
  return std::isfinite(time.si()) ? FormatSeconds(time) : kUnknown;
}

std::string PowerText(Watts power) {
  return std::isfinite(power.si()) ? FormatWatts(Watts(ThreeDigits(power.si()))) : kUnknown;
}

std::string Clock(Seconds at) {
  constexpr auto kDay = static_cast<long long>(kSecondsPerDay);
  const auto seconds = std::llround(at.si());
  std::string time = fmt::format("{:02}:{:02}", seconds % kDay / 3600, seconds / 60 % 60);
  if (seconds % 60 != 0) {
    time += fmt::format(":{:02}", seconds % 60);
  }
  return seconds < kDay ? time : fmt::format("{} d {}", seconds / kDay, time);
}

std::string EnergyText(Joules energy) {
  const double kwh = ThreeDigits(energy.si() / kJoulesPerKilowattHour);
  const double magnitude = std::abs(kwh);
  return !std::isfinite(kwh)  ? kUnknown
         : magnitude < 1e3    ? fmt::format("{:.3g} kWh", kwh)
         : magnitude < 0.99e6 ? fmt::format("{:.3g} MWh", kwh / 1e3)
                              : fmt::format("{} GWh", Grouped(kwh / 1e6, kwh < 10e6 ? 2 : 0));
}

std::string EnergyCost(Joules energy, bool estimate, double usd, double kg) {
  const std::string cost = CostText(usd, kg);
  return EnergyText(energy) + (estimate ? " (estimate)" : "") + (cost.empty() ? "" : ", " + cost);
}

std::string JobEnergyCost(Joules energy, Joules with_pue, bool estimate, double usd, double kg) {
  const std::string cost = CostText(usd, kg);
  const std::string text = EnergyText(energy) + (estimate ? " (estimate)" : "") + " in its servers";
  if (!(with_pue > Joules(0.0))) {
    return text + (cost.empty() ? "" : "; with PUE " + cost);
  }
  return text + ", " + EnergyText(with_pue) + " with PUE" + (cost.empty() ? "" : ": " + cost);
}

std::string MoneyText(double energy_usd, double capital_usd, double operation_usd) {
  const double all = energy_usd + capital_usd + operation_usd;
  const auto share = [all](double usd) {
    return fmt::format("{:.1f} %", 100 * usd / all);
  };
  const std::string operation =
      operation_usd > 0.0 ? ", " + share(operation_usd) + " operation" : "";
  return fmt::format("{} USD: {} energy, {} capital{} (estimate)",
                     Grouped(all, std::abs(all) < 100.0 ? 2 : 0), share(energy_usd),
                     share(capital_usd), operation);
}

std::string Percentiles(double p50, double p90, double p99) {
  if (!std::isfinite(p99)) {
    return "n/a";
  }
  const ColumnUnit unit = p99 < 1000.0        ? TimeUnit(Seconds(p99))
                          : p99 < 1000.0 * 60 ? ColumnUnit{60.0, "min"}
                                              : ColumnUnit{kSecondsPerHour, "h"};
  const auto digits = [&unit](double value) {
    return fmt::format("{:.4g}", ThreeDigits(value / unit.si));
  };
  return digits(p50) + "/" + digits(p90) + "/" + digits(p99) + " " + unit.name;
}

std::string RecoveryText(const LifeJob& job) {
  std::string text;
  if (job.moves > 0) {
    text += "; moved " + Counted(job.moves, "time");
  }
  if (job.memory_restarts > 0) {
    text += "; " + Counted(job.memory_restarts, "restart") + " from memory";
  }
  if (job.survivor_restarts > 0) {
    text += "; " + Counted(job.survivor_restarts, "restart") + " from replicas that were left";
  }
  if (job.shrunk > Seconds(0.0)) {
    text += "; " + TimeText(job.shrunk) + " with fewer replicas";
  }
  return text;
}

std::string BindingLines(const LifeRecord& record, const std::string& fleet) {
  const auto group =
      std::find_if(record.requests.begin(), record.requests.end(), [&](const LifeRequests& each) {
        return each.fleet == fleet;
      });
  if (group == record.requests.end() || group->waits_for.empty()) {
    return "";
  }
  std::string lines = Line(
      "  what binds", fmt::format("{}, {:.1f} % of the time that replicas "
                                  "work: {}",
                                  group->waits_for, 100 * group->waits_share, group->waits_remedy));
  lines += Line("  iterations", fmt::format("mostly {}, {:.1f} %: {}", group->time_for,
                                            100 * group->time_share, group->time_remedy));
  if (group->moved > Bytes(0)) {
    lines += Line("  caches", FormatBytes(group->moved) + " moved between its pools");
  }
  return lines;
}

std::string NetworkLine(const LifeRequests& group) {
  return group.network > Seconds(0)
             ? fmt::format(
                   "      {} of each time to first token is the way to its site and back, "
                   "on average\n",
                   FormatSeconds(Seconds(ThreeDigits(group.network.si()))))
             : "";
}

std::string CapText(const LifeRecord& record, const LifeSite& site) {
  std::vector<double> caps;
  std::copy_if(site.power_cap.begin(), site.power_cap.end(), std::back_inserter(caps),
               [](double cap) {
                 return std::isfinite(cap);
               });
  if (caps.empty()) {
    return "no cap";
  }
  const auto [least, most] = std::minmax_element(caps.begin(), caps.end());
  const std::string to = *least < *most * (1 - 1e-6) ? " to " + PowerText(Watts(*most)) : "";
  return "capped at " + PowerText(Watts(*least)) + to +
         fmt::format(", at the cap {} of the capped time", Percent(MeanOf(record, AtCap(site))));
}

std::string RentText(const LifeSite& site) {
  const auto part = [](double usd, const char* what) {
    return usd != 0.0 ? fmt::format(", {} USD of it {}", Grouped(usd, 0), what) : std::string();
  };
  return part(site.wan_rent_usd, "rent of WAN links") +
         part(site.wan_traffic_usd, "bytes over WAN links") +
         part(site.sales_usd, site.sales_usd > 0.0 ? "book value lost with servers that left"
                                                   : "of servers sold above their book value");
}

std::string BatteryText(const LifeRecord& record, const LifeSite& site) {
  const std::string capital =
      site.battery_capital_usd > 0.0
          ? fmt::format("; {} USD of capital", Grouped(site.battery_capital_usd, 0))
          : "";
  return fmt::format(
      "{} taken and {} given by one of {}, {} full on average, least {}, {} of its "
      "capacity lost at the end{}",
      EnergyText(site.battery_charged), EnergyText(site.battery_discharged),
      EnergyText(site.battery_capacity),
      Percent(MeanOf(record, site.battery_stored) / site.battery_capacity.si()),
      Percent(site.battery_least / site.battery_capacity),
      fmt::format("{:.3g} %", 100 * (site.battery_faded / site.battery_capacity)), capital);
}

std::string OutcomeText(Outcome outcome) {
  return outcome == Outcome::kNotSubmitted ? "not submitted" : NameOf(outcome);
}

std::string Joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    text += (text.empty() ? "" : ", ") + part;
  }
  return text;
}

}  // namespace gridlock
