#include "sim/serving/deployment.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sim/base/check.h"

namespace gridlock {

namespace {

constexpr std::int64_t kBatches[] = {16, 32, 64, 128, 256, 512};
constexpr std::int64_t kRequestsOfATrial = 300;

struct Trial {
  ServeResult result;
  bool keeps = false;
};

// One replica under `rate` requests per second.
Trial TryAt(const PlanSpec& spec, const IterationCosts& costs, double rate) {
  ServeLoad load = spec.load;
  load.kind = LoadKind::kRate;
  load.value = rate;
  load.requests = kRequestsOfATrial;
  Trial trial;
  trial.result = RunLoad(costs, load);
  trial.keeps =
      trial.result.Within(spec.objectives.ttft, spec.objectives.tpot) >= spec.objectives.share;
  return trial;
}

// The highest rate that one replica takes within the objectives; 0 when none does.
double RateOf(const PlanSpec& spec, const IterationCosts& costs) {
  double low = spec.load.value / 4096;
  if (!TryAt(spec, costs, low).keeps) {
    return 0;
  }
  // With everything queued at once no more tokens come out, whatever the rate.
  ServeLoad full = spec.load;
  full.kind = LoadKind::kAllAtOnce;
  full.requests = kRequestsOfATrial;
  const ServeResult result = RunLoad(costs, full);
  double high = static_cast<double>(kRequestsOfATrial) / std::max(1e-9, result.duration.si());
  for (int i = 0; i < 7; ++i) {
    const double middle = std::sqrt(low * high);
    (TryAt(spec, costs, middle).keeps ? low : high) = middle;
  }
  return low;
}

// The best batch of a layout, as a plan; rate_most 0 when no batch keeps the objectives.
ServingPlan BestBatch(const PlanSpec& spec, Deployment deployment, int& tried) {
  ServingPlan best;
  for (const std::int64_t batch : kBatches) {
    deployment.engine.batch_max = batch;
    ++tried;
    try {
      const IterationCosts costs(deployment.model, deployment.part, deployment.engine,
                                 deployment.layout, "");
      const double rate = RateOf(spec, costs);
      if (rate > best.rate_most * 1.01) {
        best.rate_most = rate;
        best.deployment = deployment;
      }
    } catch (const UserError&) {
      break;  // its weights leave no room for this batch, and less for a larger one
    }
  }
  return best;
}

void Finish(const PlanSpec& spec, ServingPlan& plan) {
  Deployment& chosen = plan.deployment;
  chosen.replicas = static_cast<int>(std::ceil(spec.load.value / plan.rate_most - 1e-9));
  const IterationCosts costs(chosen.model, chosen.part, chosen.engine, chosen.layout, "");
  const Trial trial = TryAt(spec, costs, spec.load.value / chosen.replicas);
  plan.delivered = DeliveredBy(chosen, trial.result, costs, spec.objectives, spec.usd_per_hour);
  plan.usd_per_hour = spec.usd_per_hour * chosen.accelerators();
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
    out.usd_per_million = usd_per_hour / 3600 / out.per_accelerator * 1e6;
  }
  return out;
}

std::vector<ServingPlan> SearchPlans(const PlanSpec& spec, int& tried) {
  std::vector<ServingPlan> plans;
  for (int width = 1; width <= spec.width_most; width *= 2) {
    for (const WeightFormat weights : spec.weights) {
      for (const double cache : spec.cache_bytes) {
        Deployment deployment = spec.base;
        deployment.layout.tensor = width;
        deployment.layout.weights = weights;
        deployment.layout.cache_bytes = cache;
        if (deployment.model.heads % width != 0) {
          continue;
        }
        ServingPlan plan = BestBatch(spec, deployment, tried);
        if (plan.rate_most > 0) {
          Finish(spec, plan);
          plans.push_back(std::move(plan));
        }
      }
    }
  }
  std::stable_sort(plans.begin(), plans.end(), [](const ServingPlan& a, const ServingPlan& b) {
    const int n = a.deployment.accelerators(), m = b.deployment.accelerators();
    return n != m ? n < m : a.delivered.per_user > b.delivered.per_user;
  });
  return plans;
}

std::string LaunchCommand(const Deployment& deployment, const std::string& server) {
  const InferenceLayout& layout = deployment.layout;
  const InferenceEngine& engine = deployment.engine;
  const bool fp8 = layout.weights == WeightFormat::kFp8;
  if (server == "sglang") {
    return fmt::format(
        "python -m sglang.launch_server --model-path {} --tp {} --max-running-requests {} "
        "--chunked-prefill-size {} --mem-fraction-static {:.2f}{}{}{}",
        deployment.model.name, layout.tensor * layout.data, engine.batch_max, engine.token_budget,
        engine.memory_share,
        layout.data > 1 ? fmt::format(" --dp-size {} --enable-dp-attention", layout.data) : "",
        fp8 ? " --quantization fp8" : "",
        layout.cache_bytes < 2 ? " --kv-cache-dtype fp8_e4m3" : "");
  }
  return fmt::format(
      "vllm serve {} --tensor-parallel-size {} --max-num-seqs {} --max-num-batched-tokens {} "
      "--gpu-memory-utilization {:.2f}{}{}{}{}",
      deployment.model.name, layout.tensor, engine.batch_max, engine.token_budget,
      engine.memory_share,
      layout.pipeline > 1 ? fmt::format(" --pipeline-parallel-size {}", layout.pipeline) : "",
      layout.data > 1
          ? fmt::format(" --data-parallel-size {} --enable-expert-parallel", layout.data)
          : "",
      fp8 ? " --quantization fp8" : "", layout.cache_bytes < 2 ? " --kv-cache-dtype fp8" : "");
}

}  // namespace gridlock
