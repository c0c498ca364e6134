#include <algorithm>
#include <map>
#include <utility>

#include "sim/catalogue/serving_catalogue.h"
#include "sim/scenario/convert.h"
#include "sim/schema/rules.h"
#include "workloads/adapters.h"
#include "workloads/image_encoders.h"
#include "workloads/program/algorithm.h"

namespace gridlock {
namespace {

/// Refuses a name that the catalogue does not have; one that is not given is another rule's matter.
template <typename T>
void CheckName(const Entries<T>& entries, const std::string& kind, const std::string& name,
               const Written& place, ProblemList& problems) {
  if (!name.empty()) {
    (void)Find(entries, kind, name, place.value, problems);
  }
}

void CheckSiteNames(const proto::Site& site, const Written& place, const Catalogue& catalogue,
                    ProblemList& problems) {
  CheckName(catalogue.servers, "server", site.server(), place.At("server"), problems);
  CheckSwitchNames(site.fabric(), place.At("fabric"), catalogue, problems);
  CheckName(catalogue.transports, "transport", site.override().transport(),
            place.At("override").At("transport"), problems);
  CheckName(catalogue.optics, "optics", site.optics(), place.At("optics"), problems);
  CheckName(catalogue.buildings, "building", site.facility().building(),
            place.At("facility").At("building"), problems);
  CheckName(catalogue.storages, "storage", site.storage(), place.At("storage"), problems);
}

void CheckListed(const std::string& kind, const std::string& name,
                 const std::vector<std::string>& names, const Position& place,
                 ProblemList& problems) {
  if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) {
    problems.Add(place, "",
                 Refusal("there is no " + kind + " " + Quoted(name), OneOf(names),
                         NearestName(name, names)));
  }
}

void CheckPretrainingNames(const proto::Pretraining& run, const Written& at,
                           const Catalogue& catalogue, ProblemList& problems) {
  const Written& adapters = at.At("adapters");
  for (int i = 0; i < run.adapters().target_size(); ++i) {
    CheckListed("target of adapters", run.adapters().target(i), AdapterTargetNames(),
                adapters.At("target", i).value, problems);
  }
  CheckListed("format of a frozen base", run.adapters().base(), FrozenFormatNames(),
              adapters.At("base").value, problems);
  CheckListed("optimizer", run.optimizer(), OptimizerNames(), at.At("optimizer").value, problems);
  CheckName(catalogue.models, "model", run.model(), at.At("model"), problems);
  for (int i = 0; i < run.frozen_copy_size(); ++i) {
    CheckName(catalogue.models, "model", run.frozen_copy(i).model(),
              at.At("frozen_copy", i).At("model"), problems);
  }
  CheckName(catalogue.stacks, "stack", run.stack(), at.At("stack"), problems);
}

/// What is not modelled, of NCCL's words for it.
std::string OfFabrics(const std::string& algorithm) {
  const bool fabric = algorithm.starts_with("collnet") || algorithm.starts_with("Collnet") ||
                      algorithm.starts_with("CollNet") || algorithm == "sharp";
  return fabric ? " (switches of the fabric add nothing up here)"
         : algorithm == "pat" || algorithm == "PAT" ? " (gathers and scatters go by rings here)"
                                                    : "";
}

void CheckCollectiveTestNames(const proto::CollectiveTest& test, const Written& at,
                              ProblemList& problems) {
  std::vector<std::string> collectives;
  for (int kind = 0; kind < kCollectiveKinds; ++kind) {
    collectives.emplace_back(CollectiveName(static_cast<CollectiveKind>(kind)));
  }
  collectives.emplace_back(CollectiveTestSpec::kUnevenName);
  if (!test.collective().empty() && test.collective() != CollectiveTestSpec::kUnevenName &&
      !CollectiveByName(test.collective()).has_value()) {
    problems.Add(at.At("collective").value, "",
                 Refusal("there is no collective " + Quoted(test.collective()), OneOf(collectives),
                         NearestName(test.collective(), collectives)));
  }
  std::vector<std::string> algorithms{"automatic"};
  for (const Algorithm* algorithm : Algorithms()) {
    algorithms.emplace_back(algorithm->name);
  }
  const auto check = [&](const std::string& name, const Position& place) {
    if (AlgorithmsMeant(name).empty()) {
      problems.Add(place, "",
                   Refusal("there is no algorithm " + Quoted(name) + OfFabrics(name),
                           OneOf(algorithms), NearestName(name, algorithms)));
    }
  };
  if (!test.algorithm().empty() && test.algorithm() != "automatic") {
    check(test.algorithm(), at.At("algorithm").value);
  }
  for (int i = 0; i < test.exclude_size(); ++i) {
    check(test.exclude(i), at.At("exclude", i).value);
  }
  if (!ProtocolByName(test.protocol()).has_value()) {
    const std::vector<std::string> protocols{"automatic", "ll", "ll128", "simple"};
    problems.Add(at.At("protocol").value, "",
                 Refusal("there is no protocol " + Quoted(test.protocol()), OneOf(protocols),
                         NearestName(test.protocol(), protocols)));
  }
}

void CheckSiteOf(const proto::Scenario& scenario, const std::string& name, const Written& place,
                 ProblemList& problems) {
  if (name.empty() || SiteByName(scenario, name) >= 0) {
    return;
  }
  std::vector<std::string> names;
  for (int i = 0; i < scenario.site_size(); ++i) {
    names.push_back(SiteName(scenario, i));
  }
  problems.Add(place.value, "",
               Refusal("there is no site " + Quoted(name), OneOf(names), NearestName(name, names)));
}

void CheckWan(const proto::Scenario& scenario, const Written& written, ProblemList& problems) {
  std::map<std::pair<SiteIndex, SiteIndex>, int> first;
  for (int i = 0; i < scenario.wan_size(); ++i) {
    const proto::WanLink& wan = scenario.wan(i);
    const Written& place = written.At("wan", i);
    CheckSiteOf(scenario, wan.from(), place.At("from"), problems);
    CheckSiteOf(scenario, wan.to(), place.At("to"), problems);
    const SiteIndex from = SiteByName(scenario, wan.from());
    const SiteIndex to = SiteByName(scenario, wan.to());
    const std::pair<SiteIndex, SiteIndex> ends(std::min(from, to), std::max(from, to));
    const auto [other, is_new] = first.emplace(ends, i);
    if (!is_new && ends.first >= 0) {
      problems.Add(
          place.name, ElementPath("wan", static_cast<std::size_t>(i)),
          Refusal("there is another link between " + Quoted(wan.from()) + " and " +
                      Quoted(wan.to()) + ", at " + written.At("wan", other->second).name.Text(),
                  "one link with the bandwidth of both"));
    }
  }
}

void CheckOutages(const proto::Scenario& scenario, const Written& written, ProblemList& problems) {
  for (int i = 0; i < scenario.change_size(); ++i) {
    const proto::Outage& outage = scenario.change(i).outage();
    const Written& place = written.At("change", i).At("outage");
    CheckSiteOf(scenario, outage.site(), place.At("site"), problems);
    if (outage.wan() > scenario.wan_size()) {
      problems.Add(
          place.At("wan").value, "",
          Refusal("there is no WAN link number " + std::to_string(outage.wan()),
                  scenario.wan_size() == 0 ? "a scenario with wan { ... }"
                                           : "1 to " + std::to_string(scenario.wan_size()) +
                                                 ", in the order of the scenario"));
    }
  }
}

}  // namespace

std::string SiteName(const proto::Scenario& scenario, int index) {
  const std::string& name = scenario.site(index).name();
  return name.empty() ? ElementPath("site", static_cast<std::size_t>(index)) : name;
}

SiteIndex SiteByName(const proto::Scenario& scenario, const std::string& name) {
  for (int i = 0; i < scenario.site_size(); ++i) {
    if (SiteName(scenario, i) == name) {
      return {i};
    }
  }
  return {};
}

// A group that is far from one site says how far it is from all.
void CheckLatencies(const proto::Serving& fleet, const proto::Scenario& scenario, const Written& at,
                    ProblemList& problems) {
  int known = 0;
  for (int g = 0; g < fleet.group_size(); ++g) {
    const proto::RequestGroup& group = fleet.group(g);
    std::set<std::string> said;
    for (int i = 0; i < group.latency_size(); ++i) {
      CheckSiteOf(scenario, group.latency(i).site(), at.At("group", g).At("latency", i).At("site"),
                  problems);
      said.insert(group.latency(i).site());
    }
    known += group.latency_size();
    for (int s = 0; s < scenario.site_size() && !said.empty(); ++s) {
      if (said.count(SiteName(scenario, s)) == 0) {
        problems.Add(at.At("group", g).value, "",
                     Refusal("no `latency` from group " + Quoted(group.name()) + " to site " +
                                 Quoted(SiteName(scenario, s)),
                             "one to every site, or none"));
      }
    }
  }
  const bool asks = fleet.router() == proto::NEAREST || fleet.site_order() == proto::BY_LATENCY;
  if (asks && known == 0) {
    const char* const field = fleet.router() == proto::NEAREST ? "router" : "site_order";
    problems.Add(at.At(field).value, "",
                 Refusal("how far users are stands nowhere", "`latency` in a group"));
  }
}

void CheckServingNames(const proto::Serving& fleet, const proto::Scenario& scenario,
                       const Written& at, ProblemList& problems) {
  CheckLatencies(fleet, scenario, at, problems);
  for (int g = 0; g < fleet.group_size(); ++g) {
    CheckListed("encoder of images", fleet.group(g).images().encoder(), ImageEncoderNames(),
                at.At("group", g).At("images").At("encoder").value, problems);
  }
  WeightFormat format{};
  if (!fleet.weights().empty() && !WeightFormatByName(fleet.weights(), format)) {
    problems.Add(at.At("weights").value, "",
                 Refusal("there is no format " + Quoted(fleet.weights()), kWeightFormatNames));
  }
  if (!fleet.kv_cache().empty() && fleet.kv_cache() != "bf16" && fleet.kv_cache() != "fp8") {
    problems.Add(at.At("kv_cache").value, "",
                 Refusal("a KV cache in " + Quoted(fleet.kv_cache()), "bf16 or fp8"));
  }
  for (int i = 0; i < fleet.adapters().target_size(); ++i) {
    CheckListed("target of adapters", fleet.adapters().target(i), ServedTargetNames(),
                at.At("adapters").At("target", i).value, problems);
  }
  const auto& targets = fleet.adapters().target();
  if (fleet.has_experts_apart() &&
      std::find(targets.begin(), targets.end(), "experts") != targets.end()) {
    problems.Add(at.At("experts_apart").name, "",
                 Refusal("experts that are apart have no adapters here",
                         "no \"experts\" among the targets of adapters"));
  }
  if (fleet.engine().empty()) {
    return;
  }
  const ServingCatalogue tables = ShippedServingCatalogue();
  if (tables.FindEngine(fleet.engine()) == nullptr) {
    RefuseName("serving engine", fleet.engine(), {tables.EngineNames(), {}}, at.At("engine").value,
               problems);
  }
}

void CheckJobNames(const JobMessage& job, const proto::Scenario& scenario,
                   const Catalogue& catalogue, ProblemList& problems) {
  const proto::Job& message = job.message;
  CheckSiteOf(scenario, message.site(), job.written.At("site"), problems);
  for (int i = 0; i < message.span_size(); ++i) {
    CheckSiteOf(scenario, message.span(i), job.written.At("span", i), problems);
  }
  CheckPretrainingNames(message.pretraining(), job.written.At("pretraining"), catalogue, problems);
  for (int i = 0; i < message.campaign().rung_size(); ++i) {
    CheckPretrainingNames(message.campaign().rung(i), job.written.At("campaign").At("rung", i),
                          catalogue, problems);
  }
  CheckName(catalogue.models, "model", message.serving().model(),
            job.written.At("serving").At("model"), problems);
  CheckServingNames(message.serving(), scenario, job.written.At("serving"), problems);
  CheckCollectiveTestNames(message.collective_test(), job.written.At("collective_test"), problems);
}

void CheckNames(const proto::Scenario& scenario, const Written& written, const Catalogue& catalogue,
                ProblemList& problems) {
  for (int i = 0; i < scenario.site_size(); ++i) {
    CheckSiteNames(scenario.site(i), written.At("site", i), catalogue, problems);
    const int first = SiteByName(scenario, SiteName(scenario, i));
    if (first != i) {
      problems.Add(written.At("site", i).At("name").value,
                   ElementPath("site", static_cast<std::size_t>(i)) + ".name",
                   Refusal("there is another site " + Quoted(SiteName(scenario, i)) + ", at " +
                               written.At("site", first).name.Text(),
                           "a name of its own"));
    }
  }
  CheckWan(scenario, written, problems);
  for (int i = 0; i < scenario.job_size(); ++i) {
    const JobMessage job{scenario.job(i), written.At("job", i),
                         ElementPath("job", static_cast<std::size_t>(i))};
    CheckJobNames(job, scenario, catalogue, problems);
  }
  CheckOutages(scenario, written, problems);
  const proto::Reliability& reliability = scenario.reliability();
  CheckName(catalogue.failure_rates, "failure_rate", reliability.failure_rate(),
            written.At("reliability").At("failure_rate"), problems);
  for (int i = 0; i < reliability.failure_size(); ++i) {
    CheckName(catalogue.failure_rates, "failure_rate", reliability.failure(i).rate(),
              written.At("reliability").At("failure", i).At("rate"), problems);
  }
}

}  // namespace gridlock
