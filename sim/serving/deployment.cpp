#include "sim/serving/deployment.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/names.h"
#include "sim/serving/pools.h"
#include "sim/serving/routed_replicas.h"

namespace gridlock {

namespace {

constexpr std::int64_t kBatches[] = {16, 32, 64, 128, 256, 512, 1024};

// Of a trial: half again as many as a replica decodes together, so that its batch fills.
std::int64_t RequestsOfTrial(const IterationCosts& costs) {
  return std::max<std::int64_t>(300, costs.batch_most() * 3 / 2);
}

// Which requests replicas of a kind see, and what they must keep.
struct Duty {
  ServeLoad load;
  Objectives objectives;
};

struct Trial {
  ServeResult result;
  bool keeps = false;
};

// One replica under `rate` requests per second.
Trial TryAt(const Duty& duty, const IterationCosts& costs, double rate) {
  ServeLoad load = duty.load;
  load.kind = LoadKind::kRate;
  load.value = rate;
  load.requests = RequestsOfTrial(costs);
  Trial trial;
  trial.result = RunLoad(costs, load);
  trial.keeps =
      trial.result.Within(duty.objectives.ttft, duty.objectives.tpot) >= duty.objectives.share;
  return trial;
}

// The highest rate that one replica takes within the objectives; 0 when none does, or none above
// `known`.
double RateOf(const Duty& duty, const IterationCosts& costs, double known) {
  double low = duty.load.value / 4096;
  if (known <= 0 && !TryAt(duty, costs, low).keeps) {
    return 0;
  }
  // With everything queued at once no more tokens come out, whatever the rate.
  ServeLoad full = duty.load;
  full.kind = LoadKind::kAllAtOnce;
  full.requests = RequestsOfTrial(costs);
  const ServeResult result = RunLoad(costs, full);
  double high = static_cast<double>(full.requests) / std::max(1e-9, result.duration.si());
  if (high < known || (known > 0 && !TryAt(duty, costs, known * 1.01).keeps)) {
    return 0;
  }
  low = std::max(low, known);
  while (high > low * 1.03) {
    const double middle = std::sqrt(low * high);
    (TryAt(duty, costs, middle).keeps ? low : high) = middle;
  }
  return low;
}

// A deployment of one replica with its best batch, and the rate that it takes; 0 when no batch
// keeps the objectives.
struct Rated {
  Deployment deployment;
  double rate = 0, usd_per_hour = 0;

  [[nodiscard]] int ReplicasFor(double all) const {
    return static_cast<int>(std::ceil(all / rate - 1e-9));
  }

  [[nodiscard]] int AcceleratorsFor(double all) const {
    return ReplicasFor(all) * deployment.layout.accelerators();
  }
};

Rated BestBatch(const Duty& duty, Deployment deployment, int& tried) {
  Rated best;
  for (const std::int64_t batch : kBatches) {
    deployment.engine.batch_max = batch;
    ++tried;
    try {
      const IterationCosts costs(deployment.model, deployment.part, deployment.engine,
                                 deployment.layout, "");
      const double rate = RateOf(duty, costs, best.rate);
      if (rate > best.rate * 1.01) {
        best.rate = rate;
        best.deployment = deployment;
      }
      const double held = duty.load.prompt.mean + duty.load.output.mean / 2;
      if (static_cast<double>(costs.batch_most()) * held >
          static_cast<double>(costs.cache_tokens())) {
        break;  // a larger batch has no room
      }
    } catch (const UserError&) {
      break;  // its weights leave no room for this batch, and less for a larger one
    }
  }
  return best;
}

// Layouts of up to so many accelerators: experts may be spread over copies of attention.
std::vector<InferenceLayout> LayoutsOf(const PlanSpec& spec) {
  const InferenceModel& model = spec.base.model;
  std::vector<InferenceLayout> all;
  for (int tensor = 1; tensor <= spec.width_most; tensor *= 2) {
    for (int data = 1; tensor * data <= spec.width_most; data *= 2) {
      for (int stages = 1; tensor * data * stages <= spec.width_most; stages *= 2) {
        if (model.heads % tensor == 0 && (data == 1 || model.experts > 0) &&
            stages <= model.layers) {
          InferenceLayout layout = spec.base.layout;
          layout.tensor = tensor;
          layout.data = data;
          layout.pipeline = stages;
          layout.experts_spread = data > 1;
          all.push_back(layout);
        }
      }
    }
  }
  return all;
}

// All layouts of one part and one pair of formats.
std::vector<Rated> RateLayouts(const PlanSpec& spec, const Duty& duty, const PricedPart& priced,
                               WeightFormat weights, double cache_bytes, int& tried) {
  std::vector<Rated> all;
  for (const InferenceLayout& layout : LayoutsOf(spec)) {
    Deployment deployment = spec.base;
    deployment.part = priced.part;
    deployment.engine = EngineOn(priced.part, spec.base.engine);
    deployment.layout = layout;
    deployment.layout.weights = weights;
    deployment.layout.cache_bytes = cache_bytes;
    Rated rated = BestBatch(duty, deployment, tried);
    if (rated.rate > 0) {
      rated.usd_per_hour = priced.usd_per_hour;
      all.push_back(std::move(rated));
    }
  }
  return all;
}

IterationCosts CostsOfDeployment(const Deployment& of) {
  return {of.model, of.part, of.engine, of.layout, ""};
}

ServingPlan PlanOf(const PlanSpec& spec, const Rated& rated) {
  ServingPlan plan;
  plan.deployment = rated.deployment;
  plan.prefill.replicas = 0;
  plan.rate_most = rated.rate;
  plan.deployment.replicas = rated.ReplicasFor(spec.load.value);
  const IterationCosts costs = CostsOfDeployment(plan.deployment);
  const Duty duty{spec.load, spec.objectives};
  const Trial trial = TryAt(duty, costs, spec.load.value / plan.deployment.replicas);
  plan.delivered =
      DeliveredBy(plan.deployment, trial.result, costs, spec.objectives, rated.usd_per_hour);
  plan.usd_per_hour = rated.usd_per_hour * plan.accelerators();
  return plan;
}

// Both pools together, with the load on all replicas.
ServingPlan PlanOf(const PlanSpec& spec, const Rated& prefill, const Rated& decode) {
  ServingPlan plan;
  plan.deployment = decode.deployment;
  plan.prefill = prefill.deployment;
  plan.rate_most = decode.rate;
  plan.deployment.replicas = decode.ReplicasFor(spec.load.value);
  plan.prefill.replicas = prefill.ReplicasFor(spec.load.value);
  const IterationCosts first = CostsOfDeployment(plan.prefill);
  const IterationCosts second = CostsOfDeployment(plan.deployment);
  const double nic = plan.deployment.part.nic_bandwidth;
  const PoolSpec pools{
      &first, &second,
      LinksBetween(plan.prefill.replicas, nic * plan.prefill.layout.accelerators(),
                   plan.deployment.replicas, nic * plan.deployment.layout.accelerators()),
      Router::kLeastLoaded};
  ServeLoad load = spec.load;
  load.kind = LoadKind::kRate;
  load.requests = RequestsOfTrial(second) * plan.deployment.replicas;
  const ServeResult served = RunPools(pools, load).served;
  Deployment all = plan.deployment;
  all.replicas = 1;
  plan.delivered = DeliveredBy(all, served, second, spec.objectives, decode.usd_per_hour);
  plan.delivered.per_accelerator = plan.delivered.output_rate / plan.accelerators();
  plan.delivered.watts = plan.delivered.joules_per_token = 0;  // of both pools: not counted
  plan.usd_per_hour = decode.usd_per_hour * plan.accelerators();
  if (plan.usd_per_hour > 0) {
    plan.delivered.usd_per_million =
        plan.usd_per_hour / kSecondsPerHour / plan.delivered.output_rate * 1e6;
  }
  return plan;
}

// The cheapest replicas that prefill, with each layout of those that decode.
void AddPools(const PlanSpec& spec, const PricedPart& part, WeightFormat weights,
              double cache_bytes, int& tried, std::vector<ServingPlan>& plans) {
  Duty prefill{spec.load, spec.objectives};
  prefill.load.output = {1, 0, 0, 1};
  prefill.objectives.tpot = Seconds(0);
  const std::vector<Rated> first = RateLayouts(spec, prefill, part, weights, cache_bytes, tried);
  if (first.empty()) {
    return;
  }
  const Rated& cheapest =
      *std::min_element(first.begin(), first.end(), [&](const Rated& a, const Rated& b) {
        return a.AcceleratorsFor(spec.load.value) < b.AcceleratorsFor(spec.load.value);
      });
  Duty decode{spec.load, spec.objectives};
  decode.load.prefilled = true;
  decode.objectives.ttft = Seconds(0);
  for (const Rated& each : RateLayouts(spec, decode, part, weights, cache_bytes, tried)) {
    ServingPlan plan = PlanOf(spec, cheapest, each);
    if (plan.delivered.within >= spec.objectives.share) {
      plans.push_back(std::move(plan));
    }
  }
}

// Of a replica, for the launcher of an engine; `role` of pools, "" without. Options as vLLM 0.11,
// SGLang 0.5, TensorRT-LLM 1.1, Dynamo 1.6 and llama.cpp of 2026 document them.
std::string CommandOf(const Deployment& deployment, const std::string& server,
                      const std::string& role) {
  const InferenceLayout& layout = deployment.layout;
  const InferenceEngine& engine = deployment.engine;
  const bool fp8 = layout.weights == WeightFormat::kFp8, narrow = layout.cache_bytes < 2;
  const auto more = [](bool when, const std::string& text) {
    return when ? " " + text : std::string();
  };
  if (server == "sglang") {
    return fmt::format(
        "python -m sglang.launch_server --model-path {} --tp {} --max-running-requests {} "
        "--chunked-prefill-size {} --mem-fraction-static {:.2f}{}{}{}{}{}{}",
        deployment.model.name, layout.tensor * layout.data, engine.batch_max, engine.token_budget,
        engine.memory_share,
        more(layout.pipeline > 1, fmt::format("--pp-size {}", layout.pipeline)),
        more(layout.data > 1, fmt::format("--dp-size {} --enable-dp-attention", layout.data)),
        more(layout.experts_spread, fmt::format("--ep-size {}", layout.tensor * layout.data)),
        more(fp8, "--quantization fp8"), more(narrow, "--kv-cache-dtype fp8_e4m3"),
        more(!role.empty(), "--disaggregation-mode " + role));
  }
  if (server == "trtllm") {
    return fmt::format(
        "trtllm-serve {} --backend pytorch --tp_size {} --pp_size {} --max_batch_size {} "
        "--max_num_tokens {} --kv_cache_free_gpu_memory_fraction {:.2f}{}{}",
        deployment.model.name, layout.tensor * layout.data, layout.pipeline, engine.batch_max,
        engine.token_budget, engine.memory_share,
        more(layout.experts_spread, fmt::format("--ep_size {}", layout.tensor * layout.data)),
        more(narrow, "--kv_cache_dtype fp8"));
  }
  if (server == "llamacpp") {
    // Files of GGUF are named after their format in capital letters.
    const std::string format = UpperCase(WeightFormatName(layout.weights));
    return fmt::format("llama-server -m {}-{}.gguf -ngl 99 -np {} -b {} -ub {}{}{}",
                       deployment.model.name, format, engine.batch_max, engine.token_budget,
                       engine.stage_rows > 0 ? std::min(engine.stage_rows, engine.token_budget)
                                             : engine.token_budget,
                       more(layout.pipeline > 1 || layout.tensor > 1,
                            layout.tensor > 1 ? "--split-mode row" : "--split-mode layer"),
                       more(narrow, "-fa on -ctk q8_0 -ctv q8_0"));
  }
  const std::string start = server == "dynamo" ? "python3 -m dynamo.vllm --model " : "vllm serve ";
  const std::string connector =
      R"(--kv-transfer-config '{"kv_connector":"NixlConnector","kv_role":"kv_both"}')";
  return fmt::format(
      "{}{} --tensor-parallel-size {} --max-num-seqs {} --max-num-batched-tokens {} "
      "--gpu-memory-utilization {:.2f}{}{}{}{}{}{}",
      start, deployment.model.name, layout.tensor, engine.batch_max, engine.token_budget,
      engine.memory_share,
      more(layout.pipeline > 1, fmt::format("--pipeline-parallel-size {}", layout.pipeline)),
      more(layout.data > 1,
           fmt::format("--data-parallel-size {} --enable-expert-parallel", layout.data)),
      more(fp8, "--quantization fp8"), more(narrow, "--kv-cache-dtype fp8"),
      more(!role.empty() && server == "dynamo", "--disaggregation-mode " + role),
      more(!role.empty(), connector));
}

}  // namespace

InferencePart SlowerOf(const InferencePart& a, const InferencePart& b) {
  InferencePart slower = a;
  slower.name = a.name + "+" + b.name;
  // A rate is a peak and a share that kernels reach of it: the product counts.
  const auto rate = [&](double InferencePart::*peak, auto... shares) {
    const double most = std::min(a.*peak, b.*peak);
    ((slower.*shares = most > 0 ? std::min(a.*peak * a.*shares, b.*peak * b.*shares) / most
                                : std::min(a.*shares, b.*shares)),
     ...);
    slower.*peak = most;
  };
  rate(&InferencePart::peak_bf16, &InferencePart::gemm_efficiency,
       &InferencePart::attention_efficiency, &InferencePart::latent_efficiency);
  rate(&InferencePart::peak_fp8, &InferencePart::fp8_efficiency);
  rate(&InferencePart::peak_fp4, &InferencePart::fp4_efficiency);
  rate(&InferencePart::hbm_bandwidth, &InferencePart::hbm_efficiency,
       &InferencePart::cache_efficiency, &InferencePart::fp4_hbm_efficiency);
  for (double InferencePart::*least :
       {&InferencePart::hbm_capacity, &InferencePart::domain, &InferencePart::nic_bandwidth,
        &InferencePart::expert_efficiency, &InferencePart::widened_efficiency,
        &InferencePart::power_limit}) {
    slower.*least = std::min(a.*least, b.*least);
  }
  for (double InferencePart::*most :
       {&InferencePart::kernel_time, &InferencePart::host_factor, &InferencePart::idle_power}) {
    slower.*most = std::max(a.*most, b.*most);
  }
  slower.link_direct_latency = a.link_direct_latency > 0 && b.link_direct_latency > 0
                                   ? std::max(a.link_direct_latency, b.link_direct_latency)
                                   : 0;
  const auto pace = [](const InferencePart& part) {
    return part.link_bandwidth * part.inside.all_reduce_efficiency;
  };
  const InferencePart& linked = pace(a) <= pace(b) ? a : b;  // no bridge joins two kinds
  slower.link_bandwidth = linked.link_bandwidth;
  slower.inside = linked.inside;
  slower.across = linked.across;
  slower.ring_shares = linked.ring_shares;
  slower.experts = {};
  slower.joules_per_flop = (a.joules_per_flop + b.joules_per_flop) / 2;
  slower.joules_per_byte = (a.joules_per_byte + b.joules_per_byte) / 2;
  return slower;
}

Delivered DeliveredBy(const Deployment& deployment, const ServeResult& result,
                      const IterationCosts& costs, const Objectives& objectives,
                      double usd_per_hour) {
  Delivered out;
  const double duration = result.duration.si();
  if (duration <= 0) {
    return out;
  }
  const double replicas = deployment.replicas;
  const double width = costs.layout().accelerators();
  out.output_rate = result.OutputRate() * replicas;
  out.per_accelerator = result.OutputRate() / width;
  const double tpot = result.MeanTpot().si();
  out.per_user = tpot > 0 ? 1 / tpot : 0;
  out.within = result.Within(objectives.ttft, objectives.tpot);
  out.goodput = out.within * static_cast<double>(result.requests.size()) / duration * replicas;
  const InferencePart& part = deployment.part;
  if (part.idle_power > 0) {
    const double work =
        result.work.flop * part.joules_per_flop + result.work.bytes * part.joules_per_byte;
    const double busy = result.work.busy.si();
    // While it works a part draws at most its limit.
    const double working =
        busy > 0 ? std::min(work / busy / width, part.power_limit - part.idle_power) : 0;
    out.watts = part.idle_power + working * std::min(1.0, busy / duration);
    out.joules_per_token = out.per_accelerator > 0 ? out.watts / out.per_accelerator : 0;
  }
  if (usd_per_hour > 0 && out.per_accelerator > 0) {
    out.usd_per_million = usd_per_hour / kSecondsPerHour / out.per_accelerator * 1e6;
  }
  return out;
}

Delivered DeliveredByRouted(const Deployment& deployment, const RoutedResult& result,
                            const IterationCosts& costs, const Objectives& objectives,
                            double usd_per_hour) {
  Deployment one = deployment;
  one.replicas = 1;
  ServeResult mean = result.served;
  const double replicas =
      std::max(1e-9, result.replica_time / std::max(Seconds(1e-12), mean.duration));
  mean.work.busy = mean.work.busy / replicas;
  mean.work.flop /= replicas;
  mean.work.bytes /= replicas;
  mean.output_tokens =
      static_cast<std::int64_t>(static_cast<double>(mean.output_tokens) / replicas);
  return DeliveredBy(one, mean, costs, objectives, usd_per_hour);
}

PrefixSpec PrefixesOn(const Deployment& deployment, const PrefixSizes& sizes) {
  const IterationCosts costs(deployment.model, deployment.part, deployment.engine,
                             deployment.layout, "");
  const double token = costs.CacheBytesOf(sizes.block).si() / static_cast<double>(sizes.block);
  const int ranks = deployment.layout.accelerators();
  const auto rate = [ranks](BytesPerSecond asked, double usual) {
    return asked.si() > 0 ? asked * ranks : BytesPerSecond(usual * ranks);
  };
  PrefixSpec prefixes;
  prefixes.use = true;
  prefixes.block = sizes.block;
  prefixes.hbm_tokens = sizes.tokens;
  prefixes.host_tokens = static_cast<std::int64_t>(sizes.host.si() / token);
  prefixes.host_rate = rate(sizes.host_rate, deployment.part.host_bandwidth);
  prefixes.store_tokens = static_cast<std::int64_t>(sizes.store.si() / token);
  prefixes.store_rate = rate(sizes.store_rate, deployment.part.nic_bandwidth);
  return prefixes;
}

std::vector<ServingPlan> SearchPlans(const PlanSpec& spec, int& tried) {
  std::vector<ServingPlan> plans;
  const Duty both{spec.load, spec.objectives};
  for (const PricedPart& part : spec.parts) {
    for (const WeightFormat weights : spec.weights) {
      for (const double cache : spec.cache_bytes) {
        for (const Rated& rated : RateLayouts(spec, both, part, weights, cache, tried)) {
          plans.push_back(PlanOf(spec, rated));
        }
        if (spec.pools) {
          AddPools(spec, part, weights, cache, tried, plans);
        }
      }
    }
  }
  const bool priced = std::all_of(spec.parts.begin(), spec.parts.end(), [](const PricedPart& each) {
    return each.usd_per_hour > 0;
  });
  std::stable_sort(plans.begin(), plans.end(), [&](const ServingPlan& a, const ServingPlan& b) {
    const double n = priced ? a.usd_per_hour : a.accelerators();
    const double m = priced ? b.usd_per_hour : b.accelerators();
    return n != m ? n < m : a.delivered.per_user > b.delivered.per_user;
  });
  return plans;
}

const std::vector<std::string> kLaunchers = {"vllm", "sglang", "trtllm", "dynamo", "llamacpp"};

std::string LaunchCommands(const ServingPlan& plan, const std::string& server) {
  std::string text = server == "dynamo" ? "python3 -m dynamo.frontend --router-mode kv\n" : "";
  if (!plan.pools()) {
    return text + CommandOf(plan.deployment, server, "") + "\n";
  }
  // TensorRT-LLM names the servers of both pools in a file.
  return text + CommandOf(plan.prefill, server, "prefill") + "\n" +
         CommandOf(plan.deployment, server, "decode") + "\n" +
         (server == "trtllm" ? "trtllm-serve disaggregated -c disaggregated.yaml\n" : "");
}

}  // namespace gridlock
