#include "sim/layouts/plan.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/base/check.h"
#include "sim/base/numbers.h"
#include "sim/catalogue/list.h"
#include "sim/catalogue/named_stack.h"
#include "sim/layouts/asked_text.h"
#include "sim/layouts/plan_table.h"
#include "sim/process/interrupt.h"
#include "sim/schema/problems.h"

#include "tools/command.h"
#include "tools/progress.h"
#include "tools/screen.h"

namespace gridlock {

namespace {

struct PlanOptions {
  ScenarioOptions scenario;
  ModelAsked model;
  PlanAsked asked;
  std::string accelerators;  ///< "8192" or "4096,8192,16384"
  /// Peaks come out within 5 % of most that were measured (docs/memory.md).
  std::string tokens, margin = "5%", fixed, bases;
  std::string write;  ///< folder for the proposals as scenarios
  bool explain = false, analytic = false;
};

std::vector<std::int64_t> ParseAccelerators(const std::string& text) {
  std::vector<std::int64_t> counts;
  std::size_t at = 0;
  while (!text.empty() && at <= text.size()) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const double count = ParseCount(text.substr(at, end - at), "--accelerators");
    const auto whole = static_cast<std::int64_t>(std::min(count, 1e9));
    if (static_cast<double>(whole) != count) {
      throw UserError("", fmt::format("--accelerators is {}; expected whole numbers such as "
                                      "4096,8192,16384",
                                      Quoted(text)));
    }
    counts.push_back(whole);
    at = end + 1;
  }
  return counts;
}

double ParseMargin(const std::string& text) {
  const bool percent = !text.empty() && text.back() == '%';
  const std::string number = percent ? text.substr(0, text.size() - 1) : text;
  const double value = ParseNumber(number).value_or(-1) / (percent ? 100 : 1);
  if (value < 0 || value >= 1) {
    throw UserError("", fmt::format("--hbm-margin is {}; expected a share of HBM below 1 such as "
                                    "5% or 0.05",
                                    Quoted(text)));
  }
  return value;
}

// Each proposal as a scenario of its own: DIR/1.textproto is the first.
void WriteScenarios(const ScenarioBase& base, const LayoutPlan& plan, const std::string& folder) {
  int rank = 0;
  for (const Proposal& proposal : plan.proposals) {
    const Point point = PointOf(proposal.layout.choice);
    WriteFileAtomically(fmt::format("{}/{}.textproto", folder, ++rank), base.TextAt(point));
  }
}

std::string Formatted(const PlanOptions& options, const PlanHead& head, const LayoutPlan& plan) {
  if (options.scenario.format == "json") {
    return PlanJson(head, plan);
  }
  return options.scenario.format == "csv" ? PlanCsv(plan) : PlanText(head, plan, options.explain);
}

int PlanOf(const PlanOptions& options, const ScenarioBase& base, const Scenario& scenario,
           const std::vector<std::string>& notes) {
  PlanAsked asked = options.asked;
  asked.accelerators = ParseAccelerators(options.accelerators);
  asked.hbm_margin = ParseMargin(options.margin);
  asked.fixed = ParseFixed(options.fixed);
  asked.bases = ParseBases(options.bases);
  asked.simulate = !options.analytic;
  if (!options.tokens.empty()) {
    asked.budget.tokens = ParseCount(options.tokens, "--tokens");
  } else if (!scenario.jobs.empty() &&
             std::holds_alternative<PretrainingSpec>(scenario.jobs[0].kind)) {
    const auto& run = std::get<PretrainingSpec>(scenario.jobs[0].kind);
    asked.budget.tokens = static_cast<double>(run.steps) *
                          static_cast<double>(run.step.global_batch * run.step.sequence_length);
  }
  if (!options.write.empty()) {
    ScenarioOptions folder;
    folder.out = options.write;
    (void)OutputFolder(folder, "");
  }
  ProgressLine progress(options.scenario.quiet);
  std::optional<OnInterrupt> interrupt;
  PlanHooks hooks;
  hooks.progress = [&](const std::string& what, double fraction) {
    progress.Show(what, fraction);
  };
  hooks.improved = [&](const std::vector<ScoredLayout>& best) {
    const HeldSignals held;
    interrupt.reset();
    interrupt.emplace(SoFar(best), std::vector<std::string>{});
  };
  interrupt.emplace("\nno layout was evaluated yet\n", std::vector<std::string>{});
  const LayoutPlan plan = MakePlan(base, scenario, asked, hooks);
  progress.Clear();
  PlanHead head = HeadOf(scenario);
  head.notes = notes;
  if (!options.write.empty()) {
    WriteScenarios(base, plan, options.write);
  }
  const std::string text = Formatted(options, head, plan);
  if (options.scenario.out.empty()) {
    PrintText(text);
  } else {
    WriteFileAtomically(options.scenario.out, text);
  }
  return kSuccess;
}

// A framework without an entry is the nearest kind. "megatron"
// has an entry that stands for it; in tables the age of a part says more.
void NameStack(ModelAsked& asked, const CatalogueList& catalogue, std::vector<std::string>& notes) {
  if (asked.stack == "megatron") {
    return;
  }
  const auto stands = [&](const CatalogueFamily& family) {
    return family.stands_for == PlainName(asked.stack);
  };
  const bool known = std::find(catalogue.stacks.begin(), catalogue.stacks.end(), asked.stack) !=
                         catalogue.stacks.end() ||
                     std::any_of(catalogue.families.begin(), catalogue.families.end(), stands);
  if (!known && !NearestName(asked.stack, catalogue.stacks).empty()) {
    throw UserError("", fmt::format("no stack {} in the catalogue{}", Quoted(asked.stack),
                                    DidYouMean(asked.stack, catalogue.stacks)));
  }
  FrameworkUse use;
  use.stack = asked.stack;
  use.model = asked.model;
  use.accelerator = AcceleratorNamed(catalogue, asked.accelerator);
  use.tp = use.pp = use.ep = 1;
  use.dp = std::max<std::int64_t>(1, asked.accelerators);
  use.zero = use.dp > 1 && asked.adapters.empty() ? 3 : 0;
  for (const CatalogueMixture& model : catalogue.mixtures) {
    if (model.name == asked.model) {
      use.hidden = model.hidden;
      use.experts = model.experts;
      use.expert_ffn = model.expert_ffn;
    }
  }
  const std::string stack = StackOf(use, catalogue);
  if (!stack.empty() && stack != asked.stack) {
    const std::string kind = FamilyKindOf(use, catalogue);
    notes.push_back(fmt::format("stack {}{} as {}", asked.stack,
                                kind.empty() ? "" : " is " + kind + ":", stack));
    asked.stack = stack;
  }
}

// Frameworks that people fine-tune with, with adapters where not all weights fit.
bool FineTunes(const std::string& stack) {
  constexpr const char* kNames[] = {
      "unsloth", "peft",     "axolotl",   "llamafactory", "llama_factory", "trl",   "xtuner",
      "swift",   "ms_swift", "torchtune", "litgpt",       "lit_gpt",       "qlora", "ludwig"};
  const std::string plain = PlainName(stack);
  return std::any_of(std::begin(kNames), std::end(kNames), [&plain](const char* name) {
    return plain.starts_with(name);
  });
}

// A stack that is called after the model's family, such as DeepSeek's own.
void TellOwnStack(const ModelAsked& asked, const CatalogueList& catalogue,
                  std::vector<std::string>& notes) {
  constexpr std::size_t kShortest = 5;  // of a name that says something
  const std::string model = PlainName(asked.model);
  for (const CatalogueFamily& family : catalogue.families) {
    if (family.stands_for.size() >= kShortest && model.starts_with(family.stands_for) &&
        family.stack != asked.stack) {
      notes.push_back(fmt::format("the catalogue has a stack made for {}: --stack {}", asked.model,
                                  family.stack));
    }
  }
}

// Problems of a text that the user has not written stand without their places in it.
template <typename F>
auto WithoutPlaces(const std::string& file, const F& f) {
  try {
    return f();
  } catch (const UserError& error) {
    std::vector<Problem> problems = error.problems();
    for (Problem& problem : problems) {
      const std::size_t end = problem.message.find(": ");
      if (problem.message.starts_with(file + ":") && end != std::string::npos) {
        problem.message.erase(0, end + 2);
      }
    }
    throw UserError(std::move(problems));
  }
}

int PlanOfText(PlanOptions options, const CatalogueList& catalogue,
               std::vector<std::string> notes) {
  NameStack(options.model, catalogue, notes);
  TellOwnStack(options.model, catalogue, notes);
  const std::string text = ScenarioTextOf(options.model, catalogue, notes);
  const std::string file = options.model.model + ".textproto";
  const ScenarioBase base = WithoutPlaces(file, [&] {
    return ScenarioBase(file, text, options.scenario.overrides);
  });
  const Scenario scenario = WithoutPlaces(file, [&] {
    return base.At({});
  });
  if (options.accelerators.empty()) {
    const SiteSpec& site = scenario.site();
    options.accelerators = std::to_string(std::int64_t{site.servers} * site.server.accelerators);
  }
  return PlanOf(options, base, scenario, notes);
}

// The site has as many accelerators as the most that are asked for, or those of its cluster. A
// framework for fine-tuning goes on with QLoRA where nothing fits (Dettmers et al. 2023).
int PlanOfModel(PlanOptions options) {
  try {
    for (const std::int64_t count : ParseAccelerators(options.accelerators)) {
      options.model.accelerators = std::max(options.model.accelerators, count);
    }
    const CatalogueList catalogue = ListCatalogue();
    if (!options.model.adapters.empty() || !FineTunes(options.model.stack)) {
      return PlanOfText(options, catalogue, {});
    }
    try {
      return PlanOfText(options, catalogue, {});
    } catch (const NothingFits&) {
      options.model.adapters = "{ rank: 16 base: \"nf4\" }";
      return PlanOfText(options, catalogue,
                        {"with all weights trained no layout fits: here with adapters of rank 16 "
                         "beside weights in NF4 (QLoRA); --adapters says otherwise"});
    }
  } catch (const UserError& error) {
    for (const Problem& problem : error.problems()) {
      fmt::print(stderr, "gridlock plan: {}\n", problem.message);
    }
    return kBadInput;
  } catch (const IoError& error) {
    fmt::print(stderr, "gridlock: {}\n", error.what());
    return kIoFailed;
  }
}

int RunPlan(const PlanOptions& options) {
  const bool model = !options.model.model.empty();
  if (model == !options.scenario.file.empty()) {
    fmt::print(stderr, "gridlock plan: {}; expected a scenario, or --model NAME\n",
               model ? "both a scenario and --model are given" : "nothing to lay out is given");
    return kBadInput;
  }
  if (model) {
    return PlanOfModel(options);
  }
  return WithBase(options.scenario, [&](const ScenarioBase& base, Scenario& scenario) -> int {
    return PlanOf(options, base, scenario, {});
  });
}

void AddModelOptions(CLI::App& command, PlanOptions& options) {
  command.add_option("--model", options.model.model,
                     "Without a scenario: a model of the catalogue");
  command.add_option("--cluster", options.model.cluster,
                     "With --model: a cluster of the catalogue");
  command.add_option("--accelerator", options.model.accelerator,
                     "With --model: an accelerator, in its server, under a fabric that does not "
                     "block");
  command.add_option("--global-batch", options.model.global_batch,
                     "With --model: sequences of a step, e.g. 2048, or \"16.8M tokens\"");
  command
      .add_option("--sequence-length", options.model.sequence_length,
                  "With --model: tokens of a sequence")
      ->check(CLI::Range(1, 1 << 30))
      ->capture_default_str();
  command.add_option("--stack", options.model.stack, "With --model: training framework")
      ->capture_default_str();
  command.add_option("--precision", options.model.precision, "With --model: format of the GEMMs")
      ->capture_default_str();
  command.add_option("--adapters", options.model.adapters,
                     "With --model: fine-tune with LoRA, of a rank such as 16 or with a block such "
                     "as '{ rank: 16 base: \"nf4\" }' (QLoRA)");
}

void AddLimitOptions(CLI::App& command, PlanOptions& options) {
  PlanAsked& asked = options.asked;
  command.add_option(
      "--accelerators", options.accelerators,
      "How many, or a list such as 4096,8192,16384: then the table says which are on "
      "the front of time and cost (default: those of the scenario's layout)");
  command.add_option("--tokens", options.tokens,
                     "Tokens of the whole run, e.g. 15.6T: days, energy and cost");
  command
      .add_option("--price", asked.budget.dollars_per_hour,
                  "USD of an accelerator-hour, electricity included (default: electricity at the "
                  "price of the site, if it has one)")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--hbm-margin", options.margin,
                  "Share of HBM that must stay free: what peaks may be off")
      ->capture_default_str();
  command.add_option("--max-megawatts", asked.megawatts_most, "Most mean power, PUE included")
      ->check(CLI::PositiveNumber);
  command.add_option("--max-dollars", asked.dollars_most, "Most that the run may cost, in USD")
      ->check(CLI::PositiveNumber);
  command.add_option("--max-micro-batch", asked.micro_batch_most, "Largest micro-batch to try")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command
      .add_option("--fix", options.fixed,
                  "Sizes that must not vary, e.g. context=1,zero=1 (tensor, context, pipeline, "
                  "virtual_pipeline, data, expert, expert_tensor, micro_batch, zero, shard_group, "
                  "recompute: 0 none, "
                  "1 selective, 2 full)")
      ->type_name("NAME=VALUE,...");
  command.add_flag("--hsdp", asked.shard_groups,
                   "Try sharded copies inside a scale-up domain, replicated over domains, too");
  command.add_flag("--zero-bubble", asked.zero_bubble,
                   "Try the zero-bubble schedule (gradients of weights fill the bubbles), too");
  command
      .add_option("--bases", options.bases,
                  "With adapters: formats of the frozen weights to try, of bf16, fp8, int8, int4, "
                  "nf4, nf4_double")
      ->type_name("NAME,...");
  command.add_flag("--offload", asked.offload, "Try activations in host memory, too");
}

}  // namespace

void AddPlanCommand(CLI::App& app, int& code) {
  auto options = std::make_shared<PlanOptions>();
  options->scenario.command = "plan";
  CLI::App* command = app.add_subcommand(
      "plan", "Search all layouts of a training job and rank the best of those that fit");
  command->add_option("SCENARIO", options->scenario.file,
                      "Scenario file with one training job (textproto); or see --model");
  AddOverrides(*command, options->scenario);
  AddModelOptions(*command, *options);
  AddLimitOptions(*command, *options);
  command->add_option("--top", options->asked.top, "How many to rank, for each --accelerators")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_flag("--variants", options->asked.variants,
                    "Rank all layouts, not only the best variant of each TP x CP x PP x DP x EP");
  command->add_flag("--analytic", options->analytic,
                    "Do not simulate the best with contention: times in closed form");
  command->add_flag("--explain", options->explain, "Say why each lost to the one before");
  command->add_option("--write", options->write, "Folder for the proposals as scenarios to run")
      ->type_name("DIR");
  command->add_option("-o,--output", options->scenario.out, "File to write (default: the screen)")
      ->type_name("FILE");
  command->add_option("--format", options->scenario.format, "text, csv or json")
      ->check(CLI::IsMember({"text", "csv", "json"}))
      ->capture_default_str();
  command
      ->add_option("-j,--jobs", options->asked.parallel,
                   "Children at a time (default: one per core)")
      ->check(CLI::Range(1, 1024));
  AddQuietOption(*command, options->scenario.quiet);
  command->footer(
      "Examples:\n"
      "  gridlock plan examples/02-llama-405b-16k/scenario.textproto --explain\n"
      "  gridlock plan --model llama_3.1_70b --accelerator h100_sxm --accelerators 512,1024,2048 "
      "\\\n"
      "      --global-batch '4M tokens' --tokens 15T --price 2.5\n"
      "  gridlock plan SCENARIO --hbm-margin 5% --write out/plan\n"
      "  gridlock run out/plan/1.textproto\n"
      "  gridlock plan SCENARIO --set 'job[0].pretraining.adapters={ rank: 16 }' --bases bf16,nf4\n"
      "Ctrl-C prints the best so far on stderr.");
  command->callback([options, &code] {
    code = RunPlan(*options);
  });
}

}  // namespace gridlock
