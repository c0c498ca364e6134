#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/catalogue/assumed_fabric.h"
#include "sim/catalogue/list.h"
#include "sim/scenario/point.h"
#include "sim/schema/problems.h"

#include "tools/import.h"

namespace gridlock {

namespace {

// Of a switch that stands for several: an estimate, of the order of one of 128 ports of 400 Gbps
// (topologies/catalog/switches.textproto).
constexpr const char* kSwitchPower = "1 kW";

// `site { ... }` of these servers.
std::string SiteText(const std::string& server, std::int64_t servers) {
  return fmt::format("site {{\n  server: \"{}\"\n  servers: {}\n", server, servers) +
         AssumedFabricText() + "}\n";
}

std::int64_t ServersFor(std::int64_t accelerators, int each) {
  if (accelerators > each && accelerators % each != 0) {
    throw UserError(
        "", Refusal(fmt::format("{} accelerators are no whole servers of {}", accelerators, each),
                    fmt::format("a multiple of {}", each)));
  }
  return std::max<std::int64_t>(1, accelerators / each);
}

// A server of one accelerator: jobs of logs hold accelerators, not whole servers.
constexpr const char* kSlot = R"(  server {{
    name: "slot"
    like: "{}"
    accelerators: 1
    nics: 1
    overhead_power: "200 W"
    overhead_idle: "108 W"
    source {{ text: "Assumed: a server's share of one accelerator" estimate: true }}
  }}
)";

ImportedMachine OfCluster(const MachineOptions& options, std::int64_t otherwise) {
  const std::string site = fmt::format("site {{\n  cluster: {}\n", Quoted(options.cluster));
  const ScenarioBase base("--cluster", "schema_version: 1\nname: \"cluster\"\n" + site + "}\n", {});
  const Scenario scenario = base.SitesAt({});
  const SiteSpec& spec = scenario.sites.front();
  const std::int64_t all = std::int64_t{spec.servers} * spec.server.accelerators;
  const std::int64_t asked = options.accelerators > 0 ? options.accelerators : otherwise;
  const std::int64_t accelerators = asked > 0 ? asked : all;
  if (accelerators > all) {
    throw UserError("", Refusal(fmt::format("{} accelerators are asked for, and the cluster {} has "
                                            "{}",
                                            accelerators, options.cluster, all),
                                fmt::format("at most {}", all)));
  }
  return {"", site + "}\n", accelerators};
}

}  // namespace

void AddMachineOptions(CLI::App& command, MachineOptions& options) {
  CLI::Option* const cluster =
      command.add_option("--cluster", options.cluster, "Cluster of the catalogue to run on")
          ->type_name("NAME");
  command
      .add_option("--accelerator", options.accelerator,
                  "Accelerator of the catalogue; its usual server, under a non-blocking fabric")
      ->type_name("NAME")
      ->excludes(cluster);
  command
      .add_option("--accelerators", options.accelerators,
                  "How many of them the job has (default: as many as the file starts, or the "
                  "whole cluster)")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{4} << 20U));
}

ImportedMachine MachineOf(const MachineOptions& options, std::int64_t otherwise) {
  if (!options.cluster.empty()) {
    return OfCluster(options, otherwise);
  }
  const std::int64_t accelerators = options.accelerators > 0 ? options.accelerators : otherwise;
  if (options.accelerator.empty() || accelerators == 0) {
    throw UserError("",
                    "on which machine the job runs is missing; expected --cluster NAME, or "
                    "--accelerator NAME --accelerators N");
  }
  const CatalogueList catalogue = ListCatalogue();
  const CatalogueServer& server = UsualServer(catalogue, options.accelerator);
  return {AssumedSwitchText(server.nic_bandwidth, kSwitchPower),
          SiteText(server.name, ServersFor(accelerators, server.accelerators)), accelerators};
}

ImportedMachine SlotsOf(const std::string& accelerator, std::int64_t accelerators) {
  const CatalogueList catalogue = ListCatalogue();
  const CatalogueServer& server = UsualServer(catalogue, accelerator);
  // A log knows no network: its switches draw next to nothing.
  return {AssumedSwitchText(server.nic_bandwidth, "1 W") + fmt::format(kSlot, server.name),
          SiteText("slot", accelerators), accelerators};
}

}  // namespace gridlock
