#include "sim/report/seeds.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <boost/math/distributions/students_t.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/record/life_measures.h"
#include "sim/report/json.h"
#include "sim/report/life_figures.h"

namespace gridlock {

namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
constexpr double kPerCent = 100;
constexpr double kJoulesPerMegawattHour = 3.6e9;
constexpr double kWattsPerMegawatt = 1e6;

void AddRun(const LifeJob& job, const LifeRecord& record, std::vector<KeyFigure>& figures) {
  const auto add = [&](const char* what, const char* unit, double value) {
    figures.push_back({job.name + ": " + what, unit, value});
  };
  add("ETTR", "%", kPerCent * Ettr(job, record));
  add("tokens", "", job.tokens);
  add("interruptions", "", job.interruptions);
  add("time between interruptions", "h",
      Per(SumOfTimes(job) - job.waiting, job.interruptions).si() / kSecondsPerHour);
  add("lost and restarting", "%", kPerCent * ((job.lost + job.restarting) / WallTime(job, record)));
  add("waiting", "%", kPerCent * (job.waiting / WallTime(job, record)));
  add("energy in its servers", "MWh", job.energy.si() / kJoulesPerMegawattHour);
  add("cost", "USD", job.cost_usd + job.capital_usd + job.operation_usd);
}

void AddFleet(const LifeJob& fleet, const LifeRecord& record, std::vector<KeyFigure>& figures) {
  double completed = 0, good = 0;
  for (const LifeRequests& group : record.requests) {
    if (group.fleet == fleet.name && group.completed > 0) {
      completed += group.completed;
      good += group.completed * group.good_share;
    }
  }
  figures.push_back({fleet.name + ": tokens", "", fleet.tokens});
  figures.push_back({fleet.name + ": good requests", "%",
                     completed > 0 ? kPerCent * good / completed : kNothing});
}

void AddSite(const LifeSite& site, const LifeRecord& record, std::vector<KeyFigure>& figures) {
  const auto add = [&](const char* what, const char* unit, double value) {
    figures.push_back({site.name + ": " + what, unit, value});
  };
  const auto all = static_cast<double>(site.accelerators);
  add("idle", "%", kPerCent * MeanOf(record, site.idle) / all);
  add("down", "%", kPerCent * MeanOf(record, site.down) / all);
  add("mean power", "MW", MeanPower(site, record).si() / kWattsPerMegawatt);
  add("peak power", "MW", site.peak_power.si() / kWattsPerMegawatt);
  add("energy", "MWh", site.energy.si() / kJoulesPerMegawattHour);
  add("cost", "USD", site.cost_usd + site.capital_usd + site.operation_usd);
}

}  // namespace

std::vector<KeyFigure> KeyFiguresOf(const LifeRecord& record) {
  std::vector<KeyFigure> figures;
  for (const LifeJob& job : record.jobs) {
    if (job.kind == JobKind::kPretraining) {
      AddRun(job, record, figures);
    } else if (job.kind == JobKind::kServing) {
      AddFleet(job, record, figures);
    }
  }
  for (const CampaignFigures& campaign : CampaignsOf(record)) {
    const std::string name = campaign.name.empty() ? "experiments" : campaign.name;
    const auto ended = campaign.outcomes[static_cast<int>(Outcome::kFinished)];
    figures.push_back({name + ": finished", "", static_cast<double>(ended)});
    figures.push_back(
        {name + ": median wait", "h", campaign.waiting_median.si() / kSecondsPerHour});
    figures.push_back({name + ": cost each", "USD", campaign.usd_each()});
  }
  for (const LifeSite& site : record.sites) {
    AddSite(site, record, figures);
  }
  figures.push_back({"queue", "jobs", MeanOf(record, record.series.queue_jobs)});
  return figures;
}

double StudentT95(int degrees) {
  CHECK(degrees > 0);
  return boost::math::quantile(boost::math::complement(boost::math::students_t(degrees), 0.025));
}

std::vector<FigureSpread> SpreadOf(const std::vector<std::vector<KeyFigure>>& lives) {
  std::vector<FigureSpread> spreads;
  for (std::size_t f = 0; !lives.empty() && f < lives.front().size(); ++f) {
    FigureSpread spread{lives.front()[f].name, lives.front()[f].unit};
    std::vector<double> values;
    for (const std::vector<KeyFigure>& life : lives) {
      CHECK(life.size() == lives.front().size());
      if (std::isfinite(life[f].value)) {
        values.push_back(life[f].value);
      }
    }
    spread.lives = static_cast<int>(values.size());
    if (values.empty()) {
      continue;
    }
    for (const double value : values) {
      spread.mean += value / spread.lives;
    }
    constexpr double kRounding = 1e-12;
    double squares = 0;
    for (const double value : values) {
      const double off = std::abs(value - spread.mean);
      squares += off > kRounding * std::abs(spread.mean) ? off * off : 0.0;
    }
    spread.deviation = spread.lives > 1 ? std::sqrt(squares / (spread.lives - 1)) : kNothing;
    spread.half_width = spread.lives > 1 ? StudentT95(spread.lives - 1) * spread.deviation /
                                               std::sqrt(static_cast<double>(spread.lives))
                                         : kNothing;
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    spread.least = *least;
    spread.most = *most;
    spreads.push_back(spread);
  }
  return spreads;
}

std::string SeedsText(const std::string& scenario, const std::vector<FigureSpread>& figures,
                      int lives, std::uint64_t first_seed) {
  std::size_t width = 6;
  for (const FigureSpread& figure : figures) {
    width = std::max(width, figure.name.size() + figure.unit.size() + 2);
  }
  std::string text = fmt::format("{}: {} lives, seeds {} to {}\n\n", scenario, lives, first_seed,
                                 first_seed + static_cast<std::uint64_t>(lives) - 1);
  text += fmt::format("{:<{}}  {:>11} {:>11} {:>11} {:>11} {:>11}\n", "figure", width, "mean",
                      "+- 95 %", "deviation", "least", "most");
  const auto number = [](double value) {
    return std::isfinite(value) ? fmt::format("{:.5g}", value) : std::string("-");
  };
  for (const FigureSpread& f : figures) {
    text += fmt::format("{:<{}}  {:>11} {:>11} {:>11} {:>11} {:>11}\n",
                        f.name + (f.unit.empty() ? "" : ", " + f.unit), width, number(f.mean),
                        number(f.half_width), number(f.deviation), number(f.least), number(f.most));
  }
  return text +
         "\n+- 95 %: half the width of the confidence interval of the mean (Student's t); "
         "deviation, least\nand most are of single lives.\n";
}

std::string SeedsJson(const std::string& scenario, const std::vector<FigureSpread>& figures,
                      int lives, std::uint64_t first_seed) {
  JsonWriter json;
  json.BeginObject();
  json.Member("scenario", scenario);
  json.Member("lives", std::int64_t{lives});
  json.Member("first_seed", std::to_string(first_seed));
  json.Objects("figures", figures, [&json](const FigureSpread& figure) {
    json.Member("name", figure.name);
    json.Member("unit", figure.unit);
    json.Member("lives", std::int64_t{figure.lives});
    json.Member("mean", figure.mean);
    json.Member("half_width_95", figure.half_width);
    json.Member("deviation", figure.deviation);
    json.Member("least", figure.least);
    json.Member("most", figure.most);
  });
  json.EndObject();
  return json.Finish();
}

}  // namespace gridlock
