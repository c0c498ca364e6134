#include "sim/validation/life_texts.h"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace gridlock {

namespace {

// From this size on the runs train Llama 3.1 405B, below 70B.
constexpr std::int64_t kLarge = 16384;

constexpr const char* kSwitch = R"(schema_version: 1
name: "measured"
catalog {
  switch {
    name: "ideal" ports: 65536 port_bandwidth: "400 Gbps" latency: "600 ns" power: "1 W"
    source { text: "Assumed: a switch that holds nothing up" estimate: true }
  }
  model {
    name: "llama_2_13b"
    layers: 40 hidden: 5120 heads: 40 kv_heads: 40 head_dim: 128 ffn: 13824 gated: true
    vocabulary: 32000 max_positions: 0 tied_embeddings: false attention: CAUSAL
    source { text: "Touvron et al., Llama 2, arXiv:2307.09288, and its published configuration." }
  }
  model {
    name: "intellect_1"
    layers: 42 hidden: 4096 heads: 32 kv_heads: 8 head_dim: 128 ffn: 14336 gated: true
    vocabulary: 128256 max_positions: 0 tied_embeddings: false attention: CAUSAL
    source { text: "INTELLECT-1, arXiv:2412.01152: Llama 3 of 42 layers, 10.2e9 parameters." }
  }
}
)";

std::string SiteText(const std::string& name, const std::string& server, std::int64_t servers) {
  return fmt::format(R"(site {{
  name: "{}"
  server: "{}"
  servers: {}
  fabric {{
    clos {{ tiers: 2 rail_optimized: true servers_per_leaf: {} leaves_per_pod: 8
            leaf_switch: "ideal" spine_switch: "ideal" routing: SPRAY }}
  }}
  storage_bandwidth: "2 TB/s"
}}
)",
                     name, server, servers, servers);
}

// A model of eight billion parameters: its step does not matter.
std::string SmallTraining(std::int64_t accelerators) {
  const std::int64_t tensor = accelerators < 8 ? accelerators : 8;
  return fmt::format(R"(model: "llama_3.1_8b" stack: "megatron_core"
    layout {{ tensor: {} pipeline: 1 data: {} sequence_parallel: true }}
    global_batch: {} micro_batch: 1 sequence_length: 8192 zero: 1 tokens: 1e18)",
                     tensor, accelerators / tensor, accelerators / tensor);
}

std::string LargeTraining(std::int64_t accelerators, double checkpoint_s) {
  const bool large = accelerators >= kLarge;
  const std::int64_t replicas = accelerators / (large ? 128 : 32);
  const char* layout = large ? R"(model: "llama_3.1_405b" stack: "llama_3_meta"
    layout {{ tensor: 8 pipeline: 16 virtual_pipeline: 8 data: {} sequence_parallel: true
             embedding_as_layer: true rank_order: TENSOR_PIPELINE_DATA }}
    global_batch: {} micro_batch: 1 sequence_length: 8192 zero: 1 tokens: 1e18
    checkpoint_interval: "{:.3f} s")"
                             : R"(model: "llama_3.1_70b" stack: "megatron_core"
    layout {{ tensor: 8 pipeline: 4 virtual_pipeline: 5 data: {} sequence_parallel: true
             rank_order: TENSOR_PIPELINE_DATA }}
    global_batch: {} micro_batch: 1 sequence_length: 8192 zero: 1 tokens: 1e18
    checkpoint_interval: "{:.3f} s")";
  return fmt::format(fmt::runtime(layout), replicas, replicas * 16, checkpoint_s);
}

constexpr int kEight = 8;

constexpr double kLlamaDays = 2112;  // of one accelerator

}  // namespace

Rate RateOf(const std::string& metric, const std::string& accelerator, std::int64_t accelerators) {
  constexpr std::int64_t kYoungFleet = 65536;
  if (metric == "job_mttf") {
    constexpr std::int64_t kMeasured = 1024;  // projections for larger jobs take the fleet's rate
    return accelerators > kMeasured ? Rate{"meta_rsc_1", 154}
           : accelerators > kEight  ? Rate{"meta_rsc_8", 47.7}
                                    : Rate{"meta_rsc_1024", 42};
  }
  if (accelerators > kYoungFleet || accelerator.starts_with("a100") ||
      accelerator.starts_with("A100")) {
    return {"meta_rsc_1", 154};
  }
  return {"llama_3_all", kLlamaDays / kEight};
}

double RestartSeconds(std::int64_t accelerators) {
  static constexpr std::array<std::pair<double, double>, 4> kCold = {
      {{16384, 200}, {22528, 300}, {65536, 600}, {98304, 900}}};
  const auto n = static_cast<double>(accelerators);
  for (std::size_t i = 0; i < kCold.size(); ++i) {
    if (n <= kCold[i].first) {
      if (i == 0) {
        return kCold[0].second;
      }
      const double x = (n - kCold[i - 1].first) / (kCold[i].first - kCold[i - 1].first);
      return kCold[i - 1].second + x * (kCold[i].second - kCold[i - 1].second);
    }
  }
  return kCold.back().second * n / kCold.back().first;
}

double CheckpointBytesOf(std::int64_t accelerators) {
  constexpr double kPerParameter = 14;  // as sim/cluster writes them
  constexpr double kParametersLarge = 405.9e9, kParametersSmall = 70.6e9;
  return kPerParameter * (accelerators >= kLarge ? kParametersLarge : kParametersSmall);
}

std::string FailingRunsText(const FailingRuns& runs) {
  const std::int64_t each = (runs.accelerators + 7) / 8;
  const std::int64_t servers = each * runs.runs;
  const std::int64_t spare = servers / 20 + 8;
  std::string text = kSwitch + SiteText("hall", runs.server, servers + spare);
  text += fmt::format("horizon: \"{:.6f} days\"\n", runs.horizon_days);
  text += fmt::format(
      "reliability {{ failure_rate: \"{}\" repair_time: \"2 h\"{} }}\n", runs.failure_rate,
      runs.restart_s > 0 ? fmt::format(" restart_time: \"{:.1f} s\"", runs.restart_s) : "");
  for (int i = 0; i < runs.runs; ++i) {
    text += fmt::format("job {{\n  name: \"run {}\"\n  pretraining {{\n    {}\n  }}\n}}\n", i,
                        runs.checkpoint_s > 0 ? LargeTraining(runs.accelerators, runs.checkpoint_s)
                                              : SmallTraining(runs.accelerators));
  }
  return text;
}

std::string OneServerText(const std::string& server, const OneServerTraining& training,
                          int sequences_each) {
  return kSwitch + SiteText("room", server, 1) +
         fmt::format(R"(job {{
  pretraining {{
    model: "{}" stack: "fsdp_eager"
    layout {{ tensor: 1 pipeline: 1 data: 8 }}
    global_batch: {} micro_batch: 1 sequence_length: 4096 zero: 3 recompute: {}
  }}
}}
)",
                     training.model, 8 * sequences_each, training.recompute);
}

std::string PublishedRunText(const std::string& server) {
  return kSwitch + SiteText("room", server, 128) + R"(job {
  pretraining {
    model: "llama_2_7b" stack: "torchtitan"
    layout { tensor: 1 pipeline: 1 data: 1024 }
    global_batch: 1024 micro_batch: 1 sequence_length: 4096 zero: 3 recompute: NONE
  }
}
)";
}

std::string SitesText(const std::string& server, std::int64_t accelerators, int sites,
                      double distance_km) {
  std::string text = kSwitch;
  std::string where;
  for (int s = 0; s < sites; ++s) {
    text += SiteText(s == 0 ? "here" : "there", server, accelerators / 8 / sites);
  }
  if (sites > 1) {
    text += fmt::format(
        "wan {{ from: \"here\" to: \"there\" bandwidth: \"3.2 Tbps\" distance: \"{} km\" }}\n",
        distance_km);
    where = "span: [\"here\", \"there\"]";
  }
  return text + fmt::format(R"(job {{
  {}
  pretraining {{
    model: "nemotron_4_340b" stack: "megatron_core"
    layout {{ tensor: 8 pipeline: 12 virtual_pipeline: 8 data: {} sequence_parallel: true
             rank_order: TENSOR_PIPELINE_DATA }}
    global_batch: {} micro_batch: 1 sequence_length: 4096 zero: 1
  }}
}}
)",
                            where, accelerators / 96, accelerators / 96 * 72);
}

std::string RareSumsText(const std::string& server, int servers, int steps) {
  std::string text = kSwitch, span;
  const int sites = steps > 0 ? servers : 1;
  for (int s = 0; s < sites; ++s) {
    text += SiteText(fmt::format("site {}", s), server, 1);
    span += fmt::format("{}\"site {}\"", s > 0 ? ", " : "", s);
    for (int other = 0; other < s; ++other) {
      text += fmt::format(
          "wan {{ from: \"site {}\" to: \"site {}\" bandwidth: \"500 Mbps\" distance: \"8000 km\" "
          "}}\n",
          other, s);
    }
  }
  return text + fmt::format(R"(job {{
  {}
  pretraining {{
    model: "intellect_1" stack: "torchtitan"
    layout {{ tensor: 1 pipeline: 1 data: {} }}
    global_batch: {} micro_batch: 1 sequence_length: 8192 zero: 3 recompute: SELECTIVE
    {}
  }}
}}
)",
                            sites > 1 ? "span: [" + span + "]" : "", sites * 8, sites * 128,
                            steps > 0
                                ? fmt::format("outer {{ steps: {} bytes_per_parameter: 1 }}", steps)
                                : "");
}

}  // namespace gridlock
