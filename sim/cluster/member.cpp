#include "sim/cluster/member.h"

#include <utility>

#include "sim/cluster/job_sites.h"
#include "workloads/campaign.h"
#include "workloads/program/training_program.h"
#include "workloads/requests.h"

namespace gridlock {

namespace {

// What all replicas share lies on fewer: it must fit those, too.
void CheckFewest(const PretrainingSpec& run, const ServerSpec& server) {
  const int fewest = run.elastic.replicas_min;
  if (fewest > 0 && !run.step.layout.splits_experts()) {
    TrainingSpec step = run.step;
    step.layout.data = fewest;
    step.global_batch = step.global_batch / run.step.layout.data * fewest;
    (void)BuildStepProgram(step, server, step.layout.pipeline);
  }
}

// Those of a workload file, else generated; none from before the fleet starts.
RequestSource RequestsOf(const Scenario& scenario, JobIndex job) {
  const JobSpec& spec = scenario.jobs[static_cast<std::size_t>(job)];
  const Seconds begin = spec.start;
  const auto given = scenario.requests.find(job);
  if (given != scenario.requests.end()) {
    return [&requests = given->second, next = std::size_t{0}, begin](Request& request) mutable {
      while (next < requests.size() && requests[next].arrival < begin) {
        ++next;
      }
      if (next == requests.size()) {
        return false;
      }
      request = requests[next++];
      return true;
    };
  }
  auto stream =
      std::make_shared<RequestStream>(std::get<ServingSpec>(spec.kind), spec.name, scenario.seed);
  return [stream, begin](Request& request) {
    do {
      request = stream->Next();
    } while (request.arrival < begin);
    return true;
  };
}

Member MemberOf(const Scenario& scenario, const JobSpec& spec, JobKind kind) {
  const std::vector<SiteSpec>& sites = scenario.sites;
  CheckSitesAlike(spec, sites);
  Member member;
  member.spec = &spec;
  member.kind = kind;
  member.servers.assign(sites.size(), 0);
  if (const auto* training = std::get_if<PretrainingSpec>(&spec.kind)) {
    member.run = std::make_unique<TrainingRun>(*training);
    if (training->recorded <= Seconds(0)) {
      // Refuses what does not fit HBM; one round of micro-batches shows that.
      (void)BuildStepProgram(training->step, LeastServer(spec, sites),
                             training->step.layout.pipeline);
      CheckFewest(*training, LeastServer(spec, sites));
    }
  }
  return member;
}

Member FleetOf(const Scenario& scenario, JobIndex job) {
  const JobSpec& spec = scenario.jobs[static_cast<std::size_t>(job)];
  Member member = MemberOf(scenario, spec, JobKind::kServing);
  member.fleet = std::make_unique<Fleet>(
      Fleet{FleetReplicas(std::get<ServingSpec>(spec.kind), LeastServer(spec, scenario.sites),
                          RequestsOf(scenario, job), spec.start)});
  member.fleet->limits.assign(scenario.sites.size(), 0);
  member.fleet->power.resize(scenario.sites.size());
  return member;
}

}  // namespace

std::int32_t Member::servers_held() const {
  std::int32_t all = 0;
  for (const std::int32_t count : servers) {
    all += count;
  }
  return all;
}

BytesPerSecond Member::nics(const std::vector<SiteSpec>& sites) const {
  BytesPerSecond nics;
  for (std::size_t s = 0; s < sites.size(); ++s) {
    const ServerSpec& server = sites[s].server;
    nics += server.nic_bandwidth * (static_cast<double>(server.nics) * servers[s]);
  }
  return nics;
}

std::int32_t NumberSenders(std::vector<Member>& members) {
  std::int32_t senders = 0;
  for (Member& member : members) {
    if (member.fleet && member.fleet->spec().start.from == WeightsFrom::kReplica) {
      member.fleet->sender = senders++;
    }
  }
  return senders;
}

std::vector<JobSpec> ExperimentsOf(const Scenario& scenario) {
  std::vector<JobSpec> experiments;
  for (const JobSpec& job : scenario.jobs) {
    const auto* campaign = std::get_if<CampaignSpec>(&job.kind);
    if (campaign != nullptr && !campaign->expanded) {
      std::vector<JobSpec> of_it =
          BuildExperiments(job, FinalRunFlop(*campaign, scenario.jobs), scenario.seed);
      std::move(of_it.begin(), of_it.end(), std::back_inserter(experiments));
    }
  }
  return experiments;
}

std::vector<Member> MembersOf(const Scenario& scenario, const std::vector<JobSpec>& experiments) {
  std::vector<Member> members;
  for (std::size_t j = 0; j < scenario.jobs.size(); ++j) {
    const JobSpec& job = scenario.jobs[j];
    if (std::holds_alternative<CampaignSpec>(job.kind)) {
      continue;
    }
    if (std::holds_alternative<ServingSpec>(job.kind)) {
      members.push_back(FleetOf(scenario, IndexOf<JobIndex>(j)));
    } else {
      members.push_back(MemberOf(
          scenario, job, job.origin.generated() ? JobKind::kExperiment : JobKind::kPretraining));
    }
  }
  for (const JobSpec& job : experiments) {
    members.push_back(MemberOf(scenario, job, JobKind::kExperiment));
  }
  return members;
}

}  // namespace gridlock
