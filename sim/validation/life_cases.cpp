#include "sim/validation/life_cases.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "sim/base/archive.h"
#include "sim/base/names.h"
#include "sim/process/pool.h"
#include "sim/record/life_measures.h"
#include "sim/scenario/point.h"
#include "sim/schema/rules.h"
#include "sim/validation/case_stack.h"
#include "sim/validation/life_texts.h"
#include "sim/validation/row_numbers.h"
#include "workloads/memory.h"

namespace gridlock {

namespace {

constexpr double kPerCent = 100;
constexpr double kStorage = 2e12;  // bytes/s, Llama 3, arXiv:2407.21783, section 3.3.1
constexpr int kServer = 8;

constexpr std::array kLifeKinds = {"reliability", "power", "multi_dc"};

void NotSimulated(MeasuredResult& result, const std::string& reason) {
  result.status = CaseStatus::kUnsupported;
  result.reason = reason;
}

// The catalogue's name of an accelerator that a row names in its own way.
std::string AcceleratorOf(const CatalogueList& catalogue, const std::string& written) {
  const auto alias = catalogue.accelerator_aliases.find(written);
  if (alias != catalogue.accelerator_aliases.end()) {
    return alias->second;
  }
  const std::string text = LowerCase(written);
  const auto& parts = catalogue.accelerators;
  return std::binary_search(parts.begin(), parts.end(), text) ? text : PartInWords(text);
}

// The server of eight of a row's accelerator; "" where there is none.
std::string ServerOf(const CatalogueList& catalogue, const std::string& written) {
  const std::string accelerator = AcceleratorOf(catalogue, written);
  for (const CatalogueServer& server : catalogue.servers) {
    if (server.accelerator == accelerator && server.accelerators == kServer) {
      return server.name;
    }
  }
  return "";
}

std::string ServerOfEight(const CatalogueList& catalogue, MeasuredResult& result) {
  const std::string written = result.row.Text("accelerator");
  std::string server = ServerOf(catalogue, written);
  if (server.empty()) {
    NotSimulated(result, fmt::format("no server of eight has the accelerator {}{}", Quoted(written),
                                     DidYouMean(written, NamesOf(catalogue).accelerators)));
  }
  return server;
}

// For failures: of those only a rate and a count matter, so that a DGX H100 stands for any machine.
std::string ServerThatFails(const CatalogueList& catalogue, MeasuredResult& result) {
  const std::string written = result.row.Text("accelerator");
  const std::string meant = AcceleratorNamed(catalogue, LowerCase(written));
  const auto& parts = catalogue.accelerators;
  const bool known = std::binary_search(parts.begin(), parts.end(), meant);
  return known && ServerOf(catalogue, written).empty() ? "dgx_h100"
                                                       : ServerOfEight(catalogue, result);
}

const char* StandIn(const CatalogueList& catalogue, const MeasuredResult& result) {
  return ServerOf(catalogue, result.row.Text("accelerator")).empty() ? "; on DGX H100" : "";
}

// A factor from the unit of a row; nothing after saying that it is none.
std::optional<double> UnitOf(MeasuredResult& result, std::optional<double> factor,
                             const char* what) {
  if (!factor) {
    NotSimulated(result,
                 fmt::format("the unit {} is no {}", Quoted(result.row.Text("unit")), what));
  }
  return factor;
}

std::optional<double> ShareUnit(MeasuredResult& result) {
  return UnitOf(result, ShareIn(result.row.Text("unit"), *result.published),
                "share; expected % or fraction");
}

// A row of one server's power: of eight accelerators, or of a cluster of such servers.
bool IsOfServers(MeasuredResult& result) {
  const double count = result.row.Number("n_accel").value_or(kServer);
  if (count >= kServer && std::fmod(count, kServer) == 0) {
    return true;
  }
  NotSimulated(result, fmt::format("{} accelerators (n_accel) are no servers of eight",
                                   Quoted(result.row.Text("n_accel"))));
  return false;
}

// Accelerators of a row, a multiple of what its layouts need; 0 after saying why there are none.
std::int64_t SizeOfRun(MeasuredResult& result, std::int64_t multiple) {
  const double count = result.row.Number("n_accel").value_or(0);
  constexpr double kRunMost = 500000;
  if (count < 1 || count > kRunMost) {
    NotSimulated(result, fmt::format("{} accelerators (n_accel) are no size of a run",
                                     Quoted(result.row.Text("n_accel"))));
    return 0;
  }
  const auto whole = static_cast<std::int64_t>(count);
  return whole < multiple ? whole : whole / multiple * multiple;
}

// Interruptions and the time that runs held servers, over all runs; the mean ETTR.
std::vector<double> ReadFailures(const Scenario& /*scenario*/, const RunRecord& record) {
  const auto& life = std::get<LifeRecord>(record);
  std::vector<double> figures = {0, 0, 0};
  for (const LifeJob& job : life.jobs) {
    figures[0] += job.interruptions;
    figures[1] += (SumOfTimes(job) - job.waiting).si();
    figures[2] += Ettr(job, life) / static_cast<double>(life.jobs.size());
  }
  return figures;
}

// Of a step: power of a board in the mean and while it computes, of its server in both.
std::vector<double> ReadPower(const Scenario& scenario, const RunRecord& record) {
  const auto& step = std::get<StepRecord>(record);
  const ServerSpec& server = scenario.sites[0].server;
  const PowerSpec& power = server.accelerator.power;
  double busy = 0;
  for (const BreakdownPart& part : step.breakdown) {
    if (part.activity == "compute" || part.activity == "memory_bound") {
      busy += part.time.si();
    }
  }
  const double board =
      step.accelerator_energy.si() / step.step_time.si() / static_cast<double>(step.accelerators);
  const double above = (board - power.held().si()) * step.step_time.si() / std::max(busy, 1e-9);
  const double peak = std::min(power.limit.si(), power.held().si() + above);
  const double of_server =
      step.mean_power.si() / static_cast<double>(step.accelerators) * server.accelerators;
  const double at_peak = server.accelerators * peak + server.overhead_power.si() +
                         server.overhead_per_watt * server.accelerators * (peak - power.idle.si());
  return {board, peak, of_server, at_peak, power.limit.si()};
}

std::vector<double> ReadTime(const Scenario& /*scenario*/, const RunRecord& record) {
  return {std::get<StepRecord>(record).step_time.si()};
}

using MaybeCase = std::optional<LifeCase>;

// Failures in a run without restarts to speak of: `days` long, or 400 failures.
MaybeCase Failing(const CatalogueList& catalogue, MeasuredResult& result, double days,
                  std::function<double(const Values&)> predict) {
  FailingRuns runs;
  runs.server = ServerThatFails(catalogue, result);
  runs.accelerators = runs.server.empty() ? 0 : SizeOfRun(result, 1);
  if (runs.accelerators == 0) {
    return std::nullopt;
  }
  const Rate rate =
      RateOf(result.row.Text("metric"), result.row.Text("accelerator"), runs.accelerators);
  constexpr double kFailures = 400, kLongest = 3650;
  const double servers = std::ceil(static_cast<double>(runs.accelerators) / kServer);
  if (runs.accelerators > kServer) {
    runs.accelerators = static_cast<std::int64_t>(servers) * kServer;
  }
  const double needed = kFailures * rate.server_days / servers;
  runs.horizon_days = days > 0 ? days : std::min(needed, kLongest);
  runs.runs = days > 0 ? 1 : static_cast<int>(std::ceil(needed / runs.horizon_days));
  runs.failure_rate = rate.name;
  result.reason = fmt::format("{} {} every {:.4g} days each ({}){}", servers,
                              servers == 1 ? "server that fails" : "servers that fail",
                              rate.server_days, rate.name, StandIn(catalogue, result));
  return LifeCase{{FailingRunsText(runs)}, &ReadFailures, std::move(predict)};
}

MaybeCase Interruptions(const CatalogueList& catalogue, MeasuredResult& result) {
  const std::string unit = result.row.Text("unit");  // "in 54 days"
  std::string_view rest = FromFirstDigit(unit);
  const std::optional<double> count = LeadingNumber(rest);
  const double seconds = count ? *count * SecondsOfUnit(rest) : 0;
  if (seconds <= 0) {
    NotSimulated(result, fmt::format("the unit {} names no time; expected e.g. \"in 54 days\"",
                                     Quoted(unit)));
    return std::nullopt;
  }
  return Failing(catalogue, result, seconds / kSecondsPerDay, [](const Values& values) {
    return values[0][0];
  });
}

MaybeCase TimeToFailure(const CatalogueList& catalogue, MeasuredResult& result) {
  const double unit = SecondsOfUnit(result.row.Text("unit"));
  if (unit <= 0) {
    NotSimulated(result, fmt::format("the unit {} is no time; expected days, h, min or s",
                                     Quoted(result.row.Text("unit"))));
    return std::nullopt;
  }
  return Failing(catalogue, result, 0, [unit](const Values& values) {
    return values[0][1] / values[0][0] / unit;
  });
}

MaybeCase EffectiveTime(const CatalogueList& catalogue, MeasuredResult& result) {
  FailingRuns runs;
  runs.server = ServerThatFails(catalogue, result);
  const std::int64_t count = runs.server.empty() ? 0 : SizeOfRun(result, 32);
  runs.accelerators = count >= 16384 ? count / 128 * 128 : count;
  if (runs.accelerators < 256) {
    if (result.reason.empty()) {
      NotSimulated(result, "its layouts need 256 accelerators or more");
    }
    return std::nullopt;
  }
  const std::optional<double> unit = ShareUnit(result);
  if (!unit) {
    return std::nullopt;
  }
  const Rate rate =
      RateOf(result.row.Text("metric"), result.row.Text("accelerator"), runs.accelerators);
  const double mtbf =
      rate.server_days * kSecondsPerDay / (static_cast<double>(runs.accelerators) / kServer);
  runs.failure_rate = rate.name;
  runs.restart_s = RestartSeconds(runs.accelerators);
  runs.checkpoint_s = std::sqrt(2 * CheckpointBytesOf(runs.accelerators) / kStorage * mtbf);
  runs.horizon_days = 30;
  result.reason = fmt::format("{}, restarts of {:.0f} s, a checkpoint every {:.0f} s{}", rate.name,
                              runs.restart_s, runs.checkpoint_s, StandIn(catalogue, result));
  return LifeCase{{FailingRunsText(runs)}, &ReadFailures, [unit](const Values& values) {
                    return *unit * values[0][2];
                  }};
}

// Sequences of each accelerator in a step. The highest power is that of long steps. Means are of
// training as it is published: with two, an H100 reaches 45 % MFU. The calibration rows of training
// on H100 have medians of 51 % (Megatron, 36 rows), 50 % (MaxText, 11), 41 % (Composer, 12) and 39
// % (FMS, 2); 45 % in the mean.
constexpr int kBusiest = 8, kUsual = 2;

// The first of the trainings that fits into the server's HBM; the last where none does.
const OneServerTraining& TrainingThatFits(const std::string& server, int sequences_each) {
  for (const OneServerTraining& training : kOneServerTrainings) {
    try {
      const ScenarioBase base("row", OneServerText(server, training, sequences_each), {});
      const Scenario scenario = base.At({});
      const ServerSpec& machine = scenario.sites.front().server;
      CheckMemory(scenario.training(), RoomForJob(machine), machine.accelerators);
      return training;
    } catch (const UserError&) {
      continue;
    }
  }
  return *(std::end(kOneServerTrainings) - 1);
}

// Power of a server or board while it trains.
MaybeCase Powered(const CatalogueList& catalogue, MeasuredResult& result, int sequences_each,
                  const std::string& what,
                  std::function<double(const std::vector<double>&)> predict) {
  const std::string server = ServerOfEight(catalogue, result);
  if (server.empty()) {
    return std::nullopt;
  }
  const OneServerTraining& training = TrainingThatFits(server, sequences_each);
  result.reason = fmt::format(
      "{} on one {}: {}{}", training.title, server, what,
      OtherThanTraining(LowerCase(result.row.Text("source") + " " + result.row.Text("notes"))));
  return LifeCase{{OneServerText(server, training, sequences_each)},
                  &ReadPower,
                  [predict](const Values& values) {
                    return predict(values[0]);
                  }};
}

// Power of a board over a published run on a thousand accelerators.
MaybeCase PoweredRun(const CatalogueList& catalogue, MeasuredResult& result,
                     const std::string& what,
                     std::function<double(const std::vector<double>&)> predict) {
  const std::string server = ServerOfEight(catalogue, result);
  if (server.empty()) {
    return std::nullopt;
  }
  result.reason =
      fmt::format("Llama 2 7B on 128 {}, a sequence for each accelerator: {}", server, what);
  return LifeCase{{PublishedRunText(server)}, &ReadPower, [predict](const Values& values) {
                    return predict(values[0]);
                  }};
}

MaybeCase ServerPeak(const CatalogueList& catalogue, MeasuredResult& result) {
  const std::optional<double> unit =
      UnitOf(result, WattsIn(result.row.Text("unit")), "power; expected W, kW or MW");
  if (!unit || !IsOfServers(result)) {
    return std::nullopt;
  }
  return Powered(catalogue, result, kBusiest, "the server while it computes",
                 [unit](const std::vector<double>& of) {
                   return of[3] / *unit;
                 });
}

MaybeCase ServerShare(const CatalogueList& catalogue, MeasuredResult& result) {
  const std::string unit = result.row.Text("unit");  // "% of 10.2 kW"
  std::string_view rest = FromFirstDigit(unit);
  const std::optional<double> nameplate = LeadingNumber(rest);
  if (!nameplate || (rest != "kW" && !rest.starts_with("kW "))) {
    NotSimulated(result, fmt::format("the unit {} names no nameplate; expected e.g. \"% of 10.2 "
                                     "kW\"",
                                     Quoted(unit)));
    return std::nullopt;
  }
  if (!IsOfServers(result)) {
    return std::nullopt;
  }
  const std::string what = fmt::format("the mean of a step over a nameplate of {} kW", *nameplate);
  return Powered(catalogue, result, kUsual, what, [nameplate](const std::vector<double>& of) {
    return kPerCent * of[2] / (*nameplate * 1e3);
  });
}

MaybeCase BoardShare(const CatalogueList& catalogue, MeasuredResult& result) {
  const std::optional<double> unit = ShareUnit(result);
  if (!unit) {
    return std::nullopt;
  }
  return PoweredRun(catalogue, result, "a board in the mean of a step over its limit",
                    [unit](const std::vector<double>& of) {
                      return *unit * of[0] / of[4];
                    });
}

// "MWh for 234k H100-h": boards alone.
MaybeCase Energy(const CatalogueList& catalogue, MeasuredResult& result) {
  const std::string unit = result.row.Text("unit");
  std::string_view rest = FromFirstDigit(unit);
  const std::optional<double> count = LeadingNumber(rest);
  if (!unit.starts_with("MWh") || !count) {
    NotSimulated(result,
                 fmt::format("the unit {} names no accelerator-hours; expected e.g. \"MWh for "
                             "234k H100-h\"",
                             Quoted(unit)));
    return std::nullopt;
  }
  const double hours = *count * (rest.starts_with("k") ? 1e3 : rest.starts_with("M") ? 1e6 : 1);
  return PoweredRun(catalogue, result,
                    "boards alone over the accelerator-hours; the row does not say what is counted",
                    [hours](const std::vector<double>& of) {
                      return of[0] * hours / 1e6;
                    });
}

MaybeCase TwoSites(const CatalogueList& catalogue, MeasuredResult& result) {
  const std::string server = ServerOfEight(catalogue, result);
  const std::int64_t count = server.empty() ? 0 : SizeOfRun(result, 192);
  if (count < 192) {
    if (result.reason.empty()) {
      NotSimulated(result, "its layout needs 192 accelerators or more");
    }
    return std::nullopt;
  }
  const std::string topology = result.row.Text("topology");
  const std::optional<double> distance = KilometresIn(topology);
  if (!distance) {
    NotSimulated(result, fmt::format("the topology {} names no distance", Quoted(topology)));
    return std::nullopt;
  }
  const std::optional<double> unit = ShareUnit(result);
  if (!unit) {
    return std::nullopt;
  }
  result.reason = fmt::format("Nemotron-4 340B, {:.0f} km, 3.2 Tbps (not published)", *distance);
  return LifeCase{{SitesText(server, count, 1, 0), SitesText(server, count, 2, *distance)},
                  &ReadTime,
                  [unit](const Values& values) {
                    return *unit * values[0][0] / values[1][0];
                  }};
}

// "outer steps every 100 steps": the share of the time that is not spent in exchanges.
MaybeCase RareSums(const CatalogueList& catalogue, MeasuredResult& result) {
  const std::string server = ServerOfEight(catalogue, result);
  const std::int64_t count = server.empty() ? 0 : SizeOfRun(result, kServer);
  std::string_view rest = FromFirstDigit(result.row.Text("notes"));
  const std::optional<double> steps = LeadingNumber(rest);
  constexpr std::int64_t kMostSites = 32;
  if (!steps || count < 2 * kServer || count > kMostSites * kServer) {
    if (result.reason.empty()) {
      NotSimulated(result, "its notes say no number of steps, or it has more than 32 servers");
    }
    return std::nullopt;
  }
  const std::optional<double> unit = ShareUnit(result);
  const int servers = static_cast<int>(count / kServer);
  if (!unit) {
    return std::nullopt;
  }
  result.reason = fmt::format(
      "{} sites of one {}, its 10B model, 500 Mbps and 8,000 km (the least of "
      "its report and a guess)",
      servers, server);
  return LifeCase{
      {RareSumsText(server, servers, 0), RareSumsText(server, servers, static_cast<int>(*steps))},
      &ReadTime,
      [unit](const Values& values) {
        return *unit * values[0][0] / values[1][0];
      }};
}

/// What a metric becomes; without `make` it is what a scenario states.
struct Metric {
  const char* kind;
  const char* name;
  MaybeCase (*make)(const CatalogueList&, MeasuredResult&);
};

constexpr std::array kMetrics = {
    Metric{"reliability", "unexpected_interruptions", &Interruptions},
    Metric{"reliability", "job_mttf", &TimeToFailure},
    Metric{"reliability", "mtbf", &TimeToFailure},
    Metric{"reliability", "ETTR", &EffectiveTime},
    Metric{"reliability", "effective_time", &EffectiveTime},
    Metric{"reliability", "node_failure_rate", nullptr},
    Metric{"reliability", "interruption_rate", nullptr},
    Metric{"reliability", "nic_tor_link_failure", nullptr},
    Metric{"power", "node_power_max", &ServerPeak},
    Metric{"power", "node_power_frac_tdp", &ServerShare},
    Metric{"power", "energy", &Energy},
    Metric{"power", "power_swing", &BoardShare},
    Metric{"power", "rack_power", nullptr},
    Metric{"power", "sustained_clock", nullptr},
    Metric{"power", "system_max", nullptr},
    Metric{"multi_dc", "scaling_efficiency_vs_single_DC", &TwoSites},
    Metric{"multi_dc", "compute_utilization", &RareSums},
    Metric{"multi_dc", "latency_multiplier", nullptr},
};

}  // namespace

bool IsLifeKind(const std::string& kind) {
  return std::find(kLifeKinds.begin(), kLifeKinds.end(), kind) != kLifeKinds.end();
}

std::optional<LifeCase> LifeCaseOf(const CatalogueList& catalogue, MeasuredResult& result) {
  const MeasuredRow& row = result.row;
  const std::string kind = row.Text("kind"), name = row.Text("metric");
  if (!row.problem.empty()) {
    NotSimulated(result, row.problem);
    return std::nullopt;
  }
  if (!IsLifeKind(kind)) {
    NotSimulated(result,
                 fmt::format("the kind {} is not reliability, power or multi_dc", Quoted(kind)));
    return std::nullopt;
  }
  if (!result.published || *result.published <= 0) {
    NotSimulated(result,
                 fmt::format("the value {} is no positive number", Quoted(row.Text("value"))));
    return std::nullopt;
  }
  const auto metric = std::find_if(kMetrics.begin(), kMetrics.end(), [&](const Metric& each) {
    return kind == each.kind && name == each.name;
  });
  if (metric == kMetrics.end()) {
    std::vector<std::string> known;
    for (const Metric& each : kMetrics) {
      if (kind == each.kind) {
        known.emplace_back(each.name);
      }
    }
    NotSimulated(result, fmt::format("the metric {} is not simulated; expected {}", Quoted(name),
                                     OneOf(known)));
    return std::nullopt;
  }
  if (metric->make == nullptr) {
    result.status = CaseStatus::kInput;
    result.reason = "what a scenario or the catalogue states; nothing predicts it";
    return std::nullopt;
  }
  return metric->make(catalogue, result);
}

}  // namespace gridlock
