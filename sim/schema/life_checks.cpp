#include "sim/schema/life_checks.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "proto/scenario.pb.h"
#include "proto/workload.pb.h"
#include "sim/base/check.h"
#include "sim/schema/rules.h"

namespace gridlock {
namespace {

constexpr const char* kHorizon = "horizon: \"7 days\" or another length in the scenario";

double TimeOf(const std::string& text) {
  return SiOf(text, Dimension::kTime);
}

/// Within a step links fail and come back; all else needs a horizon.
void CheckChangeOfStep(const proto::Change& change, const Complaints& complain) {
  if (change.has_outage()) {
    complain.Presence("outage", "\"outage\" needs a horizon", kHorizon);
    return;
  }
  const std::string& path = change.path();
  const bool failed = path.starts_with("site") && path.ends_with(".failed");
  const bool wan = path.starts_with("wan") && path.ends_with(".bandwidth");
  if (complain.Has("path") && !failed && !wan) {
    complain.Presence("path", "a change of " + Quoted(path) + " needs a horizon",
                      std::string(kHorizon) +
                          ", or within a step a change of site[i].failed or wan[i].bandwidth");
  }
}

/// What only a scenario with a horizon may have; these are written, but may be wrong themselves.
void CheckNeedsOfHorizon(const proto::Scenario& scenario, const Complaints& complain) {
  const auto refuse = [&](const std::string& field, const std::string& what, int index = 0) {
    complain.Presence(field, what + " needs a horizon", kHorizon, index);
  };
  if (scenario.job_size() > 1) {
    refuse("job", "more than one job", 1);
  }
  for (int i = 0; i < scenario.change_size(); ++i) {
    CheckChangeOfStep(scenario.change(i), complain.Within("change", i));
  }
  for (const char* field : {"reliability", "workload"}) {
    if (complain.Has(field)) {
      refuse(field, Quoted(field));
    }
  }
}

/// The same of what stands in a job, a site or the recording.
void CheckNeedsOfHorizonWithin(const proto::Scenario& scenario, const Complaints& complain) {
  const auto refuse = [](const Complaints& at, const char* field) {
    if (at.Has(field)) {
      at.Presence(field, Quoted(field) + " needs a horizon", kHorizon);
    }
  };
  for (int i = 0; i < scenario.job_size(); ++i) {
    const Complaints job = complain.Within("job", i);
    for (const char* field : {"campaign", "serving", "recorded", "after_cohort", "within"}) {
      refuse(job, field);
    }
    for (const char* field : {"checkpoint", "elastic"}) {
      refuse(job.Within("pretraining"), field);
    }
    const ParsedQuantity start = ParseQuantity(scenario.job(i).start(), Dimension::kTime);
    if (job.Has("start") && start.si.has_value() && *start.si != 0.0) {
      job.Presence("start", "a \"start\" other than \"0 s\" needs a horizon", kHorizon);
    }
  }
  for (int i = 0; i < scenario.site_size(); ++i) {
    for (const char* field : {"power_cap", "rack_cap", "row_cap", "battery"}) {
      refuse(complain.Within("site", i).Within("facility"), field);
    }
    for (const char* field : {"delivery", "retirement", "profile", "hour"}) {
      refuse(complain.Within("site", i), field);
    }
    refuse(complain.Within("site", i).Within("facility"), "demand_response");
  }
  for (int i = 0; i < scenario.wan_size(); ++i) {
    for (const char* field : {"rent", "price_per_gigabyte"}) {
      refuse(complain.Within("wan", i), field);
    }
  }
  refuse(complain.Within("recording"), "interval");
}

void Check(const proto::Scenario& scenario, const Complaints& complain) {
  if (!complain.Has("horizon")) {
    CheckNeedsOfHorizon(scenario, complain);
    CheckNeedsOfHorizonWithin(scenario, complain);
    return;
  }
  for (int i = 0; i < scenario.change_size(); ++i) {
    if (complain.Within("change", i).Has("failover")) {
      complain.Within("change", i)
          .Presence("failover", "\"failover\" is of links that fail within a step",
                    "none in a scenario with a horizon");
    }
  }
  for (int i = 0; i < scenario.job_size(); ++i) {
    const Complaints job = complain.Within("job", i);
    if (scenario.job(i).has_pretraining()) {
      CheckLength(scenario.job(i).pretraining(), job.Within("pretraining"));
    }
    if (job.Has("collective_test")) {
      job.Presence("collective_test",
                   "\"collective_test\" is one measurement, and this scenario has a horizon",
                   "a scenario without \"horizon\"");
    }
  }
}

void CheckOuter(const proto::Pretraining& run, bool spans, const Complaints& complain) {
  const int group = run.layout().shard_group();
  if (run.has_outer() && !spans && (group == 0 || group >= run.layout().data())) {
    complain.Presence(
        "outer",
        "there is nobody to meet rarely: the run lies on one site and has one "
        "shard group",
        "\"span\" with two sites or more, or a \"shard_group\" smaller than \"data\"");
  }
}

void Check(const proto::Job& job, const Complaints& complain) {
  if (job.kind_case() == proto::Job::KIND_NOT_SET) {
    complain.Presence("kind", "the job does not say what it is",
                      "pretraining { ... }, campaign { ... }, serving { ... } or "
                      "collective_test { ... }");
  }
  if (complain.Has("within") && (job.has_serving() || job.has_collective_test())) {
    complain.Presence("within", "\"within\" is for training and jobs of logs", "a job without it");
  }
  if (job.has_pretraining()) {
    CheckOuter(job.pretraining(), job.span_size() > 0, complain.Within("pretraining"));
  }
  if (job.span_size() == 0) {
    return;
  }
  if (complain.Has("within")) {
    complain.Presence("within", "a job over several sites has no group of its own",
                      "\"site\" beside it, or a job without it");
  }
  if (complain.Has("site")) {
    complain.Presence("span", "both \"site\" and \"span\" are given", "one of them");
  } else if (!job.has_pretraining()) {
    complain.Presence("span", "\"span\" is for pretraining, and this job is something else",
                      "\"site\", or a job without it");
  } else if (job.span_size() == 1) {
    complain.Presence("span", "\"span\" names one site", "two or more, or \"site\"");
  }
  std::set<std::string> seen;
  for (int i = 0; i < job.span_size(); ++i) {
    if (!seen.insert(job.span(i)).second) {
      complain.Value("span", Quoted(job.span(i)) + " is named twice", "different sites", i);
    }
  }
}

void Check(const proto::Pretraining& run, const Complaints& complain) {
  if (complain.Has("steps") && complain.Has("tokens")) {
    complain.Presence("tokens", "both \"steps\" and \"tokens\" are given", "one of them");
  }
  if (complain.Has("steps") && run.fails_at_step() > run.steps()) {
    complain.Value("fails_at_step",
                   "\"fails_at_step\" is " + std::to_string(run.fails_at_step()) +
                       ", and the run has " + std::to_string(run.steps()) + " steps",
                   "at most " + std::to_string(run.steps()));
  }
  for (const char* field : {"checkpoint", "elastic"}) {
    if (complain.Has(field) && !complain.Has("checkpoint_interval")) {
      complain.Presence(field, Quoted(field) + " is for runs that are saved",
                        "\"checkpoint_interval\" beside it");
    }
  }
  if (!complain.Has("elastic")) {
    return;
  }
  const int replicas = run.layout().data();
  if (run.elastic().replicas_min() > replicas) {
    complain.Within("elastic").Value(
        "replicas_min",
        "\"replicas_min\" is " + std::to_string(run.elastic().replicas_min()) +
            ", and the layout has " + std::to_string(replicas) + " replicas",
        "at most " + std::to_string(replicas));
  }
  const int group = run.layout().shard_group();
  if (group > 0 && run.elastic().replicas_min() % group != 0) {
    complain.Within("elastic").Value(
        "replicas_min",
        "\"replicas_min\" is " + std::to_string(run.elastic().replicas_min()) +
            ", and shard groups have " + std::to_string(group) + " replicas",
        "a multiple of " + std::to_string(group));
  }
  if (!run.elastic().reconfiguration_time().empty() && run.zero() > 0 &&
      (group == 0 || group >= replicas)) {
    complain.Within("elastic").Presence(
        "reconfiguration_time",
        "with zero: " + std::to_string(run.zero()) +
            " over all replicas, what is left does not hold the whole state",
        "zero: 0, or a \"shard_group\" that is smaller than \"data\"");
  }
}

void Check(const proto::Checkpoint& checkpoint, const Complaints& complain) {
  if (checkpoint.neighbours() > 0 && checkpoint.memory_interval().empty()) {
    complain.Presence("neighbours", "nothing is copied to memory", "\"memory_interval\" beside it");
  }
}

void Check(const proto::Campaign& campaign, const Complaints& complain) {
  if (complain.Has("compute") && !complain.Has("final_run")) {
    complain.Presence("compute", "\"compute\" compares with a final run, and none is named",
                      "final_run: the name of a pretraining job");
  }
  const auto accelerators = [&](int rung) {
    const proto::Layout& layout = campaign.rung(rung).layout();
    return 1.0 * std::max(layout.tensor(), 1) * std::max(layout.context(), 1) *
           std::max(layout.pipeline(), 1) * layout.data();
  };
  for (int i = 0; i < campaign.rung_size(); ++i) {
    CheckLength(campaign.rung(i), complain.Within("rung", i));
    if (i > 0 && accelerators(i) < accelerators(i - 1)) {
      complain.Presence("rung", "the rung has fewer accelerators than the one before it",
                        "the smallest first", i);
    }
  }
}

void Check(const proto::Serving& serving, const Complaints& complain) {
  const auto at_most_replicas = [&](const char* field, int value) {
    if (value > serving.replicas()) {
      complain.Value(field,
                     Quoted(field) + " is " + std::to_string(value) + ", and the fleet has " +
                         std::to_string(serving.replicas()) + " replicas",
                     "at most " + std::to_string(serving.replicas()));
    }
  };
  at_most_replicas("replicas_min", serving.replicas_min());
  at_most_replicas("replicas_simulated", serving.replicas_simulated());
  if (serving.accepted() > 0 && serving.draft_tokens() == 0) {
    complain.Value("accepted", "nothing is drafted that could be accepted",
                   "\"draft_tokens\" as well");
  }
  std::set<std::string> seen;
  for (int i = 0; i < serving.group_size(); ++i) {
    if (!seen.insert(serving.group(i).name()).second) {
      complain.Within("group", i)
          .Value("name", "there is another group " + Quoted(serving.group(i).name()),
                 "a name of its own");
    }
  }
}

void Check(const proto::Lengths& lengths, const Complaints& complain) {
  if (lengths.p90() < lengths.median()) {
    complain.Value("p90", "the 90th percentile is below the median", "at least the median");
  }
  if (static_cast<double>(lengths.max()) < lengths.median()) {
    complain.Value("max", "\"max\" is below the median", "at least the median");
  }
}

void Check(const proto::WanLink& wan, const Complaints& complain) {
  if (wan.from() == wan.to()) {
    complain.Value("to", "the link leads from " + Quoted(wan.from()) + " to itself",
                   "another site");
  }
}

void Check(const proto::Change& change, const Complaints& complain) {
  if (complain.Has("until") && TimeOf(change.until()) <= TimeOf(change.at())) {
    complain.Value("until", Quoted(change.until()) + " is not after " + Quoted(change.at()),
                   "a later time, or a change without it");
  }
  const bool sets = complain.Has("path") || complain.Has("value");
  if (change.has_outage() && sets) {
    complain.Presence("outage", "\"outage\" stands beside \"path\" or \"value\"",
                      "a change of its own");
  } else if (!change.has_outage() && !sets) {
    complain.Presence("path", "the change does not say what changes",
                      "path and value, or outage { ... }");
  } else if (sets && !complain.Has("value")) {
    complain.Presence("path", "\"path\" has no \"value\"", "value: \"...\" beside it");
  } else if (sets && !complain.Has("path")) {
    complain.Presence("value", "\"value\" has no \"path\"", "path: \"...\" beside it");
  }
}

void Check(const proto::Outage& outage, const Complaints& complain) {
  const bool servers = complain.Has("first_server") || complain.Has("servers");
  if (complain.Has("site") == complain.Has("wan")) {
    complain.Presence("wan",
                      complain.Has("wan") ? "both \"site\" and \"wan\" are given"
                                          : "the outage does not say of what",
                      "one of \"site\" and \"wan\"");
  } else if (outage.wan() > 0 && servers) {
    complain.Presence(complain.Has("servers") ? "servers" : "first_server",
                      "a WAN link has no servers", "\"wan\" alone");
  }
}

void Check(const proto::Reliability& reliability, const Complaints& complain) {
  const bool both = complain.Has("failure_rate") && complain.Has("server_mtbf");
  const bool any =
      complain.Has("failure_rate") || complain.Has("server_mtbf") || complain.Has("failure");
  if (both || !any) {
    complain.Presence("server_mtbf",
                      both ? "both \"failure_rate\" and \"server_mtbf\" are given"
                           : "how often servers fail is missing",
                      "one of \"failure_rate\" and \"server_mtbf\"");
  }
  if (reliability.repair_time().empty()) {
    complain.Presence("repair_time", "\"repair_time\" is missing", "a time such as \"2 h\"");
  }
}

void Check(const proto::Failure& failure, const Complaints& complain) {
  if (complain.Has("rate") == complain.Has("mtbf")) {
    complain.Presence("mtbf",
                      complain.Has("mtbf") ? "both \"rate\" and \"mtbf\" are given"
                                           : "how often it happens is missing",
                      "one of \"rate\" and \"mtbf\"");
  }
  if (complain.Has("rate") && complain.Has("per")) {
    complain.Presence("per", "the entry of \"rate\" says what it counts", "\"mtbf\" beside it");
  }
  if (complain.Has("takes") && complain.Has("servers")) {
    complain.Presence("servers", "both \"takes\" and \"servers\" are given", "one of them");
  }
  for (const char* field : {"slowdown", "flaps"}) {
    if (complain.Has(field) && failure.detection_time().empty()) {
      complain.Presence(
          field, Quoted(field) + (field[0] == 's' ? " holds" : " last") + " until somebody notices",
          "\"detection_time\" beside it");
    }
  }
  if (complain.Has("slowdown") && complain.Has("flaps")) {
    complain.Presence("flaps", "both \"slowdown\" and \"flaps\" are given", "one of them");
  }
}

void Check(const proto::Lemons& lemons, const Complaints& complain) {
  if (complain.Has("share") && complain.Has("failures") && lemons.failures() < lemons.share()) {
    complain.Value("failures", "lemons would fail less often than other servers",
                   "at least \"share\"");
  }
}

void Check(const proto::Spares& spares, const Complaints& complain) {
  if (complain.Has("cold_start") && spares.cold() == 0) {
    complain.Presence("cold_start", "no server is cold", "\"cold\" beside it");
  }
}

void CheckProfile(const proto::Site& site, const Complaints& complain) {
  for (int i = 1; i < site.hour_size(); ++i) {
    if (TimeOf(site.hour(i).at()) <= TimeOf(site.hour(i - 1).at())) {
      complain.Within("hour", i).Value("at", "hours do not rise", "a later time");
    }
  }
  const bool priced = std::any_of(site.hour().begin(), site.hour().end(), [](const auto& hour) {
    return hour.has_electricity();
  });
  if (site.facility().has_demand_response() && !priced && site.profile().empty()) {
    complain.Within("facility")
        .Presence("demand_response", "no hour says what electricity costs",
                  "a \"profile\" with electricity");
  }
}

void Check(const proto::Battery& battery, const Complaints& complain) {
  if (battery.has_discharge_above() && battery.charge_below() > battery.discharge_above()) {
    complain.Value("charge_below", "it would be filled in the hours in which it gives",
                   "at most discharge_above");
  }
}

void Check(const proto::Facility& facility, const Complaints& complain) {
  for (int i = 1; i < facility.pue_at_size(); ++i) {
    if (facility.pue_at(i).temperature() <= facility.pue_at(i - 1).temperature()) {
      complain.Within("pue_at", i).Value("temperature", "temperatures do not rise", "a higher one");
    }
  }
  const auto needs = [&](const char* field, const char* other) {
    if (complain.Has(field) && !complain.Has(other)) {
      complain.Presence(field, Quoted(field) + " needs " + Quoted(other),
                        std::string(other) + ": 4, or another number");
    }
  };
  needs("rack_cap", "servers_per_rack");
  needs("row_cap", "racks_per_row");
}

void Check(const proto::Scheduler& scheduler, const Complaints& complain) {
  const auto& tenants = scheduler.tenant();
  const bool quotas = std::all_of(tenants.begin(), tenants.end(), [](const auto& tenant) {
    return tenant.servers() > 0 && tenant.share() == 0;
  });
  for (const char* field : {"tenant", "half_life"}) {
    const bool quota = std::string_view(field) == "tenant" && quotas;
    if (complain.Has(field) && !quota && scheduler.policy() != proto::FAIR_SHARE) {
      complain.Presence(field, Quoted(field) + " is for shares of tenants", "policy: FAIR_SHARE");
    }
  }
}

void Check(const proto::Item& item, const Complaints& complain) {
  if (item.kind_case() == proto::Item::KIND_NOT_SET) {
    complain.Presence("kind", "the item holds nothing",
                      "header { ... }, job { ... } or request { ... }");
  }
}

}  // namespace

void CheckLength(const proto::Pretraining& run, const Complaints& complain) {
  if (run.steps() == 0 && run.tokens() == 0.0 && !complain.Has("steps") &&
      !complain.Has("tokens")) {
    complain.Presence("steps", "the run has no length", "steps: 1000, or tokens: 1e9");
  }
}

void CheckLifeMessage(const google::protobuf::Message& message, const Complaints& complain) {
  CheckIf<proto::Scenario>(message, complain, Check);
  CheckIf<proto::Job>(message, complain, Check);
  CheckIf<proto::Pretraining>(message, complain, Check);
  CheckIf<proto::Checkpoint>(message, complain, Check);
  CheckIf<proto::Campaign>(message, complain, Check);
  CheckIf<proto::Serving>(message, complain, Check);
  CheckIf<proto::Lengths>(message, complain, Check);
  CheckIf<proto::WanLink>(message, complain, Check);
  CheckIf<proto::Change>(message, complain, Check);
  CheckIf<proto::Outage>(message, complain, Check);
  CheckIf<proto::Reliability>(message, complain, Check);
  CheckIf<proto::Failure>(message, complain, Check);
  CheckIf<proto::Lemons>(message, complain, Check);
  CheckIf<proto::Spares>(message, complain, Check);
  CheckIf<proto::Site>(message, complain, CheckProfile);
  CheckIf<proto::Facility>(message, complain, Check);
  CheckIf<proto::Battery>(message, complain, Check);
  CheckIf<proto::Scheduler>(message, complain, Check);
  CheckIf<proto::Item>(message, complain, Check);
}

}  // namespace gridlock
