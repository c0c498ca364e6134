#include "sim/catalogue/parts.h"

#include <algorithm>

#include "sim/base/check.h"
#include "sim/catalogue/estimates.h"
#include "sim/schema/quantity_text.h"
#include "sim/schema/rules.h"

namespace gridlock {
namespace {

MatrixRate RateOf(const proto::MatrixRate& rate) {
  MatrixRate spec;
  spec.peak = FlopPerSecond(SiOf(rate.peak(), Dimension::kCompute));
  for (const proto::GemmEfficiency& point : rate.gemm()) {
    spec.gemm.push_back({Flop(SiOf(point.work(), Dimension::kWork)), point.efficiency()});
  }
  spec.attention_efficiency = rate.attention_efficiency();
  spec.attention_backward_efficiency = rate.attention_backward_efficiency();
  return spec;
}

PowerSpec PowerSpecOf(const proto::Power& power, const std::vector<Estimate>& estimates) {
  PowerSpec spec;
  spec.idle = PowerOf(power.idle());
  spec.active = power.active().empty() ? spec.idle : PowerOf(power.active());
  spec.limit = PowerOf(power.limit());
  spec.own_limit = spec.limit;
  spec.per_flop = JoulesPerFlop(SiOf(power.per_flop(), Dimension::kEnergyPerFlop));
  spec.per_flop_at_full_clock =
      power.per_flop_at_full_clock().empty()
          ? spec.per_flop
          : JoulesPerFlop(SiOf(power.per_flop_at_full_clock(), Dimension::kEnergyPerFlop));
  spec.per_hbm_byte = JoulesPerByte(SiOf(power.per_hbm_byte(), Dimension::kEnergyPerByte));
  spec.per_link_byte = JoulesPerByte(SiOf(power.per_link_byte(), Dimension::kEnergyPerByte));
  spec.estimate = std::any_of(estimates.begin(), estimates.end(), [](const Estimate& estimate) {
    return estimate.field == "power" || estimate.field.starts_with("power.");
  });
  return spec;
}

Seconds TimeOrNone(const std::string& text) {
  return text.empty() ? Seconds(0) : TimeOf(text);
}

// What a block writes, on top of the transport that it names.
CollectiveFit FitOf(const proto::CollectiveFit& written, const Catalogue& catalogue) {
  proto::CollectiveFit fit;
  if (!written.transport().empty()) {
    fit = catalogue.transports.at(written.transport()).message->fit();
  }
  fit.MergeFrom(written);
  CollectiveFit spec;
  spec.all_reduce_efficiency = fit.all_reduce_efficiency();
  spec.all_gather_efficiency = fit.all_gather_efficiency();
  spec.reduce_scatter_efficiency = fit.reduce_scatter_efficiency();
  spec.send_efficiency = fit.send_efficiency();
  spec.step_latency = TimeOf(fit.step_latency());
  spec.base_latency = TimeOf(fit.base_latency());
  spec.low_latency_efficiency = fit.low_latency_efficiency();
  spec.bulk_step_latency =
      fit.bulk_step_latency().empty() ? spec.step_latency : TimeOf(fit.bulk_step_latency());
  spec.chunk_latency = TimeOrNone(fit.chunk_latency());
  spec.local_copy = fit.local_copy();
  spec.all_to_all_efficiency =
      fit.all_to_all_efficiency() > 0 ? fit.all_to_all_efficiency() : fit.send_efficiency();
  spec.all_to_all_local_copy = fit.all_to_all_local_copy();
  spec.in_switch_efficiency = fit.in_switch_efficiency();
  spec.in_switch_latency = TimeOrNone(fit.in_switch_latency());
  if (!fit.switch_tree_longest().empty()) {
    spec.switch_tree_longest = Bytes(SiOf(fit.switch_tree_longest(), Dimension::kData));
  }
  spec.in_switch_rank_latency = TimeOrNone(fit.in_switch_rank_latency());
  spec.in_switch_tree_efficiency = fit.in_switch_tree_efficiency();
  spec.ranks_most = fit.ranks_most();
  spec.forwarded_efficiency =
      fit.forwarded_efficiency() > 0 ? fit.forwarded_efficiency() : spec.all_to_all_efficiency;
  if (!fit.forward_bandwidth().empty()) {
    spec.forward_bandwidth = BandwidthOf(fit.forward_bandwidth());
  }
  spec.expert_latency = TimeOrNone(fit.expert_latency());
  spec.send_latency = TimeOrNone(fit.send_latency());
  return spec;
}

}  // namespace

BytesPerSecond LinkBandwidthOf(const proto::LinkBandwidth& link, const std::string& what,
                               std::vector<std::string>& notes) {
  if (link.bidirectional().empty()) {
    return BandwidthOf(link.per_direction());
  }
  const BytesPerSecond per_direction = BandwidthOf(link.bidirectional()) / 2.0;
  notes.push_back(what + ": " + link.bidirectional() +
                  " bidirectional = " + FormatBandwidth(per_direction) + " per direction");
  return per_direction;
}

// Of the link to the host that copies reach: 55 of 64 GB/s over PCIe 5.0 x16 (H100 SXM, where the
// GEMMs beside such copies lost nothing), 201 and 193 of 225 GB/s over NVLink-C2C of GB200
// (Azure/AI-benchmarking-guide, ND GB200 v6). Parts without a link in the catalogue get that of
// H100.
constexpr double kHostCopies = 0.86;
constexpr BytesPerSecond kUsualHostLink(64e9);

BytesPerSecond HostBandwidthOf(const proto::LinkBandwidth& link) {
  BytesPerSecond per_direction = kUsualHostLink;
  if (!link.bidirectional().empty()) {
    per_direction = BandwidthOf(link.bidirectional()) / 2.0;
  } else if (!link.per_direction().empty()) {
    per_direction = BandwidthOf(link.per_direction());
  }
  return per_direction * kHostCopies;
}

AcceleratorSpec MakeAccelerator(const Entry<proto::Accelerator>& entry, const std::string& path,
                                std::vector<std::string>& notes) {
  const proto::Accelerator& accelerator = *entry.message;
  const std::string what = "accelerator " + accelerator.name();
  AcceleratorSpec spec;
  spec.path = path;
  spec.name = accelerator.name();
  for (const proto::MatrixRate& rate : accelerator.rate()) {
    spec.rates[static_cast<int>(MakePrecision(rate.precision()))] = RateOf(rate);
  }
  spec.hbm_capacity = DataOf(accelerator.hbm_capacity());
  spec.hbm_bandwidth = BandwidthOf(accelerator.hbm_bandwidth());
  spec.hbm_efficiency = accelerator.hbm_efficiency();
  spec.sustained_clock = accelerator.sustained_clock();
  spec.solo_clock =
      accelerator.solo_clock() > 0 ? accelerator.solo_clock() : accelerator.sustained_clock();
  spec.portable_attention =
      accelerator.portable_attention() > 0 ? accelerator.portable_attention() : 1.0;
  spec.scale_up_bandwidth = LinkBandwidthOf(accelerator.scale_up(), what + " scale_up", notes);
  spec.host_bandwidth = HostBandwidthOf(accelerator.facts().host());
  spec.power = PowerSpecOf(accelerator.power(), EstimatesAmong("accelerator", entry));
  return spec;
}

// Hosts and fans draw less while accelerators idle: of the 3.1 kW of a DGX H100 beyond its
// accelerators, 1.67 kW (topologies/catalog/servers.textproto). Taken for other servers, an
// estimate.
constexpr double kIdleOverhead = 0.54;

void SetOverhead(const proto::Server& server, ServerSpec& spec) {
  const Watts full = PowerOf(server.overhead_power());
  const PowerSpec& power = spec.accelerator.power;
  spec.overhead_power =
      server.overhead_idle().empty() ? full * kIdleOverhead : PowerOf(server.overhead_idle());
  spec.overhead_per_watt =
      std::max(0.0, (full - spec.overhead_power) /
                        ((power.limit - power.idle) * static_cast<double>(spec.accelerators)));
}

ServerSpec MakeServer(const Entry<proto::Server>& entry, const Catalogue& catalogue,
                      const std::string& path, std::vector<std::string>& notes) {
  const proto::Server& server = *entry.message;
  ServerSpec spec;
  spec.path = path;
  spec.name = server.name();
  spec.accelerator = MakeAccelerator(catalogue.accelerators.at(server.accelerator()), path, notes);
  spec.accelerators = server.accelerators();
  spec.scale_up = FitOf(server.scale_up(), catalogue);
  spec.nics = server.nics();
  spec.nic_bandwidth = BandwidthOf(server.nic_bandwidth());
  spec.fabric_nic_bandwidth = spec.nic_bandwidth;
  spec.scale_out = FitOf(server.scale_out(), catalogue);
  SetOverhead(server, spec);
  if (!server.power_storage().empty()) {
    spec.power_storage = Joules(SiOf(server.power_storage(), Dimension::kEnergy));
  }
  if (server.has_network()) {
    spec.network = MakeServerNetwork(server.network(), path + ".network",
                                     "server " + server.name() + " network", notes);
  }
  return spec;
}

CollectiveFit MakeFit(const std::string& name, const Catalogue& catalogue) {
  return FitOf(catalogue.transports.at(name).message->fit(), catalogue);
}

SwitchSpec MakeSwitch(const Catalogue& catalogue, const std::string& name) {
  const Entry<proto::Switch>& entry = catalogue.switches.at(name);
  SwitchSpec spec;
  spec.name = entry.message->name();
  spec.ports = entry.message->ports();
  spec.port_bandwidth = BandwidthOf(entry.message->port_bandwidth());
  spec.latency = TimeOf(entry.message->latency());
  spec.power = PowerOf(entry.message->power());
  return spec;
}

}  // namespace gridlock
