#include <algorithm>
#include <charconv>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/interop/request_trace.h"
#include "sim/report/json.h"
#include "sim/serving/deployment.h"
#include "workloads/requests.h"

#include "tools/command.h"
#include "tools/serve_options.h"
#include "tools/serve_pools.h"

namespace gridlock {

namespace {

struct ServeCommand {
  ServeOptions serve;
  ServePoolOptions pools;
  ScenarioOptions scenario;
  std::string replay;
  std::string prefix_cache = "none";
};

// One run, ready to be reported.
struct ServeRun {
  Deployment deployment;
  ServeResult result;
  Objectives objectives;
  std::string note;
  PrefixHits hits;
};

// The replica of a fleet of a scenario, its part by the name that its accelerator has.
Deployment FleetOf(const ServingSpec& fleet, const ServerSpec& server,
                   const ServingCatalogue& catalogue, const ServeOptions& options,
                   std::string& note) {
  Deployment deployment;
  const ModelSpec& model = fleet.model;
  InferenceModel& out = deployment.model;
  out.name = model.name;
  out.layers = model.layers;
  out.hidden = model.hidden;
  out.heads = model.heads;
  out.kv_heads = model.kv_heads;
  out.head_dim = model.head_dim;
  out.ffn = model.ffn;
  out.gated = model.gated;
  out.vocabulary = model.vocabulary;
  const AcceleratorSpec& chip = server.accelerator;
  const InferencePart* part = catalogue.FindPart(chip.name);
  if (part == nullptr) {
    part = catalogue.FindPart("h100_sxm");
    CHECK(part != nullptr);
    note = fmt::format("no part {} in serving_parts.csv: shares of the peaks are those of {}",
                       Quoted(chip.name), part->name);
  }
  deployment.part = *part;
  // The scenario's own machine: caps and overrides are in it.
  deployment.part.peak_bf16 = chip.rates[static_cast<int>(Precision::kBf16)].peak.si();
  deployment.part.peak_fp8 = chip.rates[static_cast<int>(Precision::kFp8)].peak.si();
  deployment.part.peak_fp4 = chip.rates[static_cast<int>(Precision::kFp4)].peak.si();
  deployment.part.hbm_capacity = chip.hbm_capacity.si();
  deployment.part.hbm_bandwidth = chip.hbm_bandwidth.si();
  deployment.part.link_bandwidth = chip.scale_up_bandwidth.si();
  deployment.part.domain = server.domain();
  const InferenceEngine* engine = catalogue.FindEngine(options.engine);
  if (engine == nullptr) {
    throw UserError("", fmt::format("--engine: nothing is called {}{}", Quoted(options.engine),
                                    DidYouMean(options.engine, catalogue.EngineNames())));
  }
  deployment.engine = *engine;
  deployment.engine.batch_max = fleet.batch_max;
  deployment.engine.token_budget = fleet.prefill_tokens_max;
  deployment.layout.tensor = fleet.tensor;
  deployment.layout.weights = fleet.precision == Precision::kFp8   ? WeightFormat::kFp8
                              : fleet.precision == Precision::kFp4 ? WeightFormat::kNvfp4
                                                                   : WeightFormat::kBf16;
  deployment.layout.cache_bytes = deployment.layout.weights == WeightFormat::kBf16 ? 2 : 1;
  deployment.replicas = fleet.replicas;
  return deployment;
}

// The requests of one replica of a fleet.
ServeLoad LoadOfFleet(const JobSpec& job, std::uint64_t seed, std::int64_t requests) {
  ServingSpec one = std::get<ServingSpec>(job.kind);
  one.replicas_simulated = 1;
  RequestStream stream(one, job.name, seed);
  ServeLoad load;
  load.kind = LoadKind::kListed;
  for (std::int64_t i = 0; i < requests; ++i) {
    const Request request = stream.Next();
    load.listed.push_back({request.arrival, request.prompt_tokens, request.output_tokens, 0});
  }
  return load;
}

// Of the prefix cache, in blocks of a trace; 0: without end.
std::int64_t CacheBlocks(const ServeCommand& options) {
  const std::string& text = options.prefix_cache;
  if (text == "none" || text == "infinite") {
    return 0;
  }
  std::int64_t tokens = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), tokens);
  if (error != std::errc() || end != text.data() + text.size() || tokens < kTraceBlock) {
    throw UserError("", fmt::format("--prefix-cache: {}; expected none, infinite or a number of "
                                    "tokens from {}",
                                    Quoted(text), kTraceBlock));
  }
  return tokens / kTraceBlock;
}

// A recorded trace, one in `replicas` of its requests.
ServeLoad LoadOfTrace(const ServeCommand& options, const std::vector<TraceRequest>& trace,
                      const PrefixHits& hits) {
  ServeLoad load;
  load.kind = LoadKind::kListed;
  const int one_in = options.pools.prefill_replicas > 0 ? 1 : options.serve.replicas;
  for (std::size_t i = 0; i < trace.size(); i += static_cast<std::size_t>(one_in)) {
    const std::int64_t cached = options.prefix_cache == "none" ? 0 : hits.hits_of[i] * kTraceBlock;
    load.listed.push_back(
        {trace[i].arrival, trace[i].prompt_tokens, trace[i].output_tokens, cached});
  }
  return load;
}

struct LatencyColumn {
  const char* name;
  Seconds ServedRequest::*member;
};

constexpr LatencyColumn kLatencies[] = {{"TTFT", &ServedRequest::ttft},
                                        {"TPOT", &ServedRequest::tpot},
                                        {"end to end", &ServedRequest::end_to_end}};

std::string LatencyText(const ServeResult& result) {
  std::string text =
      fmt::format("  {:<12} {:>10} {:>10} {:>10} {:>10}\n", "", "median", "p90", "p99", "longest");
  for (const LatencyColumn& column : kLatencies) {
    const std::vector<Seconds> values = result.Values(column.member);
    text += fmt::format("  {:<12}", column.name);
    for (const double q : {0.5, 0.9, 0.99, 1.0}) {
      text += fmt::format(" {:>10}", FormatSeconds(QuantileOf(values, q)));
    }
    text += "\n";
  }
  return text;
}

std::string BindingText(const ServeResult& result, const IterationCosts& costs) {
  const Bindings bindings = BindingsOf(result, costs);
  if (bindings.waits.empty()) {
    return "";
  }
  const auto rows = [](const std::vector<Binding>& list) {
    std::string text;
    for (const Binding& each : list) {
      text += each.share >= 0.001 ? fmt::format("  {:<14} {:>5.1f} %   {}\n", each.limit,
                                                100 * each.share, each.remedy)
                                  : "";
    }
    return text;
  };
  const Binding &wait = bindings.waits.front(), &time = bindings.times.front();
  return "why the first that waits, waits (share of busy time)\n" + rows(bindings.waits) +
         "what iterations spend their time on\n" + rows(bindings.times) +
         fmt::format("binds: {} ({})\n       and in an iteration {} ({})\n", wait.limit,
                     wait.remedy, time.limit, time.remedy);
}

std::string ServeRunText(const ServeRun& run, const IterationCosts& costs, double usd_per_hour) {
  const Deployment& d = run.deployment;
  const ServeResult& r = run.result;
  const Delivered out = DeliveredBy(d, r, costs, run.objectives, usd_per_hour);
  const BatchWork& work = r.work;
  const double busy = std::max(1e-12, work.busy.si());
  std::string text =
      fmt::format("{} on {} x {} of {} ({} weights, tensor {}, pipeline {}, data {}), engine {}\n",
                  d.model.name, d.replicas, d.layout.accelerators(), d.part.name,
                  WeightFormatName(d.layout.weights), d.layout.tensor, d.layout.pipeline,
                  d.layout.data, d.engine.name);
  text += run.note.empty() ? "" : run.note + "\n";
  std::int64_t refused = 0;
  for (const ServedRequest& each : r.requests) {
    refused += each.refused ? 1 : 0;
  }
  text += fmt::format("  requests     {} of one replica in {} ({} refused, {} evictions)\n",
                      r.requests.size(), FormatSeconds(r.duration), refused, work.evictions);
  if (run.hits.blocks > 0) {
    text += fmt::format(
        "  prefixes     {} of {} blocks ({:.1f} %) begin an earlier prompt\n", run.hits.hits,
        run.hits.blocks,
        100.0 * static_cast<double>(run.hits.hits) / static_cast<double>(run.hits.blocks));
  }
  text += LatencyText(r);
  text += fmt::format(
      "  tokens/s     {:.1f} in all, {:.1f} per accelerator, {:.1f} per user; {:.1f} of prompts\n",
      out.output_rate, out.per_accelerator, out.per_user, r.InputRate() * d.replicas);
  text += fmt::format("  goodput      {:.3f} requests/s ({:.1f} % within the objectives)\n",
                      out.goodput, 100 * out.within);
  text += fmt::format(
      "  batch        {:.1f} on average, {} at most, of {}\n  KV cache     {:.1f} % on average, "
      "{:.1f} % at most, of {} tokens\n",
      work.sequence_seconds / busy, work.batch_peak, d.engine.batch_max * d.layout.data,
      100 * work.cache_seconds / busy / static_cast<double>(r.cache_tokens),
      100.0 * static_cast<double>(work.cache_peak) / static_cast<double>(r.cache_tokens),
      r.cache_tokens);
  if (out.watts > 0) {
    text += fmt::format("  power        {} per accelerator, {:.3g} J per output token\n",
                        FormatWatts(Watts(out.watts)), out.joules_per_token);
  }
  if (out.usd_per_million > 0) {
    text +=
        fmt::format("  cost         {:.4g} USD per million output tokens\n", out.usd_per_million);
  }
  return text + BindingText(r, costs);
}

std::string ServeRunJson(const ServeRun& run, const IterationCosts& costs, double usd_per_hour) {
  const ServeResult& r = run.result;
  const Delivered out = DeliveredBy(run.deployment, r, costs, run.objectives, usd_per_hour);
  JsonWriter json;
  json.BeginObject();
  json.Member("model", run.deployment.model.name);
  json.Member("part", run.deployment.part.name);
  json.Member("engine", run.deployment.engine.name);
  json.Member("replicas", run.deployment.replicas);
  json.Member("accelerators", run.deployment.accelerators());
  json.Member("note", run.note);
  json.Member("requests", r.requests.size());
  json.Member("evictions", r.work.evictions);
  json.Member("duration_s", r.duration.si());
  json.Member("cache_tokens", r.cache_tokens);
  json.Member("cache_peak_tokens", r.work.cache_peak);
  json.Member("batch_peak", r.work.batch_peak);
  json.Member("prefix_blocks", run.hits.blocks);
  json.Member("prefix_hits", run.hits.hits);
  for (const LatencyColumn& column : kLatencies) {
    const std::vector<Seconds> values = r.Values(column.member);
    json.Key(column.name == std::string("end to end") ? "e2e_s"
             : column.name == std::string("TTFT")     ? "ttft_s"
                                                      : "tpot_s");
    json.BeginObject();
    json.Member("median", QuantileOf(values, 0.5).si());
    json.Member("p90", QuantileOf(values, 0.9).si());
    json.Member("p99", QuantileOf(values, 0.99).si());
    json.EndObject();
  }
  json.Member("output_tokens_per_s", out.output_rate);
  json.Member("output_tokens_per_s_per_accelerator", out.per_accelerator);
  json.Member("output_tokens_per_s_per_user", out.per_user);
  json.Member("goodput_requests_per_s", out.goodput);
  json.Member("within_objectives", out.within);
  json.Member("watts_per_accelerator", out.watts);
  json.Member("joules_per_output_token", out.joules_per_token);
  json.Member("usd_per_million_output_tokens", out.usd_per_million);
  const Bindings bindings = BindingsOf(r, costs);
  for (const auto& [name, list] :
       {std::pair{"waits", &bindings.waits}, {"times", &bindings.times}}) {
    json.Objects(name, *list, [&json](const Binding& each) {
      json.Member("limit", each.limit);
      json.Member("share", each.share);
      json.Member("remedy", each.remedy);
    });
  }
  json.EndObject();
  return json.Finish();
}

int ReportServing(const ServeCommand& options, ServeRun run, const ServeLoad& load) {
  const IterationCosts costs(run.deployment.model, run.deployment.part, run.deployment.engine,
                             run.deployment.layout, "");
  run.result = RunLoad(costs, load);
  const double price = options.serve.usd_per_hour;
  fmt::print("{}", options.serve.format == "json" ? ServeRunJson(run, costs, price)
                                                  : ServeRunText(run, costs, price));
  return kSuccess;
}

int ServeScenario(const ServeCommand& options, const ServingCatalogue& catalogue) {
  return WithScenario(options.scenario, [&](Scenario& scenario) {
    const auto job = std::find_if(scenario.jobs.begin(), scenario.jobs.end(), [](const auto& each) {
      return std::holds_alternative<ServingSpec>(each.kind);
    });
    if (job == scenario.jobs.end()) {
      throw UserError("",
                      "no job of the scenario is a serving fleet; expected one job { serving "
                      "{ ... } }");
    }
    const auto& fleet = std::get<ServingSpec>(job->kind);
    const std::size_t site = job->sites.empty() ? 0 : static_cast<std::size_t>(job->sites[0]);
    ServeRun run;
    run.deployment =
        FleetOf(fleet, scenario.sites[site].server, catalogue, options.serve, run.note);
    run.objectives = {fleet.ttft_objective, fleet.tpot_objective, options.serve.share};
    return ReportServing(options, run, LoadOfFleet(*job, scenario.seed, options.serve.requests));
  });
}

// Options of the command line that are not among `beside`, as "--model, --part"; "" for none.
std::string GivenBut(const CLI::App& command, const std::vector<std::string>& beside) {
  std::string names;
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_name();
    if (option->count() > 0 && std::find(beside.begin(), beside.end(), name) == beside.end()) {
      names += (names.empty() ? "" : ", ") + name;
    }
  }
  return names;
}

// Options that would change nothing are refused.
void CheckTogether(const CLI::App& command, const ServeCommand& options) {
  const auto refuse = [](const std::string& given, const char* words) {
    if (!given.empty()) {
      throw UserError("", given + words);
    }
  };
  if (!options.scenario.file.empty()) {
    refuse(GivenBut(command,
                    {"SCENARIO", "--set", "--engine", "--requests", "--usd-per-hour", "--format"}),
           ": SCENARIO says this; beside it go --set, --engine, --requests, --usd-per-hour and "
           "--format");
    return;
  }
  refuse(command.get_option("--accepted")->count() > 0 && options.serve.drafts == 0 ? "--accepted"
                                                                                    : "",
         ": is of drafts; --drafts says how many a pass checks");
  if (options.pools.prefill_replicas > 0) {
    refuse(options.prefix_cache != "none" ? "--prefix-cache" : "", ": is not simulated with pools");
  } else {
    for (const char* name :
         {"--prefill-tensor", "--kv-gbs", "--core-gbs", "--other-gbs", "--router"}) {
      refuse(command.get_option(name)->count() > 0 ? name : "",
             ": is of pools; --prefill-replicas makes them");
    }
  }
  refuse(options.scenario.overrides.empty() ? "" : "--set",
         ": overrides a field of SCENARIO, and none is given");
  if (!options.replay.empty()) {
    refuse(GivenBut(command,
                    {"--replay",           "--prefix-cache",   "--model",        "--part",
                     "--engine",           "--weights",        "--kv",           "--tensor",
                     "--pipeline",         "--data",           "--replicas",     "--batch-max",
                     "--drafts",           "--accepted",       "--ttft-ms",      "--tpot-ms",
                     "--prefill-replicas", "--prefill-tensor", "--kv-gbs",       "--core-gbs",
                     "--other-gbs",        "--router",         "--usd-per-hour", "--format"}),
           ": --replay says which requests come, and when");
  }
  refuse(options.serve.rate > 0 && options.serve.concurrency > 0 ? "--rate, --concurrency" : "",
         ": requests come at a rate or so many are in flight, not both");
  refuse(options.replay.empty() && options.prefix_cache != "none" ? "--prefix-cache" : "",
         ": goes with --replay");
}

int RunServe(const CLI::App& command, const ServeCommand& options) {
  try {
    CheckTogether(command, options);
    const ServingCatalogue catalogue = ShippedServingCatalogue();
    if (!options.scenario.file.empty()) {
      return ServeScenario(options, catalogue);
    }
    ServeRun run;
    run.deployment = DeploymentOf(options.serve, catalogue);
    run.objectives = ObjectivesOf(options.serve);
    run.note = EstimatesOf(run.deployment, catalogue);
    ServeOptions whole = options.serve;
    const bool pools = options.pools.prefill_replicas > 0;
    whole.replicas = pools ? 1 : whole.replicas;  // pools share one load
    ServeLoad load = LoadOf(whole);
    if (!options.replay.empty()) {
      const std::vector<TraceRequest> trace = ReadRequestTrace(options.replay);
      run.hits = HitsOf(trace, CacheBlocks(options));
      load = LoadOfTrace(options, trace, run.hits);
    }
    if (pools) {
      fmt::print("{}", ServePools(options.pools, run.deployment, load, options.serve.format));
      return kSuccess;
    }
    return ReportServing(options, run, load);
  } catch (const UserError& error) {
    return RefuseServing("serve", error);
  }
}

void AddDeploymentOptions(CLI::App& command, ServeOptions& options) {
  command.add_option("--weights", options.weights, "bf16, fp8, int8, int4, nvfp4 or mxfp4")
      ->capture_default_str()
      ->type_name("FORMAT");
  command.add_option("--kv", options.cache, "Format of the KV cache")
      ->check(CLI::IsMember({"auto", "bf16", "fp8"}))
      ->capture_default_str();
  const auto count = [&](const char* name, int& value, const char* words) {
    command.add_option(name, value, words)->check(CLI::Range(1, 4096))->capture_default_str();
  };
  count("--tensor", options.tensor, "Tensor-parallel ranks of a replica");
  count("--pipeline", options.pipeline, "Pipeline stages of a replica");
  count("--data", options.data, "Data-parallel copies of attention; experts are spread over all");
  count("--replicas", options.replicas, "Replicas that share the load evenly");
  command.add_option("--batch-max", options.batch_max, "Sequences of a batch (default: engine's)")
      ->check(CLI::Range(1, 1 << 20));
  command.add_option("--concurrency", options.concurrency, "Requests in flight, instead of a rate")
      ->check(CLI::Range(1.0, 1e7));
  command.add_option("--requests", options.requests, "Requests of one replica")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  command.add_option("--drafts", options.drafts, "Speculated tokens that a pass checks")
      ->check(CLI::Range(0, 64));
  command.add_option("--accepted", options.accepted, "Share of a draft token that is accepted")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
}

}  // namespace

void AddServeCommand(CLI::App& app, int& code) {
  auto options = std::make_shared<ServeCommand>();
  options->scenario.command = "serve";
  CLI::App* command =
      app.add_subcommand("serve", "Serve requests with a model: latencies, rates and what binds");
  command->add_option("SCENARIO", options->scenario.file,
                      "Scenario with a serving job, whose fleet and requests are taken; without "
                      "one, the options below say all");
  AddOverrides(*command, options->scenario);
  AddServeLoadOptions(*command, options->serve);
  AddDeploymentOptions(*command, options->serve);
  AddPoolOptions(*command, options->pools);
  command
      ->add_option("--replay", options->replay,
                   "Requests as recorded: Azure LLM trace (.csv) or Mooncake (.jsonl)")
      ->type_name("FILE");
  command
      ->add_option(
          "--prefix-cache", options->prefix_cache,
          "Of a replay with hashes: blocks that an earlier prompt had are not prefilled. A cache "
          "of so many tokens, shared by all replicas, gives up the least recently used")
      ->type_name("none, infinite or TOKENS")
      ->capture_default_str();
  command->footer(
      "Without --rate, --concurrency or --replay all requests are queued at once.\n"
      "Examples:\n"
      "  gridlock serve --model llama-3.1-70b --part h100_sxm --tensor 8 --weights fp8 --rate 5\n"
      "  gridlock serve --model deepseek-r1 --part h200_sxm --data 8 --weights fp8 "
      "--concurrency 512\n"
      "  gridlock serve --part h200_sxm --tensor 4 --replicas 4 --replay trace.jsonl "
      "--prefix-cache infinite\n"
      "  gridlock serve --tensor 4 --weights fp8 --prefill-replicas 2 --replicas 3 --rate 20\n"
      "  gridlock serve examples/07-hbm-cap/scenario.textproto");
  command->callback([options, command, &code] {
    code = RunServe(*command, *options);
  });
}

}  // namespace gridlock
