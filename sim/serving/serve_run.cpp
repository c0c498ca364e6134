#include "sim/serving/serve_run.h"

#include <algorithm>
#include <cmath>

#include "sim/base/check.h"
#include "sim/serving/load_source.h"
#include "workloads/requests.h"

namespace gridlock {

namespace {

// Of mean 1 (Marsaglia and Tsang 2000; a shape below 1 by a power of a uniform).
double DrawGamma(double shape, Random& random) {
  if (shape < 1) {
    const double power = std::pow(1 - random.Uniform(), 1 / shape);
    return DrawGamma(shape + 1, random) * (shape + 1) * power / shape;
  }
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = random.Normal(), v = std::pow(1 + c * x, 3);
    const double u = 1 - random.Uniform();
    if (v > 0 && std::log(u) < 0.5 * x * x + d - d * v + d * std::log(v)) {
      return d * v / shape;
    }
  }
}

// When the next request comes that would come after `gap` at the plain rate.
Seconds NextArrival(Seconds clock, double gap, const Surge& surge) {
  if (surge.times == 1 || surge.span <= Seconds(0)) {
    return clock + Seconds(gap);
  }
  for (;;) {
    const bool within = clock >= surge.at && clock < surge.at + surge.span;
    const double rate = within ? surge.times : 1;
    const Seconds end = clock < surge.at ? surge.at
                        : within         ? surge.at + surge.span
                                         : Seconds(HUGE_VAL);
    if (gap <= (end - clock).si() * rate) {
      return clock + Seconds(gap / rate);
    }
    gap -= (end - clock).si() * rate;
    clock = end;
  }
}

// Lengths drawn with a sigma, moved so that their mean is the one asked for: few draws of a heavy
// tail would miss it.
std::vector<std::int64_t> DrawAll(const TokenLengths& lengths, std::int64_t count, Random& random) {
  std::vector<std::int64_t> tokens;
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    tokens.push_back(DrawTokens(lengths, random));
    sum += static_cast<double>(tokens.back());
  }
  if (lengths.sigma > 0 && sum > 0) {
    const double scale = lengths.mean * static_cast<double>(count) / sum;
    for (std::int64_t& each : tokens) {
      each = std::max<std::int64_t>(1, std::llround(static_cast<double>(each) * scale));
    }
  }
  return tokens;
}

template <typename Value>
Seconds MeanOf(const std::vector<ServedRequest>& requests, const Value& value) {
  Seconds sum;
  std::int64_t count = 0;
  for (const ServedRequest& request : requests) {
    const Seconds each = value(request);
    if (!request.refused && each > Seconds(0)) {
      sum += each;
      ++count;
    }
  }
  return count == 0 ? Seconds(0) : sum / static_cast<double>(count);
}

}  // namespace

std::int64_t DrawTokens(const TokenLengths& lengths, Random& random) {
  double tokens = lengths.mean;
  if (lengths.sigma > 0) {
    const double mu = std::log(lengths.mean) - 0.5 * lengths.sigma * lengths.sigma;
    tokens = random.LogNormal(mu, lengths.sigma);
  } else if (lengths.spread > 0) {
    tokens *= 1 + lengths.spread * (2 * random.Uniform() - 1);
  }
  return static_cast<std::int64_t>(std::clamp(std::round(tokens), 1.0, lengths.most));
}

std::int64_t PassesOf(std::int64_t tokens, double tokens_per_step) {
  return std::max<std::int64_t>(1, std::llround(static_cast<double>(tokens) / tokens_per_step));
}

std::vector<BatchRequest> RequestsOfLoad(const ServeLoad& load, double tokens_per_step) {
  std::vector<BatchRequest> requests;
  requests.reserve(load.kind == LoadKind::kListed ? load.listed.size()
                                                  : static_cast<std::size_t>(load.requests));
  const AdapterChoice choice(load.adapters);
  Random adapters(load.seed, "load/adapters");
  const auto add = [&](Seconds arrival, std::int64_t prompt, std::int64_t output,
                       std::int64_t cached) {
    BatchRequest request;
    request.id = static_cast<std::int64_t>(requests.size());
    request.arrival = arrival;
    request.prompt_tokens = prompt + load.encode.images * load.encode.tokens;
    request.encode = load.encode.encoders == 0 ? load.encode.time * load.encode.images : Seconds(0);
    request.output_tokens = PassesOf(output, tokens_per_step);
    request.cached_tokens = cached;
    request.prefilled = load.prefilled;
    request.adapter = choice.At(adapters.Uniform());
    requests.push_back(request);
  };
  if (load.kind == LoadKind::kListed) {
    for (const ServeRequest& each : load.listed) {
      add(each.arrival, each.prompt_tokens, each.output_tokens, each.cached_tokens);
      requests.back().blocks = each.blocks.empty() ? nullptr : &each.blocks;
      requests.back().adapter = each.adapter >= 0 ? each.adapter : requests.back().adapter;
      requests.back().encode += each.encode;
    }
    return requests;
  }
  Random prompts(load.seed, "load/prompts"), outputs(load.seed, "load/outputs");
  Random arrivals(load.seed, "load/arrivals");
  const std::vector<std::int64_t> prompt = DrawAll(load.prompt, load.requests, prompts);
  const std::vector<std::int64_t> output = DrawAll(load.output, load.requests, outputs);
  Seconds clock;
  for (std::size_t i = 0; i < prompt.size(); ++i) {
    if (load.kind == LoadKind::kRate) {
      const double gap = load.burstiness == 1 ? arrivals.Exponential(1 / load.value)
                                              : DrawGamma(load.burstiness, arrivals) / load.value;
      clock = NextArrival(clock, gap, load.surge);
    }
    add(clock, prompt[i], output[i], 0);
  }
  return requests;
}

ServeLoad LoadOfFleet(const ServingSpec& fleet, const std::string& name, std::uint64_t seed,
                      std::int64_t requests, const std::vector<Seconds>& images) {
  ServingSpec one = fleet;
  one.replicas_simulated = 1;
  RequestStream stream(one, name, seed);
  ServeLoad load;
  load.kind = LoadKind::kListed;
  for (std::int64_t i = 0; i < requests; ++i) {
    const Request request = stream.Next();
    const double known = one.groups[static_cast<std::size_t>(request.group)].cached_share;
    load.listed.push_back({request.arrival,
                           request.prompt_tokens,
                           request.output_tokens,
                           std::llround(known * static_cast<double>(request.prompt_tokens)),
                           {},
                           request.adapter,
                           images[static_cast<std::size_t>(request.group)]});
  }
  return load;
}

ServedRequest ServedOf(const BatchOutcome& outcome, const IterationCosts& costs) {
  const BatchRequest& request = outcome.request;
  ServedRequest served;
  served.arrival = request.arrival;
  served.refused = outcome.refused;
  served.evictions = outcome.evictions;
  served.prompt_tokens = request.prompt_tokens;
  served.output_tokens =
      std::llround(static_cast<double>(request.output_tokens) * costs.layout().TokensPerStep());
  if (!outcome.refused) {
    const Seconds overhead(costs.engine().request_overhead);
    served.ttft = outcome.first_token - request.arrival + overhead;
    served.end_to_end = outcome.end - request.arrival + overhead;
    served.tpot = served.output_tokens > 1 ? (outcome.end - outcome.first_token) /
                                                 static_cast<double>(served.output_tokens - 1)
                                           : Seconds(0);
  }
  return served;
}

void ServeResult::Add(const ServedRequest& request) {
  if (!request.refused) {
    prompt_tokens += request.prompt_tokens;
    output_tokens += request.output_tokens;
  }
  requests.push_back(request);
}

double ServeResult::OutputRate() const {
  return duration > Seconds(0) ? static_cast<double>(output_tokens) / duration.si() : 0;
}

double ServeResult::InputRate() const {
  return duration > Seconds(0) ? static_cast<double>(prompt_tokens) / duration.si() : 0;
}

Seconds ServeResult::MeanTtft() const {
  return MeanOf(requests, [](const ServedRequest& each) {
    return each.ttft;
  });
}

Seconds ServeResult::MeanTpot() const {
  return MeanOf(requests, [](const ServedRequest& each) {
    return each.tpot;
  });
}

Seconds ServeResult::MeanEndToEnd() const {
  return MeanOf(requests, [](const ServedRequest& each) {
    return each.end_to_end;
  });
}

std::vector<Seconds> ServeResult::Values(Seconds ServedRequest::*member) const {
  std::vector<Seconds> values;
  for (const ServedRequest& each : requests) {
    if (!each.refused && each.*member > Seconds(0)) {
      values.push_back(each.*member);
    }
  }
  return values;
}

double ServeResult::Within(Seconds ttft, Seconds tpot) const {
  std::size_t within = 0;
  for (const ServedRequest& each : requests) {
    within += !each.refused && (ttft <= Seconds(0) || each.ttft <= ttft) &&
                      (tpot <= Seconds(0) || each.tpot <= tpot)
                  ? 1
                  : 0;
  }
  return requests.empty() ? 1 : static_cast<double>(within) / static_cast<double>(requests.size());
}

Seconds QuantileOf(std::vector<Seconds> values, double q) {
  CHECK(q > 0 && q <= 1);
  if (values.empty()) {
    return Seconds(0);
  }
  const auto rank = static_cast<std::size_t>(
      std::max(1.0, std::ceil(q * static_cast<double>(values.size()) - 1e-9)));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(rank - 1),
                   values.end());
  return values[rank - 1];
}

ServeResult RunLoad(const IterationCosts& costs, const ServeLoad& load) {
  LoadSource source(load, costs.layout().TokensPerStep());
  BatchingReplica replica(costs, load.batch_max);
  PrefixStore store(load.prefixes.store_tokens / load.prefixes.block);
  if (load.prefixes.use) {
    replica.KeepPrefixes(load.prefixes, load.prefixes.store_tokens > 0 ? &store : nullptr);
  }
  ServeResult result;
  result.cache_tokens = costs.cache_tokens();
  for (const BatchRequest& request : source.Begin()) {
    replica.Submit(request);
  }
  Seconds end;
  replica.Finish([&](const BatchOutcome& outcome) {
    for (const BatchRequest& next : source.After(outcome.request.id, outcome.end)) {
      replica.Submit(next);
    }
    result.Add(ServedOf(outcome, costs));
    end = std::max(end, outcome.end);
  });
  result.work = replica.work();
  if (replica.prefixes() != nullptr) {
    result.prefixes = replica.prefixes()->counts;
  }
  result.duration = end;
  return result;
}

Bindings BindingsOf(const ServeResult& result, const IterationCosts& costs) {
  return BindingsOf(result.work, costs.batch_most());
}

Bindings BindingsOf(const BatchWork& work, std::int64_t batch_max) {
  const double busy = work.busy.si();
  Bindings all;
  if (busy <= 0) {
    return all;
  }
  const auto wait = [&](Wait kind) {
    return work.waits[static_cast<std::size_t>(kind)] / busy;
  };
  const auto part = [&](Limit kind) {
    return work.limits[static_cast<std::size_t>(kind)] / busy;
  };
  all.waits.push_back(
      {"batch", wait(Wait::kBatch),
       "a larger batch_max (now " + std::to_string(batch_max) + ") or more replicas"});
  all.waits.push_back(
      {"KV room", wait(Wait::kCache),
       "more accelerators per replica, an 8-bit cache, narrower weights or more HBM"});
  all.waits.push_back(
      {"prefill", wait(Wait::kPrefill),
       "a larger token budget, more compute, or prompts prefilled by other replicas"});
  all.waits.push_back({"adapter slots", wait(Wait::kAdapter),
                       "more slots for adapters, or requests of an adapter sent to one replica"});
  all.waits.push_back({"load", wait(Wait::kNothing), "the replicas keep up with what comes"});
  const std::vector<std::pair<Limit, const char*>> remedies = {
      {Limit::kWeights, "more HBM bandwidth, narrower weights, or a larger batch per reading"},
      {Limit::kCache, "more HBM bandwidth, an 8-bit cache or shorter contexts"},
      {Limit::kCompute, "more FLOP/s, narrower formats, or cached prefixes"},
      {Limit::kLinks, "faster links, fewer tensor ranks, or a larger scale-up domain"},
      {Limit::kKernels, "fused kernels, or fewer ranks per replica"},
      {Limit::kHost, "CUDA graphs, asynchronous scheduling, or a faster host"}};
  for (const auto& [limit, remedy] : remedies) {
    all.times.push_back({LimitName(limit), part(limit), remedy});
  }
  for (std::vector<Binding>* each : {&all.waits, &all.times}) {
    std::stable_sort(each->begin(), each->end(), [](const Binding& a, const Binding& b) {
      return a.share > b.share;
    });
  }
  return all;
}

}  // namespace gridlock
