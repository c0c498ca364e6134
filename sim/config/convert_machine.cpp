#include "sim/base/check.h"
#include "sim/config/convert.h"
#include "sim/config/estimates.h"

namespace gridlock {
namespace {

Bytes DataOf(const std::string& text) {
  return Bytes(SiOf(text, Dimension::kData));
}

Seconds TimeOf(const std::string& text) {
  return Seconds(SiOf(text, Dimension::kTime));
}

Watts PowerOf(const std::string& text) {
  return Watts(SiOf(text, Dimension::kPower));
}

BytesPerSecond BandwidthOf(const std::string& text) {
  return BytesPerSecond(SiOf(text, Dimension::kBandwidth));
}

/// Per direction, and a note when the text says both directions added. `what` names it in the note.
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

PowerSpec PowerSpecOf(const proto::Power& power, const std::vector<std::string>& estimates) {
  PowerSpec spec;
  spec.idle = PowerOf(power.idle());
  spec.limit = PowerOf(power.limit());
  spec.per_flop = JoulesPerFlop(SiOf(power.per_flop(), Dimension::kEnergyPerFlop));
  spec.per_hbm_byte = JoulesPerByte(SiOf(power.per_hbm_byte(), Dimension::kEnergyPerByte));
  spec.per_link_byte = JoulesPerByte(SiOf(power.per_link_byte(), Dimension::kEnergyPerByte));
  spec.estimate = false;
  for (const std::string& field : estimates) {
    spec.estimate = spec.estimate || field == "power" || field.starts_with("power.");
  }
  return spec;
}

CollectiveFit FitOf(const proto::CollectiveFit& fit) {
  CollectiveFit spec;
  spec.all_reduce_efficiency = fit.all_reduce_efficiency();
  spec.all_gather_efficiency = fit.all_gather_efficiency();
  spec.reduce_scatter_efficiency = fit.reduce_scatter_efficiency();
  spec.send_efficiency = fit.send_efficiency();
  spec.step_latency = TimeOf(fit.step_latency());
  spec.base_latency = TimeOf(fit.base_latency());
  spec.low_latency_efficiency = fit.low_latency_efficiency();
  spec.bulk_latency = fit.bulk_latency().empty() ? Seconds(0) : TimeOf(fit.bulk_latency());
  spec.local_copy = fit.local_copy();
  spec.all_to_all_efficiency =
      fit.all_to_all_efficiency() > 0 ? fit.all_to_all_efficiency() : fit.send_efficiency();
  return spec;
}

void NoteEstimates(const std::string& what, const std::vector<std::string>& estimates,
                   std::vector<std::string>& notes) {
  if (estimates.empty()) {
    return;
  }
  std::string note = what + ": estimates: ";
  for (std::size_t i = 0; i < estimates.size(); ++i) {
    note += (i == 0 ? "" : ", ") + estimates[i];
  }
  notes.push_back(note);
}

ServerSpec ServerOf(const Entry<proto::Server>& entry, const Catalogue& catalogue,
                    const std::string& path, std::vector<std::string>& notes) {
  const proto::Server& server = *entry.message;
  ServerSpec spec;
  spec.path = path;
  spec.name = server.name();
  spec.accelerator = MakeAccelerator(catalogue.accelerators.at(server.accelerator()), path, notes);
  spec.accelerators = server.accelerators();
  spec.scale_up = FitOf(server.scale_up());
  spec.nics = server.nics();
  spec.nic_bandwidth = BandwidthOf(server.nic_bandwidth());
  spec.fabric_nic_bandwidth = spec.nic_bandwidth;
  spec.scale_out = FitOf(server.scale_out());
  spec.overhead_power = PowerOf(server.overhead_power());
  NoteEstimates("server " + server.name(), EstimatesOf(server, *entry.written), notes);
  return spec;
}

SwitchSpec SwitchOf(const Catalogue& catalogue, const std::string& name,
                    std::vector<std::string>& notes) {
  const Entry<proto::Switch>& entry = catalogue.switches.at(name);
  SwitchSpec spec;
  spec.name = entry.message->name();
  spec.ports = entry.message->ports();
  spec.port_bandwidth = BandwidthOf(entry.message->port_bandwidth());
  spec.latency = TimeOf(entry.message->latency());
  spec.power = PowerOf(entry.message->power());
  const std::size_t before = notes.size();
  NoteEstimates("switch " + name, EstimatesOf(*entry.message, *entry.written), notes);
  // Leaf, spine and core are often the same switch; one note is enough.
  if (notes.size() > before) {
    for (std::size_t i = 0; i < before; ++i) {
      if (notes[i] == notes.back()) {
        notes.pop_back();
        break;
      }
    }
  }
  return spec;
}

ClosSpec ClosOf(const proto::Clos& clos, const Catalogue& catalogue, const std::string& path,
                std::vector<std::string>& notes) {
  ClosSpec spec;
  spec.path = path;
  spec.rail_optimized = clos.rail_optimized();
  spec.servers_per_leaf = clos.servers_per_leaf();
  spec.leaves_per_pod = clos.leaves_per_pod();
  // Zero is refused by the rules, so here it means: not given.
  spec.leaf_oversubscription =
      clos.leaf_oversubscription() == 0.0 ? 1.0 : clos.leaf_oversubscription();
  spec.spine_oversubscription =
      clos.spine_oversubscription() == 0.0 ? 1.0 : clos.spine_oversubscription();
  spec.tiers = clos.tiers();
  spec.leaf = SwitchOf(catalogue, clos.leaf_switch(), notes);
  spec.spine = SwitchOf(catalogue, clos.spine_switch(), notes);
  if (clos.tiers() == 3) {
    spec.core = SwitchOf(catalogue, clos.core_switch(), notes);
  }
  spec.routing = clos.routing() == proto::ECMP ? Routing::kEcmp : Routing::kSpray;
  return spec;
}

}  // namespace

double SiOf(const std::string& text, Dimension dimension) {
  const ParsedQuantity parsed = ParseQuantity(text, dimension);
  CHECK(parsed.si.has_value());
  return *parsed.si;
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
  spec.scale_up_bandwidth = LinkBandwidthOf(accelerator.scale_up(), what + " scale_up", notes);
  spec.estimates = EstimatesOf(accelerator, *entry.written);
  // What only rules and accounts ask about bears on no result.
  std::erase_if(spec.estimates, [](const std::string& field) {
    return field.starts_with("facts");
  });
  spec.power = PowerSpecOf(accelerator.power(), spec.estimates);
  NoteEstimates(what, spec.estimates, notes);
  return spec;
}

void ApplyNumbers(const proto::Override& change, const std::string& path,
                  AcceleratorSpec& accelerator, std::vector<std::string>& notes) {
  if (change.has_scale_up()) {
    accelerator.scale_up_bandwidth = LinkBandwidthOf(change.scale_up(), path + ".scale_up", notes);
  }
  if (!change.hbm_bandwidth().empty()) {
    accelerator.hbm_bandwidth = BandwidthOf(change.hbm_bandwidth());
  }
  if (!change.hbm_capacity().empty()) {
    accelerator.hbm_capacity = DataOf(change.hbm_capacity());
  }
  if (change.flops_factor() != 0.0) {
    for (MatrixRate& rate : accelerator.rates) {
      rate.peak = rate.peak * change.flops_factor();
    }
  }
  if (!change.power_limit().empty()) {
    accelerator.power.limit = PowerOf(change.power_limit());
  }
}

SiteSpec MakeSite(const proto::Scenario& scenario, int index, const Catalogue& catalogue,
                  std::vector<std::string>& notes) {
  CHECK(index < scenario.site_size());
  const proto::Site& site = scenario.site(index);
  SiteSpec spec;
  spec.path = ElementPath("site", static_cast<std::size_t>(index));
  spec.name = SiteName(scenario, index);
  spec.server =
      ServerOf(catalogue.servers.at(site.server()), catalogue, spec.path + ".server", notes);
  ApplyNumbers(site.override(), spec.path + ".override", spec.server.accelerator, notes);
  if (!site.override().nic_bandwidth().empty()) {
    spec.server.nic_bandwidth = BandwidthOf(site.override().nic_bandwidth());
  }
  if (site.override().has_comply_with() && !IsMetByQuota(site)) {
    const std::string& name = spec.server.accelerator.name;
    const std::size_t before = notes.size();
    ApplyCompliance(site.override().comply_with(), *catalogue.accelerators.at(name).message,
                    catalogue, spec.server.accelerator, notes);
    for (std::size_t i = before; i < notes.size(); ++i) {
      notes[i] = spec.path + ".override.comply_with: " + notes[i];
    }
  }
  spec.servers = site.servers();
  spec.clos = ClosOf(site.fabric().clos(), catalogue, spec.path + ".fabric.clos", notes);
  spec.pue = PueOf(site.facility(), catalogue, spec.path + ".facility", notes);
  if (!site.facility().power_cap().empty()) {
    spec.power_cap = PowerOf(site.facility().power_cap());
  }
  spec.power_policy =
      site.facility().power_policy() == proto::QUEUE ? PowerPolicy::kQueue : PowerPolicy::kSlow;
  if (!site.storage_bandwidth().empty()) {
    spec.storage_bandwidth = BandwidthOf(site.storage_bandwidth());
  }
  spec.electricity_usd_per_kwh = site.prices().electricity();
  spec.carbon_g_per_kwh = site.prices().carbon();
  return spec;
}

}  // namespace gridlock
