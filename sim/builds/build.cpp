#include "sim/builds/build.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <optional>
#include <regex>
#include <utility>

#include <boost/math/distributions/poisson.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/energy/site_power.h"
#include "sim/scenario/point.h"
#include "topologies/topology.h"

namespace gridlock {

namespace {

/// Switches for NICs of one speed. The pods and their spines are as large as the spines allow.
struct Switches {
  double nic_gbps;
  const char *leaf, *spine, *core;
  int leaf_ports, spine_ports;
};

constexpr std::array kSwitches = {
    Switches{200, "minipack2_128x200g", "hpn_tor_256x200g", "hpn_tor_256x200g", 128, 256},
    Switches{400, "tomahawk5_128x400g", "tomahawk6_256x400g", "arista_7800r3_576x400g", 128, 256},
    Switches{800, "tomahawk6_128x800g", "arista_7800r4_576x800g", "arista_7800r4_576x800g", 128,
             576},
};

const Switches* SwitchesFor(double nic_gbps) {
  const auto* const found =
      std::find_if(kSwitches.begin(), kSwitches.end(), [nic_gbps](const Switches& each) {
        return std::abs(each.nic_gbps - nic_gbps) < 1;
      });
  return found == kSwitches.end() ? nullptr : found;
}

// Rails: the i-th NICs of as many servers as a leaf has ports down meet at one leaf. Servers of one
// pod need no tier above its spines.
std::string FabricText(const BuildParts& parts, std::int64_t servers) {
  const Switches& switches = *SwitchesFor(parts.nic_gbps);
  const int down = switches.leaf_ports / 2;
  const int groups = std::max(1, switches.spine_ports / 2 / parts.nics);
  const bool pods = servers > static_cast<std::int64_t>(groups) * down;
  const std::string above = pods ? fmt::format(
                                       "leaf_oversubscription: 1\n      spine_oversubscription: "
                                       "{}\n      core_switch: \"{}\"",
                                       parts.oversubscription, switches.core)
                                 : fmt::format("leaf_oversubscription: {}", parts.oversubscription);
  return fmt::format(R"(  fabric {{
    clos {{
      tiers: {}
      rail_optimized: true
      servers_per_leaf: {}
      leaves_per_pod: {}
      {}
      leaf_switch: "{}"
      spine_switch: "{}"
      routing: SPRAY
    }}
  }}
)",
                     pods ? 3 : 2, down, groups * parts.nics, above, switches.leaf, switches.spine);
}

std::string HeadText(const std::string& name, const std::string& description) {
  return fmt::format("schema_version: 1\nname: \"{}\"\ndescription: \"{}\"\nseed: 1\n", name,
                     description);
}

std::string RunText(const BuildAsked& asked, std::int64_t batch, const std::string& length) {
  return fmt::format(R"(job {{
  name: "final-run"
  priority: 3
  pretraining {{
    model: "{}"
    stack: "{}"
    layout {{ tensor: 1 pipeline: 1 data: 1 }}
    global_batch: {}
    sequence_length: {}
    precision: {}
    zero: 1
{}  }}
}}
)",
                     asked.model, asked.stack, batch, asked.sequence_length, asked.precision,
                     length);
}

// Small runs of a small model on one and on four racks of eight servers.
std::string CampaignText(const BuildAsked& asked) {
  const auto rung = [](int data, int batch) {
    return fmt::format(R"(    rung {{
      model: "llama_3.1_8b"
      stack: "megatron_core"
      layout {{ tensor: 1 pipeline: 1 data: {} }}
      global_batch: {}
      sequence_length: 8192
      zero: 1
      recompute: SELECTIVE
      steps: 10000
      checkpoint_interval: "30 min"
    }}
)",
                       data, batch);
  };
  return fmt::format(R"(job {{
  name: "experiments"
  campaign {{
    experiments: {}
    over: "{:.6g} days"
    tail: 0.5
    length_sigma: 0.8
    failing_share: 0.4
    final_run: "final-run"
    compute: {:.6g}
{}{}  }}
}}
)",
                     asked.experiments, asked.horizon_days * 2 / 3, asked.experiment_compute,
                     rung(64, 128), rung(256, 512));
}

double RequestsPerSecond(const BuildAsked& asked) {
  return asked.users * asked.requests_per_user / kSecondsPerDay;
}

// Lengths of chat: medians and 90th percentiles of Azure's trace of 2023 (AzurePublicDataset).
constexpr double kOutputMean = 211;
constexpr double kSwing = 0.7;

// Replicas that follow a day of so many requests a second in the mean.
struct FleetWritten {
  std::int64_t replicas = 1, least = 1;
  int tensor = 1;
  double requests_per_second = 0, swing = 0;
};

std::string ServingText(const BuildAsked& asked, const FleetWritten& fleet) {
  return fmt::format(R"TEXT(job {{
  name: "users"
  priority: 5
  serving {{
    model: "{}"
    replicas: {}
    replicas_min: {}
    tensor: {}
    precision: FP8
    arrivals {{ requests_per_second: {:.6g} swing: {} peak: "14 h" }}
    group {{
      name: "chat"
      share: 1
      prompt {{ median: 1020 p90: 2735 max: 16384 }}
      output {{ median: 129 p90: 424 max: 4096 }}
      source: "Azure LLM inference trace 2023, conversation (Azure/AzurePublicDataset)"
    }}
    replicas_simulated: {}
    days_simulated: 2
    ttft_objective: "2 s"
    tpot_objective: "60 ms"
  }}
}}
)TEXT",
                     asked.serving_model, fleet.replicas, fleet.least, fleet.tensor,
                     fleet.requests_per_second, fleet.swing,
                     std::min<std::int64_t>(2, fleet.replicas));
}

std::string FleetText(const BuildAsked& asked, const BuildSize& size, const BuildParts& parts) {
  const std::int64_t replicas = size.fleet * (parts.per_server / size.fleet_tensor);
  return ServingText(asked, {replicas, std::max<std::int64_t>(1, replicas / 4), size.fleet_tensor,
                             RequestsPerSecond(asked), kSwing});
}

// The servers come in equal parts, a month apart, the first at once.
std::string DeliveryText(const BuildAsked& asked, std::int64_t servers) {
  constexpr double kMonth = kYear.si() / kSecondsPerDay / 12;
  std::string text;
  for (int month = 1; month < asked.months; ++month) {
    const std::int64_t part = servers * (month + 1) / asked.months - servers * month / asked.months;
    if (part > 0) {
      text +=
          fmt::format("  delivery {{ at: \"{:.6g} days\" servers: {} }}\n", month * kMonth, part);
    }
  }
  return text;
}

std::string SiteText(const BuildAsked& asked, const BuildParts& parts, const BuildSize& size,
                     bool of_life) {
  std::string text = fmt::format("site {{\n  name: \"hall\"\n  server: \"{}\"\n  servers: {}\n{}",
                                 parts.server, size.servers, FabricText(parts, size.servers));
  text +=
      fmt::format("  facility {{ pue: {:.6g}{} }}\n", asked.pue,
                  size.capped && asked.megawatts > 0
                      ? fmt::format(" power_cap: \"{:.6g} MW\" power_policy: SLOW", asked.megawatts)
                      : "");
  text += fmt::format("  prices {{ electricity: {:.6g} carbon: {:.6g} }}\n", asked.electricity,
                      asked.carbon);
  return text +
         fmt::format("  storage_bandwidth: \"{:.6g} TB/s\"\n{}}}\n", size.storage_tbps,
                     "  operation {}\n" + (of_life ? DeliveryText(asked, size.servers) : ""));
}

}  // namespace

BuildParts PartsFor(const std::string& accelerator, int oversubscription,
                    const CatalogueList& catalogue) {
  const CatalogueServer& server = UsualServer(catalogue, accelerator);
  BuildParts parts;
  parts.accelerator = server.accelerator;
  parts.server = server.name;
  parts.per_server = server.accelerators;
  parts.nics = server.nics;
  parts.nic_gbps = server.nic_bandwidth.si() * 8 / 1e9;
  parts.oversubscription = oversubscription;
  if (SwitchesFor(parts.nic_gbps) == nullptr) {
    throw UserError("", fmt::format("{} has NICs of {:.4g} Gbps, and there are switches for 200, "
                                    "400 and 800 Gbps; expected another accelerator",
                                    parts.server, parts.nic_gbps));
  }
  return parts;
}

double StorageFor(double accelerators) {
  constexpr double kAcceleratorsPerTerabyte = 25000;
  return std::max(0.1, accelerators / kAcceleratorsPerTerabyte);
}

ServerFigures FiguresOf(const SiteSpec& site) {
  const ServerSpec& server = site.server;
  ServerFigures figures;
  figures.nameplate_w =
      FullPower(server).si() +
      (NetworkPower(*MakeTopology(site)) + site.storage_power).si() / site.servers;
  figures.capital_usd = site.capital_usd_per_accelerator * server.accelerators;
  figures.operation_usd_per_year = site.operation_usd_per_accelerator_year * server.accelerators;
  return figures;
}

WithinBudget ServersWithin(const BuildAsked& asked, const ServerFigures& figures) {
  constexpr double kMost = 1e7;
  double power = kMost, dollars = kMost;
  if (asked.megawatts > 0) {
    power = asked.megawatts * 1e6 / (figures.nameplate_w * asked.pue);
  }
  if (asked.dollars > 0) {
    const double kwh = figures.nameplate_w * asked.pue / 1e3 * asked.horizon_days * 24;
    const double years = asked.horizon_days * kSecondsPerDay / kYear.si();
    dollars = asked.dollars / (figures.capital_usd + kwh * asked.electricity +
                               figures.operation_usd_per_year * years);
  }
  return {static_cast<std::int64_t>(std::floor(std::min(power, dollars))),
          power <= dollars ? "power" : "dollars"};
}

std::int64_t SparesFor(double mean_out, double quantile) {
  CHECK(mean_out >= 0 && quantile > 0 && quantile < 1);
  using RoundedUp = boost::math::policies::policy<
      boost::math::policies::discrete_quantile<boost::math::policies::integer_round_up>>;
  using Poisson = boost::math::poisson_distribution<double, RoundedUp>;
  return mean_out > 0 ? std::llround(boost::math::quantile(Poisson(mean_out), quantile)) : 0;
}

double YoungInterval(double write_s, double mtbf_s) {
  return std::sqrt(2 * write_s * mtbf_s);
}

std::vector<RunSize> RunSizes(const BuildAsked& asked, std::int64_t accelerators) {
  constexpr double kSequencesEach = 4;
  const double sequences = asked.batch_tokens / static_cast<double>(asked.sequence_length);
  const double replicas = std::max(1.0, sequences / kSequencesEach);
  const double each = std::max(1.0, static_cast<double>(accelerators) / replicas);
  const auto first = static_cast<std::int64_t>(std::exp2(std::floor(std::log2(each))));
  std::vector<RunSize> sizes;
  for (std::int64_t model = std::max<std::int64_t>(1, first / 2); model <= first * 2; model *= 2) {
    std::int64_t data = accelerators / model;
    if (data == 0) {
      continue;
    }
    // A sixteenth is left out at most, and the rest can be dealt out evenly.
    data -= data % static_cast<std::int64_t>(std::bit_floor(
                       static_cast<std::uint64_t>(std::max<std::int64_t>(16, data)) / 16));
    const auto per_replica =
        static_cast<std::int64_t>(std::max(1.0, std::round(sequences / static_cast<double>(data))));
    sizes.push_back({data * model, data * per_replica});
  }
  return sizes;
}

std::vector<FleetProbe> FleetProbes(const BuildAsked& asked, const AcceleratorSpec& accelerator,
                                    int per_server, double parameters) {
  std::vector<FleetProbe> probes;
  if (asked.users <= 0) {
    return probes;
  }
  // Two estimates, which only choose the loads that are tried: what a replica carries is simulated.
  constexpr double kRoom = 0.7;       // of HBM for weights, at most; the rest keeps contexts
  constexpr double kBatch = 64;       // sequences that share one reading of the weights
  const double weights = parameters;  // FP8: a byte each
  int tensor = 1;
  while (tensor < per_server && weights > kRoom * accelerator.hbm_capacity.si() * tensor) {
    tensor *= 2;
  }
  for (; tensor <= per_server; tensor *= 2) {
    const double iteration = weights / (accelerator.hbm_bandwidth.si() * tensor);
    for (const double share : {0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.55, 0.75, 1.0}) {
      probes.push_back({tensor, share * kBatch / iteration / kOutputMean});
    }
  }
  return probes;
}

std::string FleetProbeText(const BuildAsked& asked, const BuildParts& parts,
                           const FleetProbe& probe) {
  BuildSize size;
  size.servers = 1;
  return HeadText("probe", "one replica") + "horizon: \"30 min\"\n" +
         SiteText(asked, parts, size, /*of_life=*/false) +
         ServingText(asked, {1, 1, probe.tensor, probe.requests_per_second, 0});
}

FleetSize FleetOf(const BuildAsked& asked, const std::vector<FleetProbe>& probes,
                  const std::vector<double>& good) {
  constexpr double kGood = 0.95;
  const double peak = RequestsPerSecond(asked) * (1 + kSwing);
  const auto accelerators = [&](std::size_t i) {
    return probes[i].tensor * std::ceil(peak / probes[i].requests_per_second);
  };
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < probes.size(); ++i) {
    const bool keeps = good[i] >= kGood, best_keeps = best && good[*best] >= kGood;
    if (!best || (keeps == best_keeps
                      ? (keeps ? accelerators(i) < accelerators(*best) : good[i] > good[*best])
                      : keeps)) {
      best = i;
    }
  }
  if (!best) {
    return {};
  }
  return {static_cast<std::int64_t>(std::ceil(peak / probes[*best].requests_per_second)),
          probes[*best].tensor};
}

std::string StepText(const BuildAsked& asked, const BuildParts& parts, std::int64_t servers,
                     std::int64_t batch) {
  BuildSize size;
  size.servers = servers;
  size.storage_tbps = StorageFor(static_cast<double>(servers) * parts.per_server);
  return HeadText("step", "one step of the final run") +
         SiteText(asked, parts, size, /*of_life=*/false) + RunText(asked, batch, "");
}

std::string LifeText(const BuildAsked& asked, const BuildParts& parts, const BuildSize& size,
                     const std::string& name) {
  std::string text =
      HeadText(name, fmt::format("{} x {}, {} spares, spines oversubscribed {}:1", size.servers,
                                 parts.server, size.spares, parts.oversubscription));
  text += fmt::format("horizon: \"{:.6g} days\"\n", asked.horizon_days);
  text += SiteText(asked, parts, size, /*of_life=*/true);
  text += fmt::format(
      "reliability {{\n  failure_rate: \"{}\"\n  repair_time: \"{:.6g} h\"\n  restart_time: "
      "\"{:.6g} min\"\n",
      asked.failure_rate, asked.repair_hours, asked.restart_minutes);
  text += size.spares > 0 ? fmt::format("  spares {{ hot: {} }}\n", size.spares) : "";
  text += fmt::format("}}\nscheduler {{ policy: {} }}\n", asked.scheduler);
  text += RunText(asked, size.batch,
                  fmt::format("    tokens: {:.6g}\n    checkpoint_interval: \"{:.0f} s\"\n",
                              asked.tokens, std::max(1.0, size.checkpoint_s)));
  text += asked.experiments > 0 ? CampaignText(asked) : "";
  return text + (size.fleet > 0 ? FleetText(asked, size, parts) : "");
}

void CheckAsked(const BuildAsked& asked, const BuildParts& parts) {
  BuildSize size;
  size.servers = 1024;
  size.fleet = asked.users > 0 ? 1 : 0;
  size.fleet_tensor = parts.per_server;
  size.batch = 4096;
  try {
    (void)ScenarioBase("build", LifeText(asked, parts, size, "build"), {}).At({});
  } catch (const UserError& error) {
    static const std::regex kPlace("^build:[0-9]+:[0-9]+: ");
    std::vector<Problem> problems = error.problems();
    for (Problem& problem : problems) {
      problem.message = std::regex_replace(problem.message, kPlace, "");
    }
    throw UserError(std::move(problems));
  }
}

}  // namespace gridlock
