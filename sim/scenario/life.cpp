#include "sim/scenario/life.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "sim/scenario/policy_names.h"
#include "sim/schema/rules.h"

namespace gridlock {
namespace {

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

/// Servers of all sites that a run holds with all of its replicas.
std::int64_t ServersOfRun(const JobSpec& job, const PretrainingSpec& run,
                          const Scenario& scenario) {
  const SiteSpec& site = scenario.sites[job.sites.empty() ? 0 : job.sites[0]];
  const Layout& layout = run.step.layout;
  const auto parts = job.spans ? static_cast<std::int64_t>(job.sites.size()) : 1;
  return parts * ServersOf(layout.accelerators() / parts, layout.used_of(site.server.accelerators));
}

std::int64_t MostServersOf(const JobSpec& job, const Scenario& scenario) {
  if (const auto* const run = std::get_if<PretrainingSpec>(&job.kind)) {
    return ServersOfRun(job, *run, scenario);
  }
  std::int64_t most = 0;
  if (const auto* const campaign = std::get_if<CampaignSpec>(&job.kind)) {
    for (const PretrainingSpec& rung : campaign->rungs) {
      most = std::max(most, ServersOfRun(job, rung, scenario));
    }
  }
  return most;
}

/// Shares and quotas of tenants. A run that is larger than its tenant's quota would never start.
void AddTenants(const ScenarioMessage& from, Scenario& scenario, ProblemList& problems) {
  for (int i = 0; i < from.message.scheduler().tenant_size(); ++i) {
    const proto::TenantShare& tenant = from.message.scheduler().tenant(i);
    scenario.fair_share.share[tenant.name()] = tenant.share() > 0 ? tenant.share() : 1;
    if (tenant.servers() == 0) {
      continue;
    }
    scenario.fair_share.quota[tenant.name()] = tenant.servers();
    for (const JobSpec& job : scenario.jobs) {
      const std::int64_t most = MostServersOf(job, scenario);
      if (job.tenant == tenant.name() && most > tenant.servers()) {
        problems.Add(from.written.At("scheduler").At("tenant", i).At("servers").value,
                     "scheduler.tenant.servers",
                     Refusal(Quoted(job.name) + " of " + Quoted(tenant.name()) + " needs " +
                                 std::to_string(most) + " servers and would never start",
                             "at least " + std::to_string(most)));
      }
    }
  }
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

std::vector<std::string> SchedulerPolicyNames() {
  std::vector<std::string> names;
  for (const Policy& policy : Policies()) {
    names.emplace_back(policy.name);
  }
  return names;
}

void AddPolicies(const ScenarioMessage& from, Scenario& scenario, ProblemList& problems) {
  if (from.message.has_reliability()) {
    AddReliability(from, scenario, problems);
  }
  const proto::SchedulerPolicy policy = from.message.scheduler().policy();
  if (policy != proto::SCHEDULER_POLICY_UNSPECIFIED) {
    scenario.scheduler = &PolicyNamed(proto::SchedulerPolicy_Name(policy));
  }
  AddTenants(from, scenario, problems);
  if (!from.message.scheduler().half_life().empty()) {
    scenario.fair_share.half_life = RequiredTime(from.message.scheduler().half_life());
  }
  const proto::Recording& recording = from.message.recording();
  if (recording.intervals() != 0) {
    scenario.recording.intervals = recording.intervals();
  }
  scenario.recording.links.assign(recording.link().begin(), recording.link().end());
  if (!recording.interval().empty()) {
    scenario.recording.interval = RequiredTime(recording.interval());
  }
}

}  // namespace gridlock
