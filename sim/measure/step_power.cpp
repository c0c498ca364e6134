#include "sim/measure/step_power.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "sim/base/check.h"

namespace gridlock {

namespace {

double SumOver(const std::vector<double>& rates, const std::vector<double>& widths) {
  return std::inner_product(rates.begin(), rates.end(), widths.begin(), 0.0);
}

// Adds `energy` to the watts of the intervals, in proportion to `rates`; evenly where there are
// none.
void Deal(Joules energy, const std::vector<double>& rates, const std::vector<double>& widths,
          std::vector<double>& watts) {
  const double sum = SumOver(rates, widths);
  const double time = std::accumulate(widths.begin(), widths.end(), 0.0);
  for (std::size_t i = 0; i < watts.size(); ++i) {
    watts[i] += energy.si() * (sum > 0 ? rates[i] / sum : 1 / time);
  }
}

// The argument from `low` on at which a rising function reaches `wanted`; `high` where it does not.
double WhereReached(double low, double high, double wanted,
                    const std::function<double(double)>& rising) {
  constexpr int kHalvings = 60;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (low + high) / 2;
    (rising(middle) < wanted ? low : high) = middle;
  }
  return high;
}

// Intervals above `most` hand what they have too much to the others, in proportion to what these
// have.
void KeepBelow(double most, const std::vector<double>& widths, std::vector<double>& watts) {
  if (*std::max_element(watts.begin(), watts.end()) <= most) {
    return;
  }
  const auto clipped = [&](double scale) {
    std::vector<double> out;
    for (const double each : watts) {
      out.push_back(std::min(most, each * scale));
    }
    return out;
  };
  constexpr double kMostScale = 1e6;
  const double scale = WhereReached(1, kMostScale, SumOver(watts, widths), [&](double by) {
    return SumOver(clipped(by), widths);
  });
  watts = clipped(scale);
}

// By how much boards of an interval are below their floor, or with a ramp below what they draw at
// work: they either wait or draw that. `above` is what all draw above waiting.
std::vector<double> MissingToFloor(const PowerSpec& power, double count, double at_work,
                                   const std::vector<double>& above) {
  const double to_floor = std::max(0.0, (power.floor - power.held()).si());
  const double missing =
      power.ramp_down > WattsPerSecond(0) ? std::max(to_floor, at_work) : to_floor;
  std::vector<double> out;
  for (const double each : above) {
    const double working = at_work > 0 ? std::min(1.0, each / (at_work * count)) : 0.0;
    out.push_back((1 - working) * missing + working * std::max(0.0, missing - at_work));
  }
  return out;
}

}  // namespace

std::vector<double> PowerOverStep(const StepEnergy& energy, const ServerSpec& server,
                                  std::int64_t accelerators, Seconds busy, const StepLoads& loads) {
  CHECK(!loads.widths.empty());
  const PowerSpec& power = server.accelerator.power;
  const auto count = static_cast<double>(accelerators);
  std::vector<double> above(loads.widths.size(), 0.0);
  Deal(energy.flop, loads.flop, loads.widths, above);
  Deal(energy.hbm, loads.hbm, loads.widths, above);
  Deal(energy.links, loads.links, loads.widths, above);
  KeepBelow(std::max(0.0, (power.limit - power.held()).si()) * count, loads.widths, above);
  if (energy.burned > Joules(0)) {
    const double at_work = busy > Seconds(0) ? (energy.flop + energy.hbm).si() / busy.si() : 0.0;
    const std::vector<double> missing = MissingToFloor(power, count, at_work, above);
    Deal(energy.burned, missing, loads.widths, above);
  }
  const double rest = count * power.held().si() +
                      count / server.accelerators * server.overhead_power.si() +
                      count * (power.held() - power.idle).si() * server.overhead_per_watt;
  for (double& each : above) {
    each = rest + each * (1 + server.overhead_per_watt);
  }
  return above;
}

namespace {

// A band of the supply's power, and the storage that it takes.
struct Band {
  double low = 0, high = 0;
  double needed = 0;  ///< joules
};

// Below `high`, filled as fast as is needed to give what is above it.
Band BandBelow(double high, const std::vector<double>& power, const std::vector<double>& widths) {
  const auto taken_at = [&](double low) {
    double taken = 0;
    for (std::size_t i = 0; i < power.size(); ++i) {
      taken += std::max(0.0, low - power[i]) * widths[i];
    }
    return taken;
  };
  double given = 0;
  for (std::size_t i = 0; i < power.size(); ++i) {
    given += std::max(0.0, power[i] - high) * widths[i];
  }
  Band band{WhereReached(*std::min_element(power.begin(), power.end()), high, given, taken_at),
            high};
  double stored = 0, least = 0, most = 0;
  for (std::size_t i = 0; i < power.size(); ++i) {
    stored += (std::clamp(power[i], band.low, high) - power[i]) * widths[i];
    least = std::min(least, stored);
    most = std::max(most, stored);
  }
  band.needed = most - least;
  return band;
}

}  // namespace

std::vector<double> EvenedOut(const std::vector<double>& power, const std::vector<double>& widths,
                              Joules capacity) {
  if (capacity <= Joules(0) || power.size() < 2) {
    return power;
  }
  const double time = std::accumulate(widths.begin(), widths.end(), 0.0);
  const double mean = SumOver(power, widths) / time;
  const double high = WhereReached(mean, *std::max_element(power.begin(), power.end()),
                                   -capacity.si(), [&](double at) {
                                     return -BandBelow(at, power, widths).needed;
                                   });
  const Band band = BandBelow(high, power, widths);
  std::vector<double> evened;
  for (const double each : power) {
    evened.push_back(std::clamp(each, band.low, band.high));
  }
  return evened;
}

}  // namespace gridlock
