#include <algorithm>
#include <cmath>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sim/base/check.h"
#include "sim/interop/request_trace.h"
#include "sim/serving/deployment.h"
#include "workloads/decode.h"
#include "workloads/image_encoders.h"

#include "tools/command.h"
#include "tools/serve_cap.h"
#include "tools/serve_notes.h"
#include "tools/serve_options.h"
#include "tools/serve_output.h"
#include "tools/serve_pools.h"
#include "tools/serve_prefix.h"
#include "tools/serve_report.h"
#include "tools/serve_routed.h"

namespace gridlock {

namespace {

struct ServeCommand {
  ServeOptions serve;
  ServePoolOptions pools;
  ScaleOptions scale;
  ScenarioOptions scenario;
  std::string replay;
  PrefixOptions prefix;
  ServeCapOptions cap;
};

// The replica of a fleet of a scenario: caps and overrides of its machine are in it.
Deployment FleetOf(const ServingSpec& fleet, const ServerSpec& server,
                   const ServingCatalogue& catalogue, const ServeOptions& options,
                   std::string& note) {
  CheckThatItServes(fleet.model, fleet.path + ".model", false);
  Deployment deployment;
  deployment.model = InferenceModelOf(fleet.model);
  if (fleet.windowed_share > 0) {
    deployment.model.window = fleet.window;
    deployment.model.windowed_share = fleet.windowed_share;
  }
  deployment.model.context = fleet.context;
  deployment.part = InferencePartOf(server, fleet.parts);
  if (catalogue.FindPart(server.accelerator.name) == nullptr) {
    note = fmt::format(
        "no part {} in serving_parts.csv: shares of the peaks are those of its "
        "catalogue entry",
        Quoted(server.accelerator.name));
  }
  const InferenceEngine* engine = &fleet.engine;
  if (options.engine != ServeOptions().engine) {
    engine = catalogue.FindEngine(options.engine);
    if (engine == nullptr) {
      throw UserError("", fmt::format("--engine: nothing is called {}{}", Quoted(options.engine),
                                      DidYouMean(options.engine, catalogue.EngineNames())));
    }
  }
  deployment.engine = EngineOfFleet(fleet, deployment.part, *engine);
  deployment.layout = InferenceLayoutOf(fleet, deployment.engine);
  deployment.replicas = fleet.replicas;
  return deployment;
}

int ReportServing(const ServeCommand& options, ServeRun run, const ServeLoad& load) {
  const double price = options.serve.usd_per_hour;
  if (!options.cap.resource.empty()) {
    PrintServing(options.serve, "points", [&](const std::string& format) {
      return ServeCap(options.cap, options.pools, run, load, price, format, options.serve.quiet);
    });
    return kSuccess;
  }
  const IterationCosts costs(run.deployment.model, run.deployment.part, run.deployment.engine,
                             run.deployment.layout, "");
  run.result = RunLoad(costs, load);
  RefuseIfNoneWasServed(run.result);
  PrintServing(options.serve, "points", [&](const std::string& format) {
    return format == "json" ? ServeRunJson(run, costs, price) : ServeRunText(run, costs, price);
  });
  return kSuccess;
}

// Of pools; caps of them are reported as those of replicas.
int ReportPools(const ServeCommand& options, const ServeRun& run, const ServeLoad& load) {
  if (!options.cap.resource.empty()) {
    return ReportServing(options, run, load);
  }
  PrintServing(options.serve, "points", [&](const std::string& format) {
    return ServePools(options.pools, run.deployment, load, format);
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
    run.adapters = fleet.asked_adapters.count;
    const ServeLoad load =
        LoadOfFleet(fleet, job->name, scenario.seed, options.serve.requests,
                    TimesOfImages(fleet.groups, run.deployment.part, run.deployment.engine));
    if (fleet.pools()) {
      ServeCommand unit = options;
      unit.pools.prefill_replicas = fleet.prefill_replicas;
      unit.pools.prefill_tensor = fleet.prefill_tensor;
      run.deployment.replicas = fleet.decode_replicas;
      return ReportPools(unit, run, load);
    }
    return ReportServing(options, run, load);
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

// Engines of today keep beginnings where nothing is said; a load without any has none to find.
PrefixOptions PrefixOfLoad(const CLI::App& command, const ServeCommand& options) {
  PrefixOptions prefix = options.prefix;
  const bool again = options.serve.turns > 1 || options.serve.answers > 1;
  if (again && command.get_option("--prefix-cache")->count() == 0) {
    prefix.cache = "room";
  }
  return prefix;
}

// Those of a cache of beginnings, of caps and of replays.
void CheckReplay(const CLI::App& command, const ServeCommand& options) {
  std::string said;
  for (const char* name :
       {"--input", "--output-tokens", "--spread", "--rate", "--concurrency", "--requests", "--seed",
        "--answers", "--turns", "--pause-s", "--burstiness", "--surge"}) {
    const std::string given = GivenWhere(command, name, !options.replay.empty());
    said += (said.empty() || given.empty() ? "" : ", ") + given;
  }
  Refuse(said, ": --replay says which requests come, and when");
  const PrefixOptions& prefix = options.prefix;
  const bool again = options.serve.turns > 1 || options.serve.answers > 1;
  const bool finds = !options.replay.empty() || (again && prefix.cache != "infinite");
  Refuse(GivenWhere(command, "--prefix-cache", !finds && prefix.cache != "none"),
         ": goes with --replay, or with --turns or --answers (room or TOKENS)");
  const bool kept = PrefixOfLoad(command, options).Simulated();
  Refuse(GivenWhere(command, "--host-cache-gb", !kept),
         ": lies behind a prefix cache in HBM; --prefix-cache room or TOKENS says how large that "
         "is");
  Refuse(GivenWhere(command, "--store-gb", !kept),
         ": lies behind a prefix cache in HBM; --prefix-cache room or TOKENS says how large that "
         "is");
  Refuse(GivenWhere(command, "--store-gbs", prefix.store_gb <= 0),
         ": is of the store; --store-gb says how large that is");
  Refuse(GivenWhere(command, "--host-gbs", prefix.host_gb <= 0),
         ": is of the cache in the host; --host-cache-gb says how large that is");
  Refuse(GivenWhere(command, "--values", options.cap.resource.empty()),
         ": are those of a cap; --cap says of what");
}

// Those of a fleet whose replicas come and go, and of a pool of encoders.
void CheckRouted(const CLI::App& command, const ServeCommand& options) {
  const bool pools = options.pools.prefill_replicas > 0;
  Refuse(GivenWhere(command, "--replicas-min", pools),
         ": a fleet of pools keeps its size; leave --prefill-replicas out");
  Refuse(GivenWhere(command, "--replicas-min", options.scale.replicas_min > options.serve.replicas),
         ": more than --replicas, which is how many there are at most");
  const bool capped = !options.cap.resource.empty();
  Refuse(GivenWhere(command, "--replicas-min", capped), ": a cap is simulated on one replica");
  Refuse(GivenWhere(command, "--encoders", capped && !pools),
         ": a cap is simulated on one replica, which encodes its own images, or on pools");
}

// Options that would change nothing are refused.
void CheckTogether(const CLI::App& command, const ServeCommand& options) {
  if (!options.scenario.file.empty()) {
    Refuse(GivenBut(command, {"SCENARIO", "--set", "--engine", "--requests", "--usd-per-hour",
                              "--format", "--cap", "--values", "--output", "--quiet"}),
           ": SCENARIO says this; beside it go --set, --engine, --requests, --cap, --values, "
           "--usd-per-hour, --format, -o and -q");
    return;
  }
  Refuse(GivenWhere(command, "--pause-s", options.serve.turns <= 1),
         ": is between turns; --turns says how many a conversation has");
  for (const char* name : {"--burstiness", "--surge"}) {
    Refuse(GivenWhere(command, name, options.serve.rate <= 0),
           ": is of arrivals at a rate; --rate says which");
  }
  for (const char* name :
       {"--adapter-rank", "--adapter-slots", "--adapter-skew", "--adapter-targets"}) {
    Refuse(GivenWhere(command, name, options.serve.adapters.count == 0),
           ": is of adapters; --adapters says how many there are");
  }
  for (const char* name : {"--image-tokens", "--encoder", "--encoders"}) {
    Refuse(GivenWhere(command, name, options.serve.images.images == 0),
           ": is of images; --images says how many a request has");
  }
  for (const char* name : {"--target-requests", "--weights-from", "--storage-gbs",
                           "--engine-start-s", "--decide-every-s", "--keep-s"}) {
    Refuse(GivenWhere(command, name, options.scale.replicas_min == 0),
           ": is of a fleet that grows and shrinks; --replicas-min says to how few");
  }
  Refuse(GivenWhere(command, "--micro-batches", options.serve.expert_ranks == 0),
         ": is of experts apart; --expert-ranks says on how many accelerators they are");
  CheckRouted(command, options);
  Refuse(GivenWhere(command, "--accepted", options.serve.drafts == 0),
         ": is of drafts; --drafts says how many a pass checks");
  const bool pools = options.pools.prefill_replicas > 0;
  for (const char* name : {"--prefill-tensor", "--kv-gbs"}) {
    Refuse(GivenWhere(command, name, !pools), ": is of pools; --prefill-replicas makes them");
  }
  const bool loads = options.scale.replicas_min > 0 && options.scale.weights != "host";
  for (const char* name : {"--core-gbs", "--other-gbs"}) {
    Refuse(GivenWhere(command, name, !pools && !loads),
           ": is of the fabric that caches or weights cross; --prefill-replicas makes pools, "
           "--replicas-min a fleet that loads weights");
  }
  Refuse(GivenWhere(command, "--other-gbs", options.pools.core_gbs <= 0),
         ": is a share of the fabric; --core-gbs says how much that is");
  Refuse(GivenWhere(command, "--router",
                    !pools && options.serve.replicas < 2 && options.serve.images.encoders == 0),
         ": chooses among replicas; --replicas says how many there are");
  Refuse(options.pools.router == "adapter_aware" && options.serve.adapters.count == 0 ? "--router"
                                                                                      : "",
         ": adapter_aware goes by adapters; --adapters says how many there are");
  Refuse(GivenWhere(command, "--router", !pools && !options.cap.resource.empty()),
         ": a cap is simulated on one replica of a fleet, or on pools");
  Refuse(options.scenario.overrides.empty() ? "" : "--set",
         ": overrides a field of SCENARIO, and none is given");
  CheckReplay(command, options);
  Refuse(options.serve.rate > 0 && options.serve.concurrency > 0 ? "--rate, --concurrency" : "",
         ": requests come at a rate or so many are in flight, not both");
}

int RunServe(const CLI::App& command, const ServeCommand& options) {
  return WithServing("serve", [&]() -> int {
    CheckTogether(command, options);
    const ServingCatalogue catalogue = TablesOf(options.serve);
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
    ScaleOptions scale = options.scale;
    scale.core_gbs = options.pools.core_gbs;
    scale.other_gbs = options.pools.other_gbs;
    const bool pools = options.pools.prefill_replicas > 0;
    // Pools and fleets behind a router share one load.
    const bool fleet =
        !pools && (command.get_option("--router")->count() > 0 || options.scale.replicas_min > 0 ||
                   options.serve.images.encoders > 0);
    whole.replicas = pools || fleet ? 1 : whole.replicas;
    ServeLoad load = LoadOf(whole, run.deployment.model);
    if (load.kind == LoadKind::kAllAtOnce && options.replay.empty()) {
      // They are run inside the engine's process: nobody waits for single tokens.
      run.deployment.engine.stream_time = 0;
      run.deployment.engine.request_overhead = 0;
    }
    load.prefixes = PrefixesOf(PrefixOfLoad(command, options), run.deployment);
    run.encode = EncodeOf(options.serve.images, run.deployment);
    run.adapters = options.serve.adapters.count;
    if (!options.replay.empty()) {
      load = LoadOfTrace(options.prefix, ReadRequestTrace(options.replay),
                         pools || fleet ? 1 : options.serve.replicas, run);
      load.adapters = {options.serve.adapters.count, options.serve.adapters.skew};
    }
    load.encode = run.encode;
    if ((pools || fleet) && options.cap.resource.empty()) {
      PrintServing(options.serve, "points", [&](const std::string& format) {
        return pools ? ServePools(options.pools, run.deployment, load, format)
                     : ServeRouted(options.pools.router, run, load, scale,
                                   options.serve.usd_per_hour, format);
      });
      return kSuccess;
    }
    return ReportServing(options, run, load);
  });
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
  AddConversationOptions(*command, options->serve);
  AddDeploymentOptions(*command, options->serve);
  AddAdapterOptions(*command, options->serve.adapters);
  AddImageOptions(*command, options->serve.images);
  AddPoolOptions(*command, options->pools);
  AddScaleOptions(*command, options->scale);
  command
      ->add_option(
          "--replay", options->replay,
          "Requests as recorded: Azure LLM trace (.csv), Mooncake, Dynamo or AIPerf (.jsonl), a "
          "result of vLLM's or SGLang's benchmark, or ShareGPT (.json)")
      ->type_name("FILE");
  AddPrefixOptions(*command, options->prefix);
  AddServeCapOptions(*command, options->cap);
  command->footer(
      "Without --rate, --concurrency or --replay all requests are queued at once, inside the\n"
      "engine's process: nothing is streamed.\n"
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
      "  gridlock serve --tensor 8 --rate 0.2 --turns 12 --pause-s 20 --input 4000 "
      "--output-tokens 800 --prefix-cache room\n"
      "  gridlock serve --tensor 8 --rate 2 --answers 16 --surge 600:300:5\n"
      "  gridlock serve --model llama-3.1-8b --engine sglang --rate 5 --adapters 200 "
      "--adapter-skew 1\n"
      "  gridlock serve --tensor 8 --replicas 8 --replicas-min 2 --rate 5 --surge 600:600:4 "
      "--weights-from replica\n"
      "  gridlock serve --tensor 4 --replicas 2 --rate 5 --images 2 --encoders 4\n"
      "  gridlock serve --model deepseek-v3 --part h800_sxm --data 16 --expert-ranks 16 "
      "--concurrency 2048\n"
      "  gridlock serve examples/07-hbm-cap/scenario.textproto");
  command->callback([options, command, &code] {
    code = RunServe(*command, *options);
  });
}

}  // namespace gridlock
