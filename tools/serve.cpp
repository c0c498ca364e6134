#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sim/base/check.h"
#include "sim/interop/request_trace.h"
#include "sim/serving/deployment.h"
#include "workloads/decode.h"
#include "workloads/requests.h"

#include "tools/command.h"
#include "tools/serve_cap.h"
#include "tools/serve_csv.h"
#include "tools/serve_fleet.h"
#include "tools/serve_options.h"
#include "tools/serve_pools.h"
#include "tools/serve_prefix.h"
#include "tools/serve_report.h"

namespace gridlock {

namespace {

struct ServeCommand {
  ServeOptions serve;
  ServePoolOptions pools;
  ScenarioOptions scenario;
  std::string replay;
  PrefixOptions prefix;
  ServeCapOptions cap;
};

// The replica of a fleet of a scenario: caps and overrides of its machine are in it.
Deployment FleetOf(const ServingSpec& fleet, const ServerSpec& server,
                   const ServingCatalogue& catalogue, const ServeOptions& options,
                   std::string& note) {
  Deployment deployment;
  deployment.model = InferenceModelOf(fleet.model);
  deployment.model.window = fleet.window;
  deployment.model.windowed_share = fleet.windowed_share;
  deployment.model.context = fleet.context;
  deployment.part = InferencePartOf(server, fleet.parts);
  if (catalogue.FindPart(server.accelerator.name) == nullptr) {
    note = fmt::format(
        "no part {} in serving_parts.csv: shares of the peaks are those of its "
        "catalogue entry",
        Quoted(server.accelerator.name));
  }
  deployment.engine = fleet.engine;
  if (options.engine != ServeOptions().engine) {
    const InferenceEngine* engine = catalogue.FindEngine(options.engine);
    if (engine == nullptr) {
      throw UserError("", fmt::format("--engine: nothing is called {}{}", Quoted(options.engine),
                                      DidYouMean(options.engine, catalogue.EngineNames())));
    }
    deployment.engine = *engine;
  }
  deployment.engine.batch_max = fleet.batch_max;
  deployment.engine.token_budget = fleet.prefill_tokens_max;
  deployment.layout = InferenceLayoutOf(fleet);
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
    load.listed.push_back({request.arrival, request.prompt_tokens, request.output_tokens, 0, {}});
  }
  return load;
}

// Prints what `write` makes of "text" or "json"; CSV is the latter, flat.
template <typename Write>
void Print(const std::string& format, const Write& write) {
  fmt::print("{}", format == "csv" ? CsvOfJson(write("json"), "points") : write(format));
}

// Latencies of no request would read as zero.
void RefuseIfNoneWasServed(const ServeResult& result, const IterationCosts& costs) {
  const auto served =
      std::find_if(result.requests.begin(), result.requests.end(), [](const auto& r) {
        return !r.refused;
      });
  if (!result.requests.empty() && served == result.requests.end()) {
    throw UserError("", fmt::format("all {} requests are refused: the KV cache of a replica holds "
                                    "{} tokens, fewer than any of them takes; expected shorter "
                                    "requests, a wider --tensor or more --kv-tokens",
                                    result.requests.size(), costs.cache_tokens()));
  }
}

int ReportServing(const ServeCommand& options, ServeRun run, const ServeLoad& load) {
  const double price = options.serve.usd_per_hour;
  if (!options.cap.resource.empty()) {
    Print(options.serve.format, [&](const std::string& format) {
      return ServeCap(options.cap, options.pools, run, load, price, format);
    });
    return kSuccess;
  }
  const IterationCosts costs(run.deployment.model, run.deployment.part, run.deployment.engine,
                             run.deployment.layout, "");
  run.result = RunLoad(costs, load);
  RefuseIfNoneWasServed(run.result, costs);
  Print(options.serve.format, [&](const std::string& format) {
    return format == "json" ? ServeRunJson(run, costs, price) : ServeRunText(run, costs, price);
  });
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

void Refuse(const std::string& given, const char* words) {
  if (!given.empty()) {
    throw UserError("", given + words);
  }
}

// The option's name when it is given and `wrong`, else "".
std::string GivenWhere(const CLI::App& command, const char* name, bool wrong) {
  return wrong && command.get_option(name)->count() > 0 ? name : "";
}

// Those of a cache of beginnings, of caps and of replays.
void CheckReplay(const CLI::App& command, const ServeCommand& options) {
  std::string said;
  for (const char* name : {"--input", "--output-tokens", "--spread", "--rate", "--concurrency",
                           "--requests", "--seed"}) {
    const std::string given = GivenWhere(command, name, !options.replay.empty());
    said += (said.empty() || given.empty() ? "" : ", ") + given;
  }
  Refuse(said, ": --replay says which requests come, and when");
  const PrefixOptions& prefix = options.prefix;
  Refuse(GivenWhere(command, "--prefix-cache", options.replay.empty() && prefix.cache != "none"),
         ": goes with --replay");
  Refuse(GivenWhere(command, "--host-cache-gb", !prefix.Simulated()),
         ": lies behind a prefix cache in HBM; --prefix-cache room or TOKENS says how large that "
         "is");
  Refuse(GivenWhere(command, "--store-gb", !prefix.Simulated()),
         ": lies behind a prefix cache in HBM; --prefix-cache room or TOKENS says how large that "
         "is");
  Refuse(GivenWhere(command, "--store-gbs", prefix.store_gb <= 0),
         ": is of the store; --store-gb says how large that is");
  Refuse(GivenWhere(command, "--host-gbs", prefix.host_gb <= 0),
         ": is of the cache in the host; --host-cache-gb says how large that is");
  Refuse(GivenWhere(command, "--values", options.cap.resource.empty()),
         ": are those of a cap; --cap says of what");
}

// Options that would change nothing are refused.
void CheckTogether(const CLI::App& command, const ServeCommand& options) {
  if (!options.scenario.file.empty()) {
    Refuse(GivenBut(command, {"SCENARIO", "--set", "--engine", "--requests", "--usd-per-hour",
                              "--format", "--cap", "--values"}),
           ": SCENARIO says this; beside it go --set, --engine, --requests, --cap, --values, "
           "--usd-per-hour and --format");
    return;
  }
  Refuse(GivenWhere(command, "--accepted", options.serve.drafts == 0),
         ": is of drafts; --drafts says how many a pass checks");
  const bool pools = options.pools.prefill_replicas > 0;
  for (const char* name : {"--prefill-tensor", "--kv-gbs", "--core-gbs", "--other-gbs"}) {
    Refuse(GivenWhere(command, name, !pools), ": is of pools; --prefill-replicas makes them");
  }
  Refuse(GivenWhere(command, "--router", !pools && options.serve.replicas < 2),
         ": chooses among replicas; --replicas says how many there are");
  Refuse(GivenWhere(command, "--router", !pools && !options.cap.resource.empty()),
         ": a cap is simulated on one replica of a fleet, or on pools");
  Refuse(options.scenario.overrides.empty() ? "" : "--set",
         ": overrides a field of SCENARIO, and none is given");
  CheckReplay(command, options);
  Refuse(options.serve.rate > 0 && options.serve.concurrency > 0 ? "--rate, --concurrency" : "",
         ": requests come at a rate or so many are in flight, not both");
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
    if (options.cap.resource.empty()) {
      CheckThatWeightsFit(run.deployment);
    }
    std::vector<std::string> notes = NotesOf(options.serve, run.deployment);
    if (const std::string estimates = EstimatesOf(run.deployment, catalogue); !estimates.empty()) {
      notes.push_back(estimates);
    }
    run.note = fmt::format("{}", fmt::join(notes, "\n"));
    ServeOptions whole = options.serve;
    const bool pools = options.pools.prefill_replicas > 0;
    // Pools and fleets behind a router share one load.
    const bool fleet = !pools && command.get_option("--router")->count() > 0;
    whole.replicas = pools || fleet ? 1 : whole.replicas;
    ServeLoad load = LoadOf(whole);
    if (!options.replay.empty()) {
      load = LoadOfTrace(options.prefix, ReadRequestTrace(options.replay),
                         pools || fleet ? 1 : options.serve.replicas, run);
    }
    if ((pools || fleet) && options.cap.resource.empty()) {
      Print(options.serve.format, [&](const std::string& format) {
        return pools ? ServePools(options.pools, run.deployment, load, format)
                     : ServeFleet(options.pools.router, run, load, options.serve.usd_per_hour,
                                  format);
      });
      return kSuccess;
    }
    return ReportServing(options, run, load);
  } catch (const UserError& error) {
    return RefuseServing("serve", error);
  }
}

void AddDeploymentOptions(CLI::App& command, ServeOptions& options) {
  command
      .add_option("--weights", options.weights,
                  "bf16, fp8, int8, int4, nvfp4 or mxfp4; auto: as the checkpoint "
                  "is published")
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
  command
      .add_option(
          "--kv-tokens", options.kv_tokens,
          "Tokens that the KV cache of a replica holds, as the engine prints them (default: "
          "what weights and the engine's reserve leave of HBM)")
      ->check(CLI::Range(16, 2'000'000'000));
  command.add_option("--concurrency", options.concurrency, "Requests in flight, instead of a rate")
      ->check(CLI::Range(1.0, 1e7));
  command
      .add_option("--requests", options.requests,
                  "Requests of one replica; of all in pools or behind a router")
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
  AddPrefixOptions(*command, options->prefix);
  AddServeCapOptions(*command, options->cap);
  command->footer(
      "Without --rate, --concurrency or --replay all requests are queued at once.\n"
      "Examples:\n"
      "  gridlock serve --model llama-3.1-70b --part h100_sxm --tensor 8 --weights fp8 --rate 5\n"
      "  gridlock serve --model deepseek-r1 --part h200_sxm --data 8 --weights fp8 "
      "--concurrency 512\n"
      "  gridlock serve --part h200_sxm --tensor 4 --replicas 4 --replay trace.jsonl "
      "--prefix-cache room --host-cache-gb 500\n"
      "  gridlock serve --part h200_sxm --tensor 4 --replicas 4 --router prefix_aware --replay "
      "trace.jsonl --prefix-cache room --store-gb 2000\n"
      "  gridlock serve --part h200_sxm --tensor 4 --rate 2 --cap hbm --values 100,75,50,25%\n"
      "  gridlock serve --tensor 4 --weights fp8 --prefill-replicas 2 --replicas 3 --rate 20\n"
      "  gridlock serve examples/07-hbm-cap/scenario.textproto");
  command->callback([options, command, &code] {
    code = RunServe(*command, *options);
  });
}

}  // namespace gridlock
