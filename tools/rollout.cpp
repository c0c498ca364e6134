#include "sim/serving/rollout.h"

#include <algorithm>
#include <memory>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/report/json.h"
#include "sim/serving/routed_replicas.h"
#include "sim/study/evaluate.h"
#include "workloads/decode.h"
#include "workloads/memory.h"

#include "tools/command.h"
#include "tools/progress.h"
#include "tools/serve_notes.h"
#include "tools/serve_options.h"
#include "tools/serve_output.h"
#include "tools/serve_report.h"

namespace gridlock {

namespace {

struct RolloutOptions {
  ScenarioOptions trainer;
  ServeOptions serve;
  int prompts = 128, steps = 5, lag = 0;
  double weight_gbs = 0;               ///< of an accelerator; 0: its NIC
  double core_gbs = 0, other_gbs = 0;  ///< of the fabric between both; 0: it never binds
};

/// One step, as it is simulated.
struct SimulatedStep {
  RolloutParts parts;
  RolloutStep when;
  double prompt_tokens = 0, output_tokens = 0;
  double busy = 0;    ///< of the fleet while it answers, 0..1
  Seconds half_done;  ///< when half of the answers were there, after they began
};

struct RolloutRun {
  Deployment fleet;
  int trainer_accelerators = 0;
  Seconds training_step;  ///< of the trainer's scenario
  double training_tokens = 0;
  MemoryNeed training_memory;  ///< of the trainer's fullest accelerator
  Bytes trainer_hbm;           ///< that it has
  std::vector<SimulatedStep> steps;
  WeightSync sync;
  std::string note;

  [[nodiscard]] Seconds span() const { return steps.back().when.weights_end; }
};

// The answers of one step: all prompts are there at once.
SimulatedStep AnswersOf(const RolloutOptions& options, const Deployment& fleet,
                        const IterationCosts& costs, int step) {
  ServeOptions serve = options.serve;
  serve.replicas = 1;
  serve.rate = serve.concurrency = 0;
  serve.requests = options.prompts;
  serve.seed = options.serve.seed + static_cast<std::uint64_t>(step);
  const RoutedResult result =
      RunRouted(costs, fleet.replicas, Router::kLeastLoaded, LoadOf(serve, fleet.model));
  RefuseIfNoneWasServed(result.served);
  SimulatedStep out;
  out.parts.answers = result.served.duration;
  out.prompt_tokens = static_cast<double>(result.served.prompt_tokens);
  out.output_tokens = static_cast<double>(result.served.output_tokens);
  out.busy = result.served.work.busy.si() / out.parts.answers.si() / fleet.replicas;
  out.half_done = QuantileOf(result.served.Values(&ServedRequest::end_to_end), 0.5);
  return out;
}

// Trained with the pace of the scenario's step for each token; weights reach all replicas at the
// rate of each accelerator's NIC, passed on from one to the next, or as the fabric lets them.
RolloutRun Simulate(const RolloutOptions& options, const Scenario& trainer) {
  RolloutRun run;
  run.training_step = EvaluateStep(trainer, Fidelity::kFolded, {}).step_time;
  const TrainingSpec& step = trainer.training();
  run.training_tokens =
      static_cast<double>(step.global_batch) * static_cast<double>(step.sequence_length);
  run.trainer_accelerators = static_cast<int>(step.layout.accelerators());
  run.training_memory = FullestStage(step);
  run.trainer_hbm = trainer.site().server.accelerator.hbm_capacity;
  const ServingCatalogue catalogue = TablesOf(options.serve);
  run.fleet = DeploymentOf(options.serve, catalogue);
  CheckThatWeightsFit(run.fleet);
  run.note = EstimatesOf(run.fleet, catalogue);
  run.fleet.engine.stream_time = run.fleet.engine.request_overhead = 0;  // within one program
  const IterationCosts costs(run.fleet.model, run.fleet.part, run.fleet.engine, run.fleet.layout,
                             "");
  const double port =
      options.weight_gbs > 0 ? options.weight_gbs * 1e9 : run.fleet.part.nic_bandwidth;
  const int width = run.fleet.layout.accelerators();
  run.sync = SyncWeights(costs.weight_bytes() * width, run.fleet.replicas, port * width,
                         options.core_gbs * 1e9, options.other_gbs * 1e9);
  std::vector<RolloutParts> parts;
  ProgressLine progress(options.serve.quiet);
  for (int k = 0; k < options.steps; ++k) {
    progress.Show("simulating answers", 1.0 * k / options.steps);
    SimulatedStep& each = run.steps.emplace_back(AnswersOf(options, run.fleet, costs, k));
    each.parts.training =
        run.training_step * ((each.prompt_tokens + each.output_tokens) / run.training_tokens);
    each.parts.weights = run.sync.time;
    parts.push_back(each.parts);
  }
  progress.Clear();
  const std::vector<RolloutStep> times = RolloutTimes(parts, options.lag);
  for (std::size_t k = 0; k < times.size(); ++k) {
    run.steps[k].when = times[k];
  }
  return run;
}

// What a step waits for, on average: the fleet's part, or the trainer's.
struct RolloutShares {
  double answers = 0, training = 0, weights = 0;  ///< of the whole time
  double fleet_busy = 0;                          ///< of the fleet's whole time

  [[nodiscard]] const char* binds() const {
    return answers >= std::max(training, weights) ? "answers"
           : training >= weights                  ? "training"
                                                  : "weights";
  }
};

RolloutShares SharesOf(const RolloutRun& run) {
  RolloutShares shares;
  for (const SimulatedStep& each : run.steps) {
    shares.answers += each.parts.answers / run.span();
    shares.training += each.parts.training / run.span();
    shares.weights += each.parts.weights / run.span();
    shares.fleet_busy += each.busy * (each.parts.answers / run.span());
  }
  return shares;
}

std::string RolloutText(const RolloutOptions& options, const RolloutRun& run) {
  const Deployment& d = run.fleet;
  const RolloutShares shares = SharesOf(run);
  double tokens = 0;
  std::string text = fmt::format(
      "{} on {} replicas of {} {}, engine {}; trained on {} accelerators, {} for {:.4g} tokens\n",
      d.model.name, d.replicas, d.layout.accelerators(), d.part.name, d.engine.name,
      run.trainer_accelerators, FormatSeconds(run.training_step), run.training_tokens);
  const MemoryNeed& memory = run.training_memory;
  text += fmt::format(
      "  an accelerator of the trainer holds {} of {}: weights {}, gradients {}, optimizer {}, "
      "activations {}, buffers {}\n",
      FormatBytes(memory.total()), FormatBytes(run.trainer_hbm), FormatBytes(memory.weights),
      FormatBytes(memory.gradients), FormatBytes(memory.optimizer), FormatBytes(memory.activations),
      FormatBytes(memory.buffers));
  text += run.note.empty() ? "" : run.note + "\n";
  text += fmt::format("  {} prompts a step with {} answers each, answers {}\n", options.prompts,
                      options.serve.answers,
                      options.lag == 0 ? "by the weights of the step before"
                                       : fmt::format("up to {} steps older", options.lag));
  text += fmt::format("  {:>4} {:>11} {:>11} {:>9} {:>11} {:>9} {:>11}\n", "step", "answers",
                      "half there", "busy", "training", "weights", "ends at");
  int number = 0;
  for (const SimulatedStep& each : run.steps) {
    tokens += each.output_tokens;
    text += fmt::format("  {:>4} {:>11} {:>11} {:>7.1f} % {:>11} {:>9} {:>11}\n", ++number,
                        FormatSeconds(each.parts.answers), FormatSeconds(each.half_done),
                        100 * each.busy, FormatSeconds(each.parts.training),
                        FormatSeconds(each.parts.weights), FormatSeconds(each.when.weights_end));
  }
  text += fmt::format(
      "  a step takes {} on average; answers are under way {:.1f} % of the time, training {:.1f} "
      "%, weights {:.1f} %\n  {:.1f} output tokens/s, {:.2f} per accelerator of both; the fleet "
      "works {:.1f} % of the time\nbinds: {}\n",
      FormatSeconds(run.span() / static_cast<double>(run.steps.size())), 100 * shares.answers,
      100 * shares.training, 100 * shares.weights, tokens / run.span().si(),
      tokens / run.span().si() / (d.accelerators() + run.trainer_accelerators),
      100 * shares.fleet_busy, shares.binds());
  if (options.other_gbs > 0) {
    text +=
        fmt::format("other traffic gets {:.1f} % of the {} GB/s that it wants while weights move\n",
                    100 * run.sync.other_share, options.other_gbs);
  }
  return text;
}

std::string RolloutJson(const RolloutRun& run) {
  const RolloutShares shares = SharesOf(run);
  JsonWriter json;
  json.BeginObject();
  json.Member("model", run.fleet.model.name);
  json.Member("part", run.fleet.part.name);
  json.Member("fleet_accelerators", run.fleet.accelerators());
  json.Member("trainer_accelerators", run.trainer_accelerators);
  json.Member("trainer_memory_bytes", run.training_memory.total().si());
  json.Member("trainer_hbm_bytes", run.trainer_hbm.si());
  json.Member("step_s", run.span().si() / static_cast<double>(run.steps.size()));
  json.Member("answers_share", shares.answers);
  json.Member("training_share", shares.training);
  json.Member("weights_share", shares.weights);
  json.Member("fleet_busy", shares.fleet_busy);
  json.Member("binds", shares.binds());
  json.Member("other_traffic_share", run.sync.other_share);
  json.Objects("points", run.steps, [&json](const SimulatedStep& each) {
    json.Member("answers_s", each.parts.answers.si());
    json.Member("answers_half_s", each.half_done.si());
    json.Member("fleet_busy_while_answering", each.busy);
    json.Member("training_s", each.parts.training.si());
    json.Member("weights_s", each.parts.weights.si());
    json.Member("answers_begin_s", each.when.answers_begin.si());
    json.Member("training_begin_s", each.when.training_begin.si());
    json.Member("weights_end_s", each.when.weights_end.si());
    json.Member("prompt_tokens", each.prompt_tokens);
    json.Member("output_tokens", each.output_tokens);
  });
  json.EndObject();
  return json.Finish();
}

int RunRollout(const RolloutOptions& options) {
  return WithScenario(options.trainer, [&](Scenario& scenario) {
    if (options.other_gbs > 0 && options.core_gbs <= 0) {
      throw UserError("",
                      "--other-gbs: is a share of the fabric; --core-gbs says how much that is");
    }
    const auto* trainer =
        scenario.jobs.size() == 1 ? std::get_if<PretrainingSpec>(&scenario.jobs[0].kind) : nullptr;
    if (trainer == nullptr || scenario.horizon > Seconds(0)) {
      throw UserError("", "expected a scenario of one training job without a horizon: the trainer");
    }
    const RolloutRun run = Simulate(options, scenario);
    PrintServing(options.serve, "points", [&](const std::string& format) {
      return format == "json" ? RolloutJson(run) : RolloutText(options, run);
    });
    return kSuccess;
  });
}

}  // namespace

void AddRolloutCommand(CLI::App& app, int& code) {
  auto options = std::make_shared<RolloutOptions>();
  options->trainer.command = "rollout";
  options->serve.answers = 8;
  CLI::App* command = app.add_subcommand(
      "rollout", "Reinforcement learning: a fleet answers, a trainer learns, weights go back");
  command
      ->add_option("SCENARIO", options->trainer.file,
                   "Scenario of the trainer: its step is simulated, and taken for each token")
      ->required();
  AddOverrides(*command, options->trainer);
  AddServeLoadOptions(*command, options->serve);
  for (const char* name : {"--rate", "--ttft-ms", "--tpot-ms", "--usd-per-hour"}) {
    command->remove_option(command->get_option(name));
  }
  AddDeploymentOptions(*command, options->serve);
  for (const char* name : {"--concurrency", "--requests"}) {
    command->remove_option(command->get_option(name));
  }
  command->add_option("--prompts", options->prompts, "Prompts of a step")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--answers", options->serve.answers, "Answers to each prompt")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  command
      ->add_option("--lag", options->lag,
                   "Steps by which answers may be older than what is trained; 0: fleet, trainer "
                   "and weights take turns")
      ->check(CLI::Range(0, 64))
      ->capture_default_str();
  command->add_option("--steps", options->steps, "Steps to simulate")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  command
      ->add_option("--weight-gbs", options->weight_gbs,
                   "GB/s at which an accelerator of the fleet gets new weights (default: its NIC)")
      ->check(CLI::Range(1e-3, 1e5));
  command
      ->add_option("--core-gbs", options->core_gbs,
                   "GB/s that the fabric carries of new weights (default: it never binds)")
      ->check(CLI::Range(1e-3, 1e9));
  command
      ->add_option("--other-gbs", options->other_gbs,
                   "GB/s that other jobs want of --core-gbs; they and weights share it fairly")
      ->check(CLI::Range(1e-3, 1e9));
  command->footer(
      "Example:\n"
      "  gridlock rollout examples/01-two-servers/scenario.textproto --model llama-3.1-8b "
      "--part h100_sxm \\\n      --replicas 8 --prompts 256 --answers 8 --output-tokens 2000 "
      "--spread 1 --lag 1");
  command->callback([options, &code] {
    code = RunRollout(*options);
  });
}

}  // namespace gridlock
