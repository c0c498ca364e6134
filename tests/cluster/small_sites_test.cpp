// Lives of the smallest sites, as a user writes them: failures that take most of what there is, a
// tariff by the hour, and a cap in dear hours.

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "sim/scenario/point.h"
#include "tests/cluster/lives.h"

namespace gridlock {
namespace {

constexpr double kHalfHour = kHour / 2;

// Cents for a kilowatt-hour from some half-hours of a day on, and before the first of them. Two
// such times repeat each day, and so do more of them that are not equally far apart.
struct Tariff {
  std::vector<int> from;  // half-hours
  std::vector<int> cents;
  std::optional<int> before;

  [[nodiscard]] double At(double time) const {
    const int now = static_cast<int>(time / kHalfHour) % 48;
    const auto after = std::upper_bound(from.begin(), from.end(), now);
    if (after == from.begin()) {
      return before.value_or(cents.back()) / 100.0;
    }
    return cents[static_cast<std::size_t>(after - from.begin()) - 1] / 100.0;
  }

  [[nodiscard]] std::string Text() const {
    std::string text = before ? fmt::format("prices {{ electricity: {} }}", *before / 100.0) : "";
    for (std::size_t i = 0; i < from.size(); ++i) {
      text +=
          fmt::format(" hour {{ at: \"{} h\" electricity: {} }}", from[i] / 2.0, cents[i] / 100.0);
    }
    return text;
  }
};

Tariff AnyTariff() {
  Tariff tariff;
  const int first = *rc::gen::inRange(0, 40);
  tariff.from = {first, *rc::gen::inRange(first + 1, 44)};
  if (*rc::gen::arbitrary<bool>()) {
    const int gap = tariff.from[1] - first;
    const int third = *rc::gen::inRange(tariff.from[1] + 1, 48);
    tariff.from.push_back(third == tariff.from[1] + gap ? third - 1 : third);
    tariff.from.resize(tariff.from[2] > tariff.from[1] ? 3 : 2);
  }
  for (std::size_t i = 0; i < tariff.from.size(); ++i) {
    tariff.cents.push_back(*rc::gen::inRange(1, 40));
  }
  if (first > 0 && *rc::gen::arbitrary<bool>()) {
    tariff.before = *rc::gen::inRange(1, 40);
  }
  return tariff;
}

constexpr double kDear = 0.2;  // USD/kWh

struct SmallLife {
  Tariff tariff;
  int servers = 1;
  double cap = 0;  // in dear hours, W; 0: none

  [[nodiscard]] Scenario Build() const {
    const std::string response =
        cap > 0 ? fmt::format(
                      "facility {{ demand_response {{ price_above: {} power_cap: \"{} W\" }} }}",
                      kDear, cap)
                : "";
    const std::string text = fmt::format(R"(schema_version: 1
name: "small"
seed: {}
horizon: "2 days"
recording {{ interval: "30 min" }}
site {{ name: "hall" server: "dgx_h100" servers: {} storage_bandwidth: "4 GB/s" {} {} }}
reliability {{ server_mtbf: "2 days" repair_time: "1 h" restart_time: "60 s"
  lemons {{ share: 0.5 failures: {} }} }}
job {{ pretraining {{ model: "llama_3.1_8b" stack: "megatron_core"
  layout {{ tensor: 8 pipeline: 1 data: 1 sequence_parallel: true }}
  global_batch: 8 sequence_length: 8192 steps: 1000000 checkpoint_interval: "1 h" }} }}
)",
                                         *rc::gen::inRange(1, 1000), servers, response,
                                         tariff.Text(), *rc::gen::element(0.5, 0.6, 0.999));
    return ScenarioBase("small", text, {}).At({});
  }
};

// A life ends, its dollars are those of each half-hour, and the cap of dear hours is kept.
RC_GTEST_PROP(SmallSites, LiveToTheEndAndPayByTheHour, ()) {
  SmallLife life{AnyTariff(), *rc::gen::inRange(1, 5)};
  life.cap = *rc::gen::arbitrary<bool>() ? 3500.0 * life.servers + *rc::gen::inRange(0, 4000) : 0;
  const std::string broken = Live(life.Build(), TenSeconds, [&](const LifeRecord& record) {
    const LifeSite& site = record.sites[0];
    std::string says;
    double usd = 0;
    for (std::size_t t = 0; t < site.power.size(); ++t) {
      const double price = life.tariff.At(static_cast<double>(t) * kHalfHour);
      usd += site.power[t] * kHalfHour / 3.6e6 * price;
      if (life.cap > 0 && price > kDear && site.power[t] > life.cap * (1 + 1e-9)) {
        says += fmt::format("{} W in half-hour {}\n", site.power[t], t);
      }
    }
    return says + Differ("half-hours", static_cast<double>(site.power.size()), 96) +
           Differ("dollars", site.cost_usd, usd, 1e-6);
  });
  RC_ASSERT(broken == "");
}

}  // namespace
}  // namespace gridlock
