#include <algorithm>
#include <cstdint>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/report/layout.h"
#include "sim/scenario/workload_file.h"
#include "workloads/campaign.h"
#include "workloads/requests.h"
#include "workloads/transformer.h"

#include "tools/command.h"

namespace gridlock {

namespace {

struct GenerateOptions {
  ScenarioOptions scenario;
  std::string text;
  bool requests = true;
};

/// Everything that is written goes to the binary file and, when asked for, to the text.
using Writers = std::vector<std::unique_ptr<WorkloadWriter>>;

/// Experiments on one rung of a campaign.
struct RungSum {
  std::int64_t jobs = 0;
  std::int64_t failing = 0;
  Flop flop;
};

void PrintRung(const std::string& name, const std::string& accelerators, const RungSum& sum,
               Flop final_flop) {
  fmt::print("  {:<24}{:>12}{:>10}{:>10}{:>14.3g}{:>14}\n", name, accelerators,
             Grouped(static_cast<double>(sum.jobs)), Grouped(static_cast<double>(sum.failing)),
             sum.flop.si(),
             final_flop > Flop(0.0) ? fmt::format("{:.3g}", sum.flop / final_flop) : "-");
}

void PrintCampaign(const JobSpec& job, const std::vector<RungSum>& sums, Flop final_flop) {
  const auto& campaign = std::get<CampaignSpec>(job.kind);
  fmt::print("campaign {}\n", job.name);
  fmt::print("  {:<24}{:>12}{:>10}{:>10}{:>14}{:>14}\n", "rung", "accelerators", "jobs", "failing",
             "model FLOP", "of final run");
  RungSum all;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const TrainingSpec& step = campaign.rungs[i].step;
    PrintRung(step.model.name, Grouped(step.layout.accelerators()), sums[i], final_flop);
    all.jobs += sums[i].jobs;
    all.failing += sums[i].failing;
    all.flop += sums[i].flop;
  }
  PrintRung("all", "", all, final_flop);
}

void GenerateCampaign(const Scenario& scenario, const JobSpec& job, const Writers& writers) {
  const auto& campaign = std::get<CampaignSpec>(job.kind);
  const Flop final_flop = FinalRunFlop(campaign, scenario.jobs);
  std::vector<RungSum> sums(campaign.rungs.size());
  for (const JobSpec& experiment : BuildExperiments(job, final_flop, scenario.seed)) {
    for (const auto& writer : writers) {
      writer->Add(experiment);
    }
    const auto& run = std::get<PretrainingSpec>(experiment.kind);
    const auto rung =
        std::find_if(campaign.rungs.begin(), campaign.rungs.end(), [&](const PretrainingSpec& r) {
          return r.step.path == run.step.path;
        });
    RungSum& sum = sums.at(static_cast<std::size_t>(rung - campaign.rungs.begin()));
    ++sum.jobs;
    sum.failing += run.fails_at_step > 0 ? 1 : 0;
    sum.flop += RunFlop(run);
  }
  PrintCampaign(job, sums, final_flop);
}

/// Requests of one group.
struct GroupSum {
  std::int64_t requests = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;

  void operator+=(const GroupSum& other) {
    requests += other.requests;
    prompt_tokens += other.prompt_tokens;
    output_tokens += other.output_tokens;
  }
};

void PrintFleet(const JobSpec& job, const std::vector<GroupSum>& sums) {
  const auto& fleet = std::get<ServingSpec>(job.kind);
  const auto row = [](const std::string& name, const GroupSum& sum) {
    fmt::print("  {:<24}{:>16}{:>20}{:>20}\n", name, Grouped(static_cast<double>(sum.requests)),
               Grouped(static_cast<double>(sum.prompt_tokens)),
               Grouped(static_cast<double>(sum.output_tokens)));
  };
  fmt::print("fleet {}, {} of {} replicas simulated\n", job.name, Grouped(fleet.replicas_simulated),
             Grouped(fleet.replicas));
  fmt::print("  {:<24}{:>16}{:>20}{:>20}\n", "group", "requests", "prompt tokens", "output tokens");
  GroupSum all;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    row(fleet.groups[i].name, sums[i]);
    all += sums[i];
  }
  row("all", all);
}

void GenerateRequests(const Scenario& scenario, const JobSpec& job, const Writers& writers) {
  constexpr std::int64_t kBetweenProgress = 100'000;
  const auto& fleet = std::get<ServingSpec>(job.kind);
  std::vector<GroupSum> sums(fleet.groups.size());
  ProgressLine progress;
  RequestStream stream(fleet, job.name, scenario.seed);
  std::int64_t count = 0;
  for (Request request = stream.Next(); request.arrival < scenario.horizon;
       request = stream.Next()) {
    for (const auto& writer : writers) {
      writer->Add(job.name, request);
    }
    sums.at(static_cast<std::size_t>(request.group)) +=
        GroupSum{1, request.prompt_tokens, request.output_tokens};
    if (++count % kBetweenProgress == 0) {
      progress.Show("requests of " + job.name, request.arrival / scenario.horizon);
    }
  }
  progress.Clear();
  PrintFleet(job, sums);
}

bool IsToExpand(const JobSpec& job) {
  const auto* const campaign = std::get_if<CampaignSpec>(&job.kind);
  return campaign != nullptr && !campaign->expanded;
}

/// Fleets whose requests no file of the scenario holds.
bool IsToServe(const Scenario& scenario, std::size_t job) {
  return std::holds_alternative<ServingSpec>(scenario.jobs[job].kind) &&
         !scenario.requests.contains(static_cast<std::int32_t>(job));
}

/// Names of the jobs that files will stand for. Throws UserError when there are none.
std::vector<std::string> WhatToGenerate(const Scenario& scenario, bool requests) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < scenario.jobs.size(); ++i) {
    if (IsToExpand(scenario.jobs[i]) || (requests && IsToServe(scenario, i))) {
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

int Generate(const GenerateOptions& options) {
  return WithScenario(options.scenario, [&](Scenario& scenario) -> int {
    const std::vector<std::string> names = WhatToGenerate(scenario, options.requests);
    Writers writers;
    writers.push_back(std::make_unique<WorkloadWriter>(options.scenario.out,
                                                       WorkloadFormat::kBinary, scenario, names));
    if (!options.text.empty()) {
      writers.push_back(
          std::make_unique<WorkloadWriter>(options.text, WorkloadFormat::kText, scenario, names));
    }
    // Jobs first: what reads the file knows them before their requests.
    for (const JobSpec& job : scenario.jobs) {
      if (IsToExpand(job)) {
        GenerateCampaign(scenario, job, writers);
      }
    }
    for (std::size_t i = 0; options.requests && i < scenario.jobs.size(); ++i) {
      if (IsToServe(scenario, i)) {
        GenerateRequests(scenario, scenario.jobs[i], writers);
      }
    }
    for (const auto& writer : writers) {
      writer->Finish();
    }
    fmt::print("written: {}{}\n", options.scenario.out,
               options.text.empty() ? "" : ", " + options.text);
    return kSuccess;
  });
}

}  // namespace

void AddGenerateCommand(CLI::App& app, int& code) {
  auto options = std::make_shared<GenerateOptions>();
  options->scenario.command = "generate";
  CLI::App* command = app.add_subcommand(
      "generate", "Write the experiments and requests of a scenario to a workload file");
  command->add_option("SCENARIO", options->scenario.file, "Scenario file (textproto)")->required();
  command
      ->add_option("--set", options->scenario.overrides,
                   "Override a field: --set path=value; repeatable")
      ->take_all()
      ->type_name("PATH=VALUE");
  command->add_option("-o,--output", options->scenario.out, "Workload file to write, binary")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--text", options->text,
                   "Also write it as text, to read and to edit (large: some 150 bytes per "
                   "request; at most 64 MiB can be read again)")
      ->type_name("FILE");
  command->add_flag("!--no-requests", options->requests, "Leave the requests of fleets out");
  command->footer(
      "Examples:\n"
      "  gridlock generate SCENARIO -o jobs.pb\n"
      "  gridlock generate SCENARIO -o jobs.pb --text jobs.textproto --no-requests\n"
      "A scenario with workload: \"jobs.pb\" then takes them from the file.");
  command->callback([options, &code] {
    code = Generate(*options);
  });
}

}  // namespace gridlock
