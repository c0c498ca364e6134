#include "sim/builds/build_table.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "sim/base/numbers.h"
#include "sim/report/json.h"
#include "sim/report/layout.h"

namespace gridlock {

namespace {

bool Finished(const Build& build) {
  return build.figures.days >= 0;
}

bool IsBound(const Build& build) {
  return build.problem.empty() && !build.figures.simulated;
}

/// As it was asked for.
std::string Amount(double value) {
  return FormatAmount(value, 4);
}

std::string Days(const Build& build, double tokens) {
  return Finished(build) ? fmt::format("{:.1f}", build.figures.days)
                         : fmt::format("{:.0f} %", 100 * build.figures.tokens / tokens);
}

void AddRow(std::string& out, int rank, const BuildAsked& asked, const Build& build) {
  const BuildFigures& figures = build.figures;
  out += fmt::format(
      "{:<3}{:<12}{:>9}{:>8}{:>6}:1{:>10}{:>8}{:>8.1f}{:>8.1f}{:>7.3g}{:>7.3g}{:>9.4g}{:>8.3g}\n",
      fmt::format("{}{}", rank, figures.simulated ? "" : "~"), build.parts.accelerator,
      build.size.servers * build.parts.per_server, build.size.spares, build.parts.oversubscription,
      fmt::format("{:.0f} s", build.size.checkpoint_s), Days(build, asked.tokens),
      100 * figures.ettr, 100 * figures.mfu, figures.mean_mw, figures.peak_mw,
      build.dollars() / 1e6, figures.run_usd_per_million);
}

std::string Demand(const BuildAsked& asked) {
  std::string text = fmt::format("{} tokens of {}", Amount(asked.tokens), asked.model);
  text += asked.experiments > 0 ? fmt::format(", {} experiments of {:.3g} times its compute",
                                              asked.experiments, asked.experiment_compute)
                                : "";
  text += asked.users > 0
              ? fmt::format(", {} users a day of {}", Amount(asked.users), asked.serving_model)
              : "";
  return text;
}

}  // namespace

bool IsBetter(const Build& a, const Build& b) {
  const auto key = [](const Build& build) {
    return std::tuple(!build.problem.empty(), !Finished(build),
                      Finished(build) ? build.figures.days : -build.figures.tokens,
                      build.dollars());
  };
  return key(a) < key(b);
}

void Rank(std::vector<Build>& builds) {
  std::stable_sort(builds.begin(), builds.end(), IsBetter);
}

std::string Binds(const BuildAsked& asked, const Build& build) {
  std::string text = build.binds == "power" ? "power: the boards' limits fill the contract"
                                            : "dollars: capital, energy and operation fill the "
                                              "budget";
  if (build.size.capped) {
    text = "power: slower clocks keep the contract";
  }
  if (build.binds == "power" && asked.dollars > 0) {
    text +=
        fmt::format("; {:.0f} % of the dollars are used", 100 * build.dollars() / asked.dollars);
  }
  if (build.binds == "dollars" && asked.megawatts > 0) {
    text += fmt::format("; at its peak {:.0f} % of the power is used",
                        100 * build.figures.peak_mw / asked.megawatts);
  }
  if (!Finished(build)) {
    text += fmt::format("; time: {:.0f} % of the tokens by the horizon",
                        100 * build.figures.tokens / asked.tokens);
  }
  if (Finished(build) && build.figures.days < asked.horizon_days / 2 && asked.experiments == 0 &&
      asked.users <= 0) {
    text += fmt::format("; time to spare: about {} accelerators would do it by the horizon",
                        Grouped(ThreeDigits(static_cast<double>(build.accelerators) *
                                            build.figures.days / asked.horizon_days)));
  }
  if (build.users_served < 1) {
    text += fmt::format("; servers: the fleet has replicas for {:.0f} % of the users",
                        100 * build.users_served);
  }
  return text;
}

std::string BuildsText(const BuildAsked& asked, const std::vector<Build>& builds) {
  std::string out = fmt::format(
      "builds for {}{}{} over {:.4g} days: {}\n\n",
      asked.megawatts > 0 ? fmt::format("{:.4g} MW", asked.megawatts) : "",
      asked.megawatts > 0 && asked.dollars > 0 ? " and " : "",
      asked.dollars > 0 ? Amount(asked.dollars) + " USD" : "", asked.horizon_days, Demand(asked));
  out += fmt::format("{:<3}{:<12}{:>9}{:>8}{:>8}{:>10}{:>8}{:>8}{:>8}{:>7}{:>7}{:>9}{:>8}\n", "#",
                     "part", "parts", "spares", "spines", "saved", "days", "ETTR %", "MFU %", "MW",
                     "peak", "M USD", "USD/M");
  int rank = 0;
  for (const Build& build : builds) {
    if (build.problem.empty()) {
      AddRow(out, ++rank, asked, build);
    }
  }
  rank = 0;
  for (const Build& build : builds) {
    const std::string where = build.file.empty() ? "" : ", " + build.file;
    if (!build.problem.empty()) {
      out += fmt::format("\nnot built: {}, {}:1: {}", build.parts.accelerator,
                         build.parts.oversubscription, build.problem);
      continue;
    }
    out += fmt::format("\n{}  {} on {} of {} servers {}{}\n   binds: {}", ++rank, build.layout,
                       (build.accelerators + build.parts.per_server - 1) / build.parts.per_server,
                       build.size.servers, build.parts.server, where, Binds(asked, build));
    if (!std::isnan(build.figures.waiting_h)) {
      out += fmt::format("\n   {:.0f} experiments finished, median wait {:.1f} h",
                         build.figures.experiments_done, build.figures.waiting_h);
    }
    if (!std::isnan(build.figures.good_share)) {
      out += fmt::format("\n   {:.1f} % of the requests within 2 s and 60 ms",
                         100 * build.figures.good_share);
    }
  }
  return out +
         "\n\ndays: until the final run is done, or the share of it that is done at the horizon.\n"
         "spines: oversubscription towards the spines; above them where there are several pods.\n"
         "saved: time between checkpoints, sqrt(2 w M) of Young 1974. MW, peak: PUE included.\n"
         "M USD: capital of the whole site, and energy and operation (staff, repairs, taxes) "
         "until\n"
         "the horizon. USD/M: the same of what the run held, while it held it, with capital\n"
         "written off over four years, for each million tokens of it.\n"
         "Failures, repairs, PUE, prices and storage are assumed as the scenarios say.\n" +
         (std::any_of(builds.begin(), builds.end(), IsBound)
              ? "~: its steps are closed forms, without contention: it is not better than this, "
                "nor than\n"
                "simulated ones above it. `--simulate N` simulates the steps of the best N, as "
                "run does.\n"
              : "");
}

std::string BuildsJson(const BuildAsked& asked, const std::vector<Build>& builds) {
  JsonWriter json;
  json.BeginObject();
  json.Member("megawatts", asked.megawatts);
  json.Member("dollars", asked.dollars);
  json.Member("horizon_days", asked.horizon_days);
  json.Member("tokens", asked.tokens);
  json.Objects("builds", builds, [&](const Build& build) {
    json.Member("accelerator", build.parts.accelerator);
    json.Member("server", build.parts.server);
    json.Member("spine_oversubscription", build.parts.oversubscription);
    json.Member("problem", build.problem);
    json.Member("servers", build.size.servers);
    json.Member("accelerators", build.size.servers * build.parts.per_server);
    json.Member("spare_servers", build.size.spares);
    json.Member("fleet_servers", build.size.fleet);
    json.Member("users_served", build.users_served);
    json.Member("run_accelerators", build.accelerators);
    json.Member("layout", build.layout);
    json.Member("checkpoint_interval_s", build.size.checkpoint_s);
    json.Member("keeps_a_power_cap", build.size.capped);
    json.Member("budget_binds", build.binds);
    json.Member("binds", build.problem.empty() ? Binds(asked, build) : "");
    json.Member("days", build.figures.days >= 0 ? build.figures.days : std::nan(""));
    json.Member("tokens", build.figures.tokens);
    json.Member("ettr", build.figures.ettr);
    json.Member("holding_mfu", build.figures.mfu);
    json.Member("experiments_finished", build.figures.experiments_done);
    json.Member("experiments_waiting_median_h", build.figures.waiting_h);
    json.Member("requests_good_share", build.figures.good_share);
    json.Member("mean_mw", build.figures.mean_mw);
    json.Member("peak_mw", build.figures.peak_mw);
    json.Member("capital_usd", build.figures.capital_usd);
    json.Member("energy_usd", build.figures.energy_usd);
    json.Member("operation_usd", build.figures.operation_usd);
    json.Member("run_usd_per_million_tokens", build.figures.run_usd_per_million);
    json.Member("scenario", build.file);
    json.Member("steps_simulated", build.figures.simulated);
    json.Member("fingerprint", build.figures.fingerprint);
  });
  json.EndObject();
  return json.Finish();
}

}  // namespace gridlock
