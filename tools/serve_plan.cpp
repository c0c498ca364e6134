#include <algorithm>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/report/json.h"
#include "sim/serving/deployment.h"

#include "tools/command.h"
#include "tools/serve_csv.h"
#include "tools/serve_options.h"

namespace gridlock {

namespace {

struct PlanOptions {
  ServeOptions serve;
  std::string weights = "auto", caches = "bf16,fp8", flags = "vllm";
  int width_most = 8, top = 10;
};

std::vector<std::string> ListOf(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, ',');) {
    words.push_back(word);
  }
  return words;
}

PlanSpec SpecOf(const PlanOptions& options, const ServingCatalogue& catalogue) {
  PlanSpec spec;
  spec.base = DeploymentOf(options.serve, catalogue);
  spec.load = LoadOf(options.serve);
  spec.load.value = options.serve.rate;
  spec.objectives = ObjectivesOf(options.serve);
  spec.usd_per_hour = options.serve.usd_per_hour;
  spec.width_most = options.width_most;
  const WeightFormat usual = UsualWeights(spec.base.model, catalogue);
  if (options.weights == "auto") {
    spec.weights =
        usual == WeightFormat::kBf16 ? std::vector{usual, WeightFormat::kFp8} : std::vector{usual};
  }
  for (const std::string& word : ListOf(options.weights == "auto" ? "" : options.weights)) {
    WeightFormat format = WeightFormat::kBf16;
    if (!WeightFormatByName(word, format)) {
      throw UserError("", fmt::format("--weights: there is no format {}", Quoted(word)));
    }
    spec.weights.push_back(format);
  }
  for (const std::string& word : ListOf(options.caches)) {
    if (word != "bf16" && word != "fp8") {
      throw UserError(
          "", fmt::format("--kv: there is no format {}; expected bf16 or fp8", Quoted(word)));
    }
    spec.cache_bytes.push_back(word == "fp8" ? 1 : 2);
  }
  return spec;
}

// Whether the weights leave room in HBM of some replica of the search.
bool SomeFit(const PlanSpec& spec) {
  Deployment deployment = spec.base;
  for (const WeightFormat weights : spec.weights) {
    for (int width = 1; width <= spec.width_most; ++width) {
      deployment.layout.weights = weights;
      deployment.layout.tensor = width;
      try {
        if (deployment.model.heads % width == 0) {
          CheckThatWeightsFit(deployment);
          return true;
        }
      } catch (const UserError&) {
        continue;
      }
    }
  }
  return false;
}

// What keeps a search from an answer: memory, objectives, or the rate.
std::string WhyNone(const ServeOptions& serve, const PlanSpec& spec) {
  if (!SomeFit(spec)) {
    return fmt::format(
        "memory is the reason: the weights of {} fit no replica of up to {} {}; a wider replica "
        "(--width-most), a narrower format (--weights) or more HBM would",
        spec.base.model.name, spec.width_most, serve.part);
  }
  return serve.ttft_ms <= 0 && serve.tpot_ms <= 0
             ? "no replica keeps up with its requests: a wider one (--width-most) or a faster part "
               "would"
             : "no deployment keeps the objectives: looser ones, a wider replica (--width-most) or "
               "a faster part would";
}

std::string PlanText(const PlanOptions& options, const PlanSpec& spec,
                     const std::vector<ServingPlan>& plans, int tried) {
  std::string text = fmt::format(
      "{} at {:g} requests/s on {}: {} deployments tried, {} keep the objectives with their best "
      "batch\n{:>4} {:>5} {:>9} {:>6} {:>6} {:>5} {:>9} {:>10} {:>9} {:>8} {:>10}\n",
      options.serve.model, options.serve.rate, options.serve.part, tried, plans.size(), "rank",
      "parts", "replicas", "tensor", "weight", "kv", "batch_max", "tokens/s/u", "tok/s/acc",
      "within_%", "USD/h");
  int rank = 0;
  for (const ServingPlan& plan : plans) {
    if (++rank > options.top) {
      break;
    }
    const Deployment& d = plan.deployment;
    text += fmt::format(
        "{:>4} {:>5} {:>9} {:>6} {:>6} {:>5} {:>9} {:>10.1f} {:>9.1f} {:>8.1f} {:>10.4g}\n", rank,
        d.accelerators(), d.replicas, d.layout.tensor, WeightFormatName(d.layout.weights),
        d.layout.cache_bytes < 2 ? "fp8" : "bf16", d.engine.batch_max, plan.delivered.per_user,
        plan.delivered.per_accelerator, 100 * plan.delivered.within, plan.usd_per_hour);
  }
  if (plans.empty()) {
    return text + WhyNone(options.serve, spec) + "\n";
  }
  return text + "\n" + LaunchCommand(plans.front().deployment, options.flags) + "\n";
}

std::string PlanJson(const PlanOptions& options, const std::vector<ServingPlan>& plans, int tried) {
  JsonWriter json;
  json.BeginObject();
  json.Member("tried", tried);
  json.Key("plans");
  json.BeginArray();
  for (const ServingPlan& plan : plans) {
    const Deployment& d = plan.deployment;
    json.BeginObject();
    json.Member("accelerators", d.accelerators());
    json.Member("replicas", d.replicas);
    json.Member("tensor", d.layout.tensor);
    json.Member("weights", WeightFormatName(d.layout.weights));
    json.Member("kv_bytes", d.layout.cache_bytes);
    json.Member("batch_max", d.engine.batch_max);
    json.Member("requests_per_s_per_replica_most", plan.rate_most);
    json.Member("output_tokens_per_s_per_user", plan.delivered.per_user);
    json.Member("output_tokens_per_s_per_accelerator", plan.delivered.per_accelerator);
    json.Member("within_objectives", plan.delivered.within);
    json.Member("usd_per_hour", plan.usd_per_hour);
    json.Member("command", LaunchCommand(d, options.flags));
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return json.Finish();
}

int RunPlan(const PlanOptions& options) {
  try {
    const ServingCatalogue catalogue = ShippedServingCatalogue();
    int tried = 0;
    const PlanSpec spec = SpecOf(options, catalogue);
    const std::vector<ServingPlan> plans = SearchPlans(spec, tried);
    const std::string& format = options.serve.format;
    fmt::print("{}", format == "text"   ? PlanText(options, spec, plans, tried)
                     : format == "json" ? PlanJson(options, plans, tried)
                                        : CsvOfJson(PlanJson(options, plans, tried), "plans"));
    return kSuccess;
  } catch (const UserError& error) {
    return RefuseServing("serve-plan", error);
  }
}

}  // namespace

void AddServePlanCommand(CLI::App& app, int& code) {
  auto options = std::make_shared<PlanOptions>();
  options->serve.rate = 10;
  CLI::App* command = app.add_subcommand(
      "serve-plan", "Search the cheapest deployment of a model for a load and its objectives");
  AddServeLoadOptions(*command, options->serve);
  command->add_option("--within", options->serve.share, "Share of requests within the objectives")
      ->check(CLI::Range(0.01, 1.0))
      ->capture_default_str();
  command
      ->add_option("--weights", options->weights,
                   "Formats to try; auto: bf16 and fp8, or that of the checkpoint")
      ->capture_default_str();
  command->add_option("--kv", options->caches, "Formats of the cache to try")
      ->capture_default_str();
  command->add_option("--width-most", options->width_most, "Accelerators of a replica at most")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--top", options->top, "Deployments to print")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  command->add_option("--flags", options->flags, "Whose command starts a replica")
      ->check(CLI::IsMember({"vllm", "sglang"}))
      ->capture_default_str();
  command->footer(
      "Example:\n"
      "  gridlock serve-plan --model llama-3.1-70b --part h100_sxm --rate 20 --input 2000 \\\n"
      "      --output-tokens 300 --ttft-ms 1000 --tpot-ms 50 --usd-per-hour 2.5");
  command->callback([options, &code] {
    code = RunPlan(*options);
  });
}

}  // namespace gridlock
