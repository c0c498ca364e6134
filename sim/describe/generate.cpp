#include "sim/describe/generate.h"

#include <algorithm>
#include <memory>

#include "sim/base/check.h"
#include "sim/scenario/workload_file.h"
#include "workloads/campaign.h"
#include "workloads/requests.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

/// Everything that is written goes to the binary file and, when asked for, to the text.
using Writers = std::vector<std::unique_ptr<WorkloadWriter>>;

GeneratedCampaign GenerateCampaign(const Scenario& scenario, const JobSpec& job,
                                   const Writers& writers) {
  const auto& campaign = std::get<CampaignSpec>(job.kind);
  GeneratedCampaign generated;
  generated.name = job.name;
  generated.final_flop = FinalRunFlop(campaign, scenario.jobs);
  for (const PretrainingSpec& rung : campaign.rungs) {
    generated.rungs.push_back(
        {rung.step.model.name, rung.step.layout.accelerators(), 0, 0, Flop(0.0)});
  }
  for (const JobSpec& experiment : BuildExperiments(job, generated.final_flop, scenario.seed)) {
    for (const auto& writer : writers) {
      writer->Add(experiment);
    }
    const auto& run = std::get<PretrainingSpec>(experiment.kind);
    const auto rung =
        std::find_if(campaign.rungs.begin(), campaign.rungs.end(), [&](const PretrainingSpec& r) {
          return r.step.path == run.step.path;
        });
    GeneratedRung& sum =
        generated.rungs.at(static_cast<std::size_t>(rung - campaign.rungs.begin()));
    ++sum.jobs;
    sum.failing += run.fails_at_step > 0 ? 1 : 0;
    sum.flop += RunFlop(run);
  }
  return generated;
}

GeneratedFleet GenerateRequests(const Scenario& scenario, const JobSpec& job,
                                const Writers& writers, const GenerateProgress& progress) {
  constexpr std::int64_t kBetweenProgress = 100'000;
  const auto& fleet = std::get<ServingSpec>(job.kind);
  GeneratedFleet generated;
  generated.name = job.name;
  generated.replicas = fleet.replicas;
  generated.replicas_simulated = fleet.replicas_simulated;
  for (const RequestGroupSpec& group : fleet.groups) {
    generated.groups.push_back({group.name, 0, 0, 0});
  }
  RequestStream stream(fleet, job.name, scenario.seed);
  std::int64_t count = 0;
  for (Request request = stream.Next(); request.arrival < scenario.horizon;
       request = stream.Next()) {
    for (const auto& writer : writers) {
      writer->Add(job.name, request);
    }
    GeneratedGroup& sum = generated.groups.at(static_cast<std::size_t>(request.group));
    ++sum.requests;
    sum.prompt_tokens += request.prompt_tokens;
    sum.output_tokens += request.output_tokens;
    if (++count % kBetweenProgress == 0) {
      progress(job.name, request.arrival / scenario.horizon);
    }
  }
  return generated;
}

bool IsToExpand(const JobSpec& job) {
  const auto* const campaign = std::get_if<CampaignSpec>(&job.kind);
  return campaign != nullptr && !campaign->expanded;
}

/// Fleets whose requests no file of the scenario holds.
bool IsToServe(const Scenario& scenario, JobIndex job) {
  return std::holds_alternative<ServingSpec>(scenario.jobs[job].kind) &&
         !scenario.requests.contains(job);
}

/// Names of the jobs that files will stand for. Throws UserError when there are none.
std::vector<std::string> WhatToGenerate(const Scenario& scenario, bool requests) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < scenario.jobs.size(); ++i) {
    if (IsToExpand(scenario.jobs[i]) || (requests && IsToServe(scenario, IndexOf<JobIndex>(i)))) {
      names.push_back(scenario.jobs[i].name);
    }
  }
  if (names.empty()) {
    throw UserError("", requests ? "there is nothing to generate; expected a scenario with a "
                                   "campaign or a serving job"
                                 : "there is nothing to generate without requests; expected a "
                                   "scenario with a campaign");
  }
  return names;
}

}  // namespace

Generated GenerateWorkload(const Scenario& scenario, const GenerateFiles& files,
                           const GenerateProgress& progress) {
  const std::vector<std::string> names = WhatToGenerate(scenario, files.requests);
  Generated generated;
  Writers writers;
  const auto open = [&](const std::string& file, WorkloadFormat format) {
    writers.push_back(std::make_unique<WorkloadWriter>(file, format, scenario, names));
    generated.files.push_back(file);
  };
  open(files.binary, WorkloadFormat::kBinary);
  if (!files.text.empty()) {
    open(files.text, WorkloadFormat::kText);
  }
  // Jobs first: what reads the file knows them before their requests.
  for (const JobSpec& job : scenario.jobs) {
    if (IsToExpand(job)) {
      generated.campaigns.push_back(GenerateCampaign(scenario, job, writers));
    }
  }
  for (std::size_t i = 0; files.requests && i < scenario.jobs.size(); ++i) {
    if (IsToServe(scenario, IndexOf<JobIndex>(i))) {
      generated.fleets.push_back(GenerateRequests(scenario, scenario.jobs[i], writers, progress));
    }
  }
  for (const auto& writer : writers) {
    writer->Finish();
  }
  return generated;
}

}  // namespace gridlock
