#include "sim/cluster/faults.h"

namespace gridlock {

Faults::Faults(const Scenario& scenario, const Servers& servers)
    : horizon_(scenario.horizon), sites_(scenario.sites.size()) {
  const ReliabilitySpec& spec = scenario.reliability;
  if (spec.server_mtbf > Seconds(0)) {
    FailureSpec server;
    server.mtbf = spec.server_mtbf;
    server.repair_time = spec.repair_time;
    kinds_.push_back(server);
  }
  kinds_.insert(kinds_.end(), spec.failures.begin(), spec.failures.end());
  for (std::size_t s = 0; s < sites_.size(); ++s) {
    Site& site = sites_[s];
    const SiteSpec& of = scenario.sites[s];
    site.lemons = DrawLemons(spec, of, scenario.seed);
    site.since = NewSince(spec, of);
    const Locality& locality = *servers.state(IndexOf<SiteIndex>(s)).locality;
    for (const FailureSpec& kind : kinds_) {
      const std::string purpose =
          "failures/" + of.name + (kind.name.empty() ? "" : "/" + kind.name);
      site.streams.emplace_back(kind, of, locality, site.lemons, site.since, scenario.seed,
                                purpose);
    }
  }
}

std::string Faults::NameOf(const Fault& fault) const {
  const std::string& name = kind(fault).name;
  return name.empty() ? "failure" : name;
}

bool Faults::HitsRunAlone(const Fault& fault) const {
  return kind(fault).takes == "run" && kind(fault).neighbours == 0;
}

std::optional<Fault> Faults::Next(SiteIndex site, std::size_t kind, Seconds now) {
  FailureStream& stream = sites_[site].streams[kind];
  if (!stream.happens()) {
    return std::nullopt;
  }
  const FailureStream::Drawn drawn = stream.Next(now, horizon_);
  if (drawn.at >= horizon_) {
    return std::nullopt;
  }
  const FailureStream::Range around = stream.Around(drawn.server);
  return Fault{drawn.at, kind, drawn.server, {site, around.first, around.count}, drawn.repair_time};
}

Faults::Flap Faults::NextFlap(const Fault& fault) {
  FailureStream& stream = sites_[fault.servers.site].streams[fault.kind];
  const Seconds down = stream.NextFlap(/*down=*/true);
  return {down, stream.NextFlap(/*down=*/false)};
}

std::vector<DeliveredServers> DeliveriesTo(SiteIndex site, const SiteSpec& spec) {
  std::int32_t next = spec.servers;
  for (const DeliverySpec& delivery : spec.deliveries) {
    next -= delivery.servers;
  }
  std::vector<DeliveredServers> all;
  for (const DeliverySpec& delivery : spec.deliveries) {
    all.push_back({delivery.at, {site, ServerIndex{next}, delivery.servers}});
    next += delivery.servers;
  }
  return all;
}

}  // namespace gridlock
