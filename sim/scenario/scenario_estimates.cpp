#include "sim/scenario/scenario_estimates.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>
#include <variant>

#include "sim/catalogue/estimates.h"

namespace gridlock {
namespace {

/// Collects the estimates of entries, each entry once.
class Collector {
 public:
  template <typename T>
  void Add(const std::string& kind, const Entries<T>& entries, const std::string& name) {
    const auto entry = entries.find(name);
    if (entry != entries.end() && done_.emplace(kind, name).second) {
      std::vector<Estimate> more = EstimatesAmong(kind, entry->second);
      std::move(more.begin(), more.end(), std::back_inserter(estimates_));
    }
  }

  std::vector<Estimate> Take() { return std::move(estimates_); }

 private:
  std::set<std::pair<std::string, std::string>> done_;  ///< kinds and names
  std::vector<Estimate> estimates_;
};

/// @param alone nothing goes through NICs: the site's one server has no other to talk to, or
///     accelerators of one torus talk over its links
void AddSite(const proto::Site& site, bool alone, const Catalogue& catalogue,
             Collector& collector) {
  const auto server = catalogue.servers.find(site.server());
  if (server != catalogue.servers.end()) {
    const proto::Server& message = *server->second.message;
    collector.Add("accelerator", catalogue.accelerators, message.accelerator());
    collector.Add("transport", catalogue.transports, message.scale_up().transport());
    if (!alone) {
      const std::string& given = site.override().transport();
      collector.Add("transport", catalogue.transports,
                    given.empty() ? message.scale_out().transport() : given);
    }
  }
  collector.Add("server", catalogue.servers, site.server());
  for (const SwitchName& each : SwitchNames(site.fabric())) {
    collector.Add("switch", catalogue.switches, each.name);
  }
  collector.Add("optics", catalogue.optics, site.optics());
  collector.Add("storage", catalogue.storages, site.storage());
  if (site.facility().pue() == 0.0) {
    collector.Add("building", catalogue.buildings, site.facility().building());
  }
}

void AddTraining(const TrainingSpec& training, const Catalogue& catalogue, Collector& collector) {
  collector.Add("model", catalogue.models, training.model.name);
  collector.Add("stack", catalogue.stacks, training.stack.name);
}

// The entries that each kind of job names.

void AddEntries(const PretrainingSpec& run, const Catalogue& catalogue, Collector& collector) {
  AddTraining(run.step, catalogue, collector);
}

void AddEntries(const CampaignSpec& campaign, const Catalogue& catalogue, Collector& collector) {
  for (const PretrainingSpec& rung : campaign.rungs) {
    AddTraining(rung.step, catalogue, collector);
  }
}

void AddEntries(const ServingSpec& fleet, const Catalogue& catalogue, Collector& collector) {
  collector.Add("model", catalogue.models, fleet.model.name);
}

void AddEntries(const CollectiveTestSpec& /*test*/, const Catalogue& /*catalogue*/,
                Collector& /*collector*/) {}  // names none

}  // namespace

bool HasWritten(const Written& site, const std::string& path) {
  const Written* place = &site;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t dot = std::min(path.find('.', start), path.size());
    const std::string field = path.substr(start, dot - start);
    if (!place->Has(field)) {
      return false;
    }
    place = &place->At(field);
    start = dot + 1;
  }
  return true;
}

std::vector<Estimate> EstimatesOfCluster(const Entry<proto::Cluster>& cluster,
                                         const Written& site) {
  std::vector<Estimate> estimates = EstimatesAmong("cluster", cluster);
  std::erase_if(estimates, [&](const Estimate& estimate) {
    return estimate.field == "hypothetical" || HasWritten(site, estimate.field);
  });
  return estimates;
}

std::vector<Estimate> EstimatesOfEntries(const ScenarioMessage& from,
                                         const std::vector<JobSpec>& jobs) {
  Collector collector;
  for (const proto::Site& site : from.message.site()) {
    const bool torus = site.fabric().has_torus() && site.fabric().torus().slice().empty();
    const bool alone = (site.servers() == 1 || torus) && from.message.site_size() == 1;
    AddSite(site, alone, from.catalogue, collector);
  }
  for (const JobSpec& job : jobs) {
    std::visit(
        [&](const auto& kind) {
          AddEntries(kind, from.catalogue, collector);
        },
        job.kind);
  }
  collector.Add("failure_rate", from.catalogue.failure_rates,
                from.message.reliability().failure_rate());
  for (const proto::Failure& failure : from.message.reliability().failure()) {
    collector.Add("failure_rate", from.catalogue.failure_rates, failure.rate());
  }
  return collector.Take();
}

}  // namespace gridlock
