#include "sim/builds/build.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <regex>
#include <utility>

#include <boost/math/distributions/poisson.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
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

constexpr double kDaySeconds = 86400;

double RequestsPerSecond(const BuildAsked& asked) {
  return asked.users * asked.requests_per_user / kDaySeconds;
}

// Lengths of chat: medians and 90th percentiles of Azure's trace of 2023 (AzurePublicDataset).
constexpr double kOutputMean = 211;
constexpr double kSwing = 0.7;

std::string FleetText(const BuildAsked& asked, const BuildSize& size, const BuildParts& parts) {
  const std::int64_t replicas = size.fleet * (parts.per_server / size.fleet_tensor);
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
                     asked.serving_model, replicas, std::max<std::int64_t>(1, replicas / 4),
                     size.fleet_tensor, RequestsPerSecond(asked), kSwing,
                     std::min<std::int64_t>(2, replicas));
}

std::string SiteText(const BuildAsked& asked, const BuildParts& parts, const BuildSize& size) {
  std::string text = fmt::format("site {{\n  name: \"hall\"\n  server: \"{}\"\n  servers: {}\n{}",
                                 parts.server, size.servers, FabricText(parts, size.servers));
  text +=
      fmt::format("  facility {{ pue: {:.6g}{} }}\n", asked.pue,
                  size.capped && asked.megawatts > 0
                      ? fmt::format(" power_cap: \"{:.6g} MW\" power_policy: SLOW", asked.megawatts)
                      : "");
  text += fmt::format("  prices {{ electricity: {:.6g} carbon: {:.6g} }}\n", asked.electricity,
                      asked.carbon);
  return text + fmt::format("  storage_bandwidth: \"{:.6g} TB/s\"\n}}\n", size.storage_tbps);
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

ServerFigures FiguresOf(const SiteSpec& site) {
  const auto topology = MakeTopology(site);
  const double network =
      (PowerOfSwitches(*topology) + PowerOfOptics(*topology)).si() / site.servers;
  const ServerSpec& server = site.server;
  ServerFigures figures;
  const PowerSpec& power = server.accelerator.power;
  const double above_idle = (power.limit - power.idle).si() * server.overhead_per_watt;
  figures.nameplate_w =
      server.overhead_power.si() + network + (power.limit.si() + above_idle) * server.accelerators;
  figures.capital_usd = site.capital_usd_per_accelerator * server.accelerators;
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
    dollars = asked.dollars / (figures.capital_usd + kwh * asked.electricity);
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

FleetSize FleetFor(const BuildAsked& asked, const AcceleratorSpec& accelerator, int per_server,
                   double parameters) {
  FleetSize fleet;
  if (asked.users <= 0) {
    return fleet;
  }
  constexpr double kRoom = 0.7;       // of HBM for weights, at most; the rest keeps contexts
  constexpr double kBandwidth = 0.5;  // of HBM for weights
  constexpr double kBatch = 32;
  const double weights = parameters;  // FP8: a byte each
  while (fleet.tensor < per_server &&
         weights > kRoom * accelerator.hbm_capacity.si() * fleet.tensor) {
    fleet.tensor *= 2;
  }
  const double iteration = weights / (kBandwidth * accelerator.hbm_bandwidth.si() * fleet.tensor);
  const double per_replica = kBatch / iteration;  // tokens a second
  const double peak = RequestsPerSecond(asked) * (1 + kSwing) * kOutputMean;
  fleet.replicas = static_cast<std::int64_t>(std::ceil(peak / per_replica));
  return fleet;
}

std::string StepText(const BuildAsked& asked, const BuildParts& parts, std::int64_t servers,
                     std::int64_t batch) {
  BuildSize size;
  size.servers = servers;
  return HeadText("step", "one step of the final run") + SiteText(asked, parts, size) +
         RunText(asked, batch, "");
}

std::string LifeText(const BuildAsked& asked, const BuildParts& parts, const BuildSize& size,
                     const std::string& name) {
  std::string text =
      HeadText(name, fmt::format("{} x {}, {} spares, spines oversubscribed {}:1", size.servers,
                                 parts.server, size.spares, parts.oversubscription));
  text += fmt::format("horizon: \"{:.6g} days\"\n", asked.horizon_days);
  text += SiteText(asked, parts, size);
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
