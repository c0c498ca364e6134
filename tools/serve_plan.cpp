#include <algorithm>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/report/json.h"
#include "sim/serving/deployment.h"

#include "tools/command.h"
#include "tools/serve_options.h"
#include "tools/serve_output.h"

namespace gridlock {

namespace {

struct PlanOptions {
  ServeOptions serve;
  std::string weights = "auto", caches = "bf16,fp8", flags = "vllm";
  std::vector<double> prices;  ///< of the parts, in their order
  int width_most = 8, top = 10;
  bool pools = false;
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
  ServeOptions one = options.serve;
  const std::vector<std::string> parts = ListOf(options.serve.part);
  if (options.prices.size() > 1 && options.prices.size() != parts.size()) {
    throw UserError("", fmt::format("--usd-per-hour: {} prices for {} parts; expected one for each",
                                    options.prices.size(), parts.size()));
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    one.part = parts[i];
    spec.base = DeploymentOf(one, catalogue);
    const double price = options.prices.empty()       ? 0
                         : options.prices.size() == 1 ? options.prices[0]
                                                      : options.prices[i];
    spec.parts.push_back({spec.base.part, price});
  }
  // Set up on each part anew.
  spec.base.engine = *catalogue.FindEngine(options.serve.engine);
  spec.pools = options.pools;
  spec.load = LoadOf(options.serve, spec.base.model);
  spec.load.value = options.serve.rate;
  spec.objectives = ObjectivesOf(options.serve);
  spec.width_most = options.width_most;
  const WeightFormat usual = spec.base.model.checkpoint;
  if (options.weights == "auto") {
    spec.weights = usual != WeightFormat::kBf16 ? std::vector{usual}
                   : spec.base.engine.packs_weights
                       ? std::vector{WeightFormat::kQ80, WeightFormat::kQ4KM}
                       : std::vector{usual, WeightFormat::kFp8};
  }
  for (const std::string& word : ListOf(options.weights == "auto" ? "" : options.weights)) {
    WeightFormat format = WeightFormat::kBf16;
    if (!WeightFormatByName(word, format)) {
      throw UserError("", fmt::format("--weights: there is no format {}; expected {}", Quoted(word),
                                      kWeightFormatNames));
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

std::string PriceText(double usd_per_hour) {
  return usd_per_hour > 0 ? fmt::format("{:.4g}", usd_per_hour) : "no price";
}

// "4" of replicas that do both, "2+4" of 2 that prefill and 4 that decode.
std::string ReplicasText(const ServingPlan& plan) {
  return plan.pools() ? fmt::format("{}+{}", plan.prefill.replicas, plan.deployment.replicas)
                      : fmt::format("{}", plan.deployment.replicas);
}

// "tp8", "tp1 dp8", of pools those that prefill first.
std::string LayoutText(const InferenceLayout& layout) {
  return fmt::format("tp{}{}{}", layout.tensor,
                     layout.data > 1 ? fmt::format(" dp{}", layout.data) : "",
                     layout.pipeline > 1 ? fmt::format(" pp{}", layout.pipeline) : "");
}

std::string LayoutText(const ServingPlan& plan) {
  return (plan.pools() ? LayoutText(plan.prefill.layout) + "+" : "") +
         LayoutText(plan.deployment.layout);
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

std::string PlanText(const PlanOptions& options, const std::vector<ServingPlan>& plans, int tried) {
  std::string text = fmt::format(
      "{} at {:g} requests/s on {}: {} deployments tried, {} keep the objectives with their best "
      "batch\n{:>4} {:>14} {:>6} {:>9} {:>16} {:>6} {:>4} {:>9} {:>10} {:>9} {:>8} {:>9}\n",
      options.serve.model, options.serve.rate, options.serve.part, tried, plans.size(), "rank",
      "part", "parts", "replicas", "layout", "weight", "kv", "batch_max", "tokens/s/u", "tok/s/acc",
      "within_%", "USD/h");
  int rank = 0;
  for (const ServingPlan& plan : plans) {
    if (++rank > options.top) {
      break;
    }
    const Deployment& d = plan.deployment;
    text += fmt::format(
        "{:>4} {:>14} {:>6} {:>9} {:>16} {:>6} {:>4} {:>9} {:>10.1f} {:>9.1f} {:>8.1f} {:>9}\n",
        rank, d.part.name, plan.accelerators(), ReplicasText(plan), LayoutText(plan),
        WeightFormatName(d.layout.weights), d.layout.cache_bytes < 2 ? "fp8" : "bf16",
        d.engine.batch_max, plan.delivered.per_user, plan.delivered.per_accelerator,
        100 * plan.delivered.within, PriceText(plan.usd_per_hour));
  }
  if (plans.empty()) {
    return text;
  }
  const bool unpriced = plans.front().usd_per_hour <= 0;
  return text +
         (unpriced ? "without --usd-per-hour of every part, the fewest accelerators come first\n"
                   : "") +
         "\n" + LaunchCommands(plans.front(), options.flags);
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
    json.Member("part", d.part.name);
    json.Member("accelerators", plan.accelerators());
    json.Member("replicas", d.replicas);
    json.Member("tensor", d.layout.tensor);
    json.Member("pipeline", d.layout.pipeline);
    json.Member("data", d.layout.data);
    if (plan.pools()) {
      json.Member("prefill_replicas", plan.prefill.replicas);
      json.Member("prefill_tensor", plan.prefill.layout.tensor);
      json.Member("prefill_pipeline", plan.prefill.layout.pipeline);
      json.Member("prefill_data", plan.prefill.layout.data);
    }
    json.Member("weights", WeightFormatName(d.layout.weights));
    json.Member("kv_bytes", d.layout.cache_bytes);
    json.Member("batch_max", d.engine.batch_max);
    json.Member("requests_per_s_per_replica_most", plan.rate_most);
    json.Member("output_tokens_per_s_per_user", plan.delivered.per_user);
    json.Member("output_tokens_per_s_per_accelerator", plan.delivered.per_accelerator);
    json.Member("within_objectives", plan.delivered.within);
    if (plan.usd_per_hour > 0) {
      json.Member("usd_per_hour", plan.usd_per_hour);
      json.Member("usd_per_million_output_tokens", plan.delivered.usd_per_million);
    }
    json.Member("command", LaunchCommands(plan, options.flags));
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return json.Finish();
}

int RunPlan(const PlanOptions& options) {
  return WithServing("serve-plan", [&]() -> int {
    const ServingCatalogue catalogue = TablesOf(options.serve);
    int tried = 0;
    const PlanSpec spec = SpecOf(options, catalogue);
    const std::vector<ServingPlan> plans = SearchPlans(spec, tried);
    PrintServing(options.serve, "plans", [&](const std::string& format) {
      return format == "json" ? PlanJson(options, plans, tried) : PlanText(options, plans, tried);
    });
    if (plans.empty()) {
      throw UserError("", WhyNone(options.serve, spec));
    }
    return kSuccess;
  });
}

}  // namespace

void AddServePlanCommand(CLI::App& app, int& code) {
  auto options = std::make_shared<PlanOptions>();
  options->serve.rate = 10;
  CLI::App* command = app.add_subcommand(
      "serve-plan", "Search the cheapest deployment of a model for a load and its objectives");
  AddServeLoadOptions(*command, options->serve);
  command->remove_option(command->get_option("--usd-per-hour"));
  command
      ->add_option("--usd-per-hour", options->prices,
                   "Price of one accelerator; of several parts a list, in their order. Without it "
                   "the fewest accelerators come first")
      ->delimiter(',')
      ->check(CLI::Range(0.0, 1e6));
  command->get_option("--part")->description(
      "An accelerator of serving_parts.csv or a server of gridlock catalog, or a list: "
      "h100_sxm,mi300x; several joined by "
      "+ share a replica");
  command->add_flag("--pools", options->pools,
                    "Also replicas that prefill and replicas that decode, with caches that move "
                    "between them over NICs");
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
      ->check(CLI::IsMember(kLaunchers))
      ->capture_default_str();
  command->footer(
      "Example:\n"
      "  gridlock serve-plan --model llama-3.1-70b --part h100_sxm --rate 20 --input 2000 \\\n"
      "      --output-tokens 300 --ttft-ms 1000 --tpot-ms 50 --usd-per-hour 2.5\n"
      "  gridlock serve-plan --model deepseek-r1 --part h200_sxm,mi300x --usd-per-hour 3.5,2.5 \\\n"
      "      --weights fp8 --pools --width-most 16 --rate 20 --input 4000 --output-tokens 1000 \\\n"
      "      --tpot-ms 50 --flags dynamo");
  command->callback([options, &code] {
    code = RunPlan(*options);
  });
}

}  // namespace gridlock
