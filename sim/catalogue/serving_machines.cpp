#include "sim/catalogue/serving_machines.h"

#include <fmt/format.h>

#include "sim/catalogue/catalogue.h"
#include "sim/catalogue/folders.h"
#include "sim/catalogue/parts.h"
#include "topologies/scale_up/network.h"

namespace gridlock {

namespace {

// Of a server in which every pair has links of its own, where fewer members use fewer of them, and
// of one whose cards have links that it does not use, so that they go over slower slots. Shares of
// other networks are in the efficiencies of their transports.
std::vector<BytesPerSecond> RingsOf(const ServerSpec& server) {
  const ScaleUpSpec& network = server.network;
  const bool pairs = network.links == ScaleUpSpec::Links::kMesh && network.between > 0;
  const bool slots = network.links == ScaleUpSpec::Links::kNone &&
                     network.pcie.link > BytesPerSecond(0) &&
                     network.pcie.link < server.accelerator.scale_up_bandwidth;
  return pairs || slots ? RingBandwidths(server) : std::vector<BytesPerSecond>();
}

}  // namespace

ServingMachines::ServingMachines(const std::vector<std::string>& names, ProblemList& problems) {
  proto::Scenario scenario;
  for (const std::string& name : names) {
    scenario.add_site()->set_server(name);
  }
  const Catalogue catalogue(scenario, Written(), CatalogueExtent::kNamed, problems);
  for (const std::string& name : names) {
    const auto found = catalogue.servers.find(name);
    if (found == catalogue.servers.end()) {
      if (!UsersOwnCatalogue()) {  // which need not have the shipped servers
        problems.Add({}, "", fmt::format("no server of the catalogue is called {}", Quoted(name)));
      }
      continue;
    }
    std::vector<std::string> notes;
    servers_[name] = MakeServer(found->second, catalogue, "", notes);
    const proto::Accelerator& accelerator =
        *catalogue.accelerators.at(found->second.message->accelerator()).message;
    std::vector<std::string>& all = names_[name];
    all.assign(accelerator.alias().begin(), accelerator.alias().end());
    all.push_back(accelerator.name());
  }
}

bool ServingMachines::Fill(const std::string& name, InferencePart& part) const {
  const auto found = servers_.find(name);
  if (found == servers_.end()) {
    return false;
  }
  const ServerSpec& server = found->second;
  const AcceleratorSpec& chip = server.accelerator;
  const auto peak = [&chip](Precision precision) {
    return chip.rates[static_cast<std::size_t>(precision)].peak.si();
  };
  part.peak_bf16 = peak(Precision::kBf16);
  part.peak_fp8 = peak(Precision::kFp8);
  part.peak_fp4 = peak(Precision::kFp4);
  part.hbm_capacity = chip.hbm_capacity.si();
  part.hbm_bandwidth = chip.hbm_bandwidth.si();
  part.domain = server.accelerators;
  part.link_bandwidth = chip.scale_up_bandwidth.si();
  part.ring_shares.clear();
  for (const BytesPerSecond& each : RingsOf(server)) {
    part.ring_shares.push_back(each / chip.scale_up_bandwidth);
  }
  part.nic_bandwidth = server.nic_bandwidth.si() * server.nics / server.accelerators;
  part.host_bandwidth = chip.host_bandwidth.si();
  part.inside = server.scale_up;
  part.across = server.scale_out;
  part.power_limit = chip.power.limit.si();
  part.idle_power = chip.power.held().si();
  part.joules_per_flop = chip.power.per_flop.si() * chip.power.FlopAtFullClock();
  part.joules_per_byte = chip.power.per_hbm_byte.si();
  return true;
}

const std::vector<std::string>& ServingMachines::NamesOf(const std::string& server) const {
  static const std::vector<std::string> kNone;
  const auto found = names_.find(server);
  return found == names_.end() ? kNone : found->second;
}

}  // namespace gridlock
