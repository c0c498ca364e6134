#include "sim/scenario/life.h"

#include <cstdint>
#include <limits>

#include "sim/schema/rules.h"

namespace gridlock {
namespace {

Seconds RequiredTime(const std::string& text) {
  return Seconds(SiOf(text, Dimension::kTime));
}

/// A failure rate counts servers when its unit says so: "server", "server of 8 accelerators"; or
/// accelerators: "accelerator".
bool Counts(std::string_view what, const std::string& unit) {
  return unit.starts_with(what) && (unit.size() == what.size() || unit[what.size()] == ' ');
}

bool CountsServersOrAccelerators(const std::string& unit) {
  return Counts("server", unit) || Counts("accelerator", unit);
}

/// Accelerators in a server of every site; a problem where they differ.
int AcceleratorsOfServers(const Scenario& scenario, const Position& at, ProblemList& problems) {
  const int first = scenario.sites.front().server.accelerators;
  for (const SiteSpec& site : scenario.sites) {
    if (site.server.accelerators != first) {
      problems.Add(
          at, "reliability.failure_rate",
          Refusal("it counts failures by accelerator, and the servers of the sites have " +
                      std::to_string(first) + " and " + std::to_string(site.server.accelerators),
                  "server_mtbf"));
      break;
    }
  }
  return first;
}

void AddReliability(const ScenarioMessage& from, Scenario& scenario, ProblemList& problems) {
  const proto::Reliability& reliability = from.message.reliability();
  const Written& written = from.written.At("reliability");
  ReliabilitySpec& spec = scenario.reliability;
  if (reliability.failure_rate().empty()) {
    spec.server_mtbf = RequiredTime(reliability.server_mtbf());
  } else {
    const auto& entry = from.catalogue.failure_rates.at(reliability.failure_rate());
    const proto::FailureRate& rate = *entry.message;
    spec.server_mtbf = RequiredTime(rate.mtbf());
    if (Counts("accelerator", rate.unit())) {
      spec.server_mtbf =
          spec.server_mtbf /
          AcceleratorsOfServers(scenario, written.At("failure_rate").value, problems);
    }
    if (!CountsServersOrAccelerators(rate.unit())) {
      std::vector<std::string> names;
      for (const auto& [name, each] : from.catalogue.failure_rates) {
        if (CountsServersOrAccelerators(each.message->unit())) {
          names.push_back(name);
        }
      }
      problems.Add(written.At("failure_rate").value, "reliability.failure_rate",
                   Refusal(Quoted(rate.name()) + " counts failures by " + Quoted(rate.unit()),
                           names.empty() ? "one by server, or server_mtbf" : OneOf(names)));
    }
  }
  spec.repair_time = RequiredTime(reliability.repair_time());
  if (!reliability.restart_time().empty()) {
    spec.restart_time = RequiredTime(reliability.restart_time());
  }
}

/// The servers of an outage that stays within its site, or a problem.
void SetServers(const proto::Outage& outage, const Written& written, const SiteSpec& site,
                OutageSpec& spec, ProblemList& problems) {
  const std::int64_t first = outage.first_server();
  const std::int64_t servers = outage.servers() > 0 ? outage.servers() : site.servers - first;
  const std::string has =
      ", and " + Quoted(site.name) + " has " + std::to_string(site.servers) + " servers";
  if (first >= site.servers) {
    problems.Add(written.At("first_server").value, "",
                 Refusal("\"first_server\" is " + std::to_string(first) + has,
                         "at most " + std::to_string(site.servers - 1)));
    return;
  }
  if (first + servers > site.servers) {
    problems.Add(written.At("servers").value, "",
                 Refusal(std::to_string(servers) + " servers from number " + std::to_string(first) +
                             " on are out" + has,
                         "at most " + std::to_string(site.servers - first)));
    return;
  }
  spec.first_server = {static_cast<std::int32_t>(first)};
  spec.servers = static_cast<std::int32_t>(servers);
}

}  // namespace

void AddOutages(const ScenarioMessage& from, Scenario& scenario, ProblemList& problems) {
  for (int i = 0; i < from.message.change_size(); ++i) {
    const proto::Change& change = from.message.change(i);
    if (!change.has_outage()) {
      continue;
    }
    const Written& written = from.written.At("change", i).At("outage");
    OutageSpec spec;
    spec.from = RequiredTime(change.at());
    spec.until = change.until().empty() ? Seconds(std::numeric_limits<double>::infinity())
                                        : RequiredTime(change.until());
    if (change.outage().wan() > 0) {
      spec.wan = {change.outage().wan() - 1};
    } else {
      spec.site = SiteByName(from.message, change.outage().site());
      SetServers(change.outage(), written, scenario.sites[static_cast<std::size_t>(spec.site)],
                 spec, problems);
    }
    scenario.outages.push_back(spec);
  }
}

void AddPolicies(const ScenarioMessage& from, Scenario& scenario, ProblemList& problems) {
  if (from.message.has_reliability()) {
    AddReliability(from, scenario, problems);
  }
  const proto::SchedulerPolicy policy = from.message.scheduler().policy();
  if (policy != proto::SCHEDULER_POLICY_UNSPECIFIED) {
    scenario.scheduler = &PolicyNamed(proto::SchedulerPolicy_Name(policy));
  }
  const proto::Recording& recording = from.message.recording();
  if (recording.intervals() != 0) {
    scenario.recording.intervals = recording.intervals();
  }
  if (!recording.interval().empty()) {
    scenario.recording.interval = RequiredTime(recording.interval());
  }
}

}  // namespace gridlock
