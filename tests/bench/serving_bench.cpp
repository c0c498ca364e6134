// Speed of the serving core, in requests: a replica that jumps from event to event, with the
// requests drawn as it goes.
//
//   serving_bench [--benchmark_filter=...]

#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>

#include "sim/catalogue/serving_catalogue.h"
#include "sim/interop/request_trace.h"
#include "sim/serving/latency.h"
#include "sim/serving/pools.h"
#include "sim/serving/serve_run.h"
#include "sim/serving/serving_unit.h"
#include "tests/serving/data_file.h"
#include "tests/serving/machines.h"
#include "workloads/decode.h"
#include "workloads/requests.h"

namespace gridlock {
namespace {

constexpr std::uint64_t kSeed = 1;

// Llama 3.1 8B on one H100 in BF16.
ServingSpec Fleet(double rate, const RequestGroupSpec& group) {
  ServingSpec fleet = FleetOf(CatalogueModel("llama_3.1_8b"), 1, Precision::kBf16);
  fleet.arrivals.requests_per_second = rate;
  fleet.groups = {group};
  return fleet;
}

// Lengths of Azure's conversations of 2023: medians and 90th percentiles of
// Azure/AzurePublicDataset, AzureLLMInferenceTrace_conv.
ServingSpec Chat(double rate) {
  return Fleet(rate, {"chat", 1, {1020, 2735, 14050}, {129, 424, 1000}});
}

// Answers of 12,000 tokens in the mean, as DeepSeek-R1 gives to AIME (model card of
// DeepSeek-R1-0528), 64,000 at most; how they spread is an estimate.
ServingSpec Reasoning(double rate) {
  return Fleet(rate, {"reasoning", 1, {300, 1000, 8000}, {8800, 24000, 64000}});
}

void Serve(ServingUnit& unit, RequestStream& stream, FleetLatency& latency, std::int64_t requests) {
  for (std::int64_t i = 0; i < requests; ++i) {
    const Request request = stream.Next();
    unit.AdvanceTo(request.arrival, [&](const CompletedRequest& r) {
      latency.Add(r);
    });
    unit.Submit(request);
  }
}

// Items are requests, which a replica of a fleet takes one after another as they are drawn.
void EventExact(benchmark::State& state, const ServingSpec& fleet) {
  const FleetCosts costs = CostsOf(fleet, CatalogueServer("dgx_h100"));
  ServingUnit unit(fleet, costs, {});
  RequestStream stream(fleet, "bench", kSeed);
  FleetLatency latency(fleet);
  constexpr std::int64_t kAtOnce = 10000;
  for (auto _ : state) {
    Serve(unit, stream, latency, kAtOnce);
  }
  state.SetItemsProcessed(state.iterations() * kAtOnce);
  state.counters["held"] = static_cast<double>(unit.requests());
  state.counters["tpot_ms"] = 1e3 * latency.Total().tpot.Mean().si();
}

// A 70B in FP8 on four H200, whose engine mixes prompts with decoding in the way of `batching`.
IterationCosts FourH200(Batching batching) {
  const ServingCatalogue catalogue = ShippedServingCatalogue();
  InferenceEngine engine = *catalogue.FindEngine("vllm_1");
  engine.batching = batching;
  InferenceLayout layout;
  layout.tensor = 4;
  layout.weights = WeightFormat::kFp8;
  return {*catalogue.FindModel("llama-3.1-70b"), *catalogue.FindPart("h200_sxm"), engine, layout,
          ""};
}

// Chat of Azure's means, at a rate that one replica sustains.
ServeLoad ChatLoad(std::int64_t requests) {
  ServeLoad load;
  load.kind = LoadKind::kRate;
  load.value = 6;
  load.requests = requests;
  load.prompt = {1155, 0, 1.0, 14050};
  load.output = {211, 0, 0.8, 1000};
  return load;
}

void Mixed(benchmark::State& state, Batching batching) {
  constexpr std::int64_t kRequests = 10000;
  const IterationCosts costs = FourH200(batching);
  const ServeLoad load = ChatLoad(kRequests);
  for (auto _ : state) {
    benchmark::DoNotOptimize(RunLoad(costs, load));
  }
  state.SetItemsProcessed(state.iterations() * kRequests);
}

void BM_Pools(benchmark::State& state) {
  constexpr std::int64_t kRequests = 10000;
  const IterationCosts costs = FourH200(Batching::kChunked);
  ServeLoad load = ChatLoad(kRequests);
  load.value = 12;
  PoolSpec spec;
  spec.prefill = spec.decode = &costs;
  spec.links.leaving.assign(2, 200e9);
  spec.links.entering.assign(3, 200e9);
  for (auto _ : state) {
    benchmark::DoNotOptimize(RunPools(spec, load));
  }
  state.SetItemsProcessed(state.iterations() * kRequests);
}

// Mooncake's trace on eight replicas, each with the beginnings of prompts that its room and 500 GB
// of its host keep. Needs GRIDLOCK_DATA.
void Mooncake(benchmark::State& state, const char* name) {
  const std::string file = DataFile(name);
  if (file.empty()) {
    state.SkipWithError("GRIDLOCK_DATA names no folder with the trace");
    return;
  }
  constexpr std::size_t kWorkers = 8;
  const std::vector<TraceRequest> trace = ReadRequestTrace(file);
  const IterationCosts costs = FourH200(Batching::kChunked);
  std::vector<ServeLoad> loads(kWorkers);
  for (std::size_t i = 0; i < trace.size(); ++i) {
    ServeLoad& load = loads[i % kWorkers];
    load.kind = LoadKind::kListed;
    load.prefixes.use = true;
    load.prefixes.host_tokens = static_cast<std::int64_t>(500e9 / costs.CacheBytesOf(1).si());
    load.prefixes.host_rate = BytesPerSecond(220e9);
    load.listed.push_back(
        {trace[i].arrival, trace[i].prompt_tokens, trace[i].output_tokens, 0, trace[i].blocks});
  }
  double hits = 0, blocks = 0;
  for (auto _ : state) {
    hits = blocks = 0;
    for (const ServeLoad& load : loads) {
      const PrefixCounts counts = RunLoad(costs, load).prefixes;
      hits += static_cast<double>(counts.hbm + counts.host);
      blocks += static_cast<double>(counts.blocks);
    }
  }
  state.counters["hits_%"] = 100 * hits / blocks;
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(trace.size()));
}

void BM_Requests(benchmark::State& state) {
  RequestStream stream(Chat(10), "chat", kSeed);
  for (auto _ : state) {
    benchmark::DoNotOptimize(stream.Next());
  }
  state.SetItemsProcessed(state.iterations());
}

void BM_Costs(benchmark::State& state) {
  const ServingSpec fleet = Chat(10);
  const ServerSpec server = CatalogueServer("dgx_h100");
  for (auto _ : state) {
    benchmark::DoNotOptimize(CostsOf(fleet, server));
  }
}

BENCHMARK_CAPTURE(EventExact, chat_10_per_s, Chat(10))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(EventExact, chat_15_per_s, Chat(15))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(EventExact, reasoning_per_20_s, Reasoning(0.05))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Mixed, prompts_first, Batching::kPrompts)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Mixed, chunked, Batching::kChunked)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Pools)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Mooncake, conversation, "conversation_trace.jsonl")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Mooncake, synthetic, "synthetic_trace.jsonl")->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Requests);
BENCHMARK(BM_Costs)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gridlock

BENCHMARK_MAIN();
