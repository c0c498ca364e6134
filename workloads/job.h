#pragma once

// What users submit, as they state it: pretraining runs, campaigns of experiments, serving fleets.
// Typed, const, no clock.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sim/base/index.h"
#include "sim/base/units.h"
#include "topologies/machine.h"
#include "workloads/inference.h"
#include "workloads/program/collective_test.h"
#include "workloads/training.h"

namespace gridlock {

/// How a run is saved: see Checkpoint in proto/reliability.proto.
struct CheckpointSpec {
  bool asynchronous = false;
  /// From HBM to the host, of one accelerator. Half of what PCIe 5.0 carries: 8B on eight H100
  /// stalls for 0.54 s (NVIDIA-NeMo/Automodel, PR 635), which is 14 GB of each at 26 GB/s.
  BytesPerSecond copy_bandwidth{26e9};
  Seconds memory_interval;  ///< between copies in the memory of the hosts; 0: none
  int neighbours = 0;       ///< servers behind each that hold its copy, too
};

/// Training that goes on with fewer replicas: see Elastic in proto/reliability.proto.
struct ElasticSpec {
  int replicas_min = 0;          ///< 0: it needs all
  Seconds reconfiguration_time;  ///< of replicas that keep their state; 0: all go back
};

/// A training run: the same step over and over.
struct PretrainingSpec {
  TrainingSpec step;
  std::int64_t steps = 0;       ///< of the whole run; 0: not said, one step is simulated
  Seconds checkpoint_interval;  ///< between the starts of checkpoints; 0: none are taken
  CheckpointSpec checkpoint = {};
  ElasticSpec elastic = {};
  std::int64_t fails_at_step = 0;  ///< the run ends for good in this step, from 1; 0: it does not
  Seconds recorded;    ///< of a job of a log: how long its only step takes; 0: it is simulated
  Seconds waited{-1};  ///< of such a job: how long it waited there; negative: not known
};

/// Successive halving: see Halving in proto/training.proto.
struct HalvingSpec {
  int rounds = 1;  ///< 1: no halving
  double keep = 1;
  double growth = 1;
};

/// A campaign of experiments; BuildExperiments (workloads/campaign.h) turns it into runs.
struct CampaignSpec {
  int experiments = 0;
  Seconds over;
  std::vector<PretrainingSpec> rungs;  ///< smallest first
  double tail = 1;
  double length_sigma = 0;
  HalvingSpec halving;
  double failing_share = 0;
  std::string final_run;  ///< name of a pretraining job; "" when there is none
  double compute = 0;     ///< model FLOP over those of final_run; 0: as drawn
  bool expanded = false;  ///< its experiments are jobs of the scenario, from a workload file; the
                          ///< campaign itself then does nothing and is waited for by none
};

/// Log-normal token counts, cut to 1..max.
struct LengthSpec {
  double median = 0;
  double p90 = 0;
  std::int64_t max = 0;
};

/// Images of each request of a group, encoded where it is prefilled.
struct ImagesSpec {
  int count = 0;   ///< 0: none
  int tokens = 0;  ///< of the prompt, for each
  std::string encoder = {};

  /// Of the prompt, beside its text.
  [[nodiscard]] std::int64_t prompt_tokens() const { return std::int64_t{count} * tokens; }
};

/// Requests of one kind.
struct RequestGroupSpec {
  std::string name;
  double share = 0;  ///< of the requests; sums to 1 over the groups of a fleet
  LengthSpec prompt;
  LengthSpec output;
  double cached_share = 0;  ///< of a prompt, that a cache of beginnings holds
  /// Of its users to each site, there and back; empty: they are there.
  std::vector<Seconds> latency = {};
  ImagesSpec images = {};
};

/// Poisson arrivals with rate mean (1 + swing cos(2 pi (t - peak) / day)).
struct ArrivalSpec {
  double requests_per_second = 0;  ///< mean, whole fleet
  double swing = 0;                ///< 0..1
  Seconds peak;                    ///< time of day
};

/// Where a replica that is started gets its weights from: it has them, or each accelerator reads
/// its own from the host, from a replica over the network, or from the site's storage.
enum class WeightsFrom { kThere, kHost, kReplica, kStorage };

/// vLLM's "init engine (profile, create kv cache, warmup model) took 52.96 seconds"
/// (vllm-project/vllm-ascend issue 3045); of other models and engines an estimate.
inline constexpr Seconds kEngineStart{53};

struct ReplicaStart {
  WeightsFrom from = WeightsFrom::kThere;
  Seconds engine;  ///< until it takes requests, weights there
};

/// In which order a fleet takes servers of its sites: see SiteOrder in proto/serving.proto.
enum class SiteOrder { kListed, kPrice, kCarbon, kLatency };

/// Which of its sites answers a request: see SiteRouter in proto/serving.proto.
enum class SiteRouter { kAnywhere, kNearest };

/// A fleet of replicas that answer requests.
struct ServingSpec {
  std::string path;  ///< "job[1].serving"
  ModelSpec model;
  int replicas = 0;
  int replicas_min = 0;
  int tensor = 1, pipeline = 1, data = 1;  ///< whose product is the accelerators of a replica
  Precision precision = Precision::kBf16;
  ArrivalSpec arrivals;
  std::vector<RequestGroupSpec> groups;
  int batch_max = 0;           ///< sequences of a replica; 0: as the engine has it
  int prefill_tokens_max = 0;  ///< tokens of an iteration; 0: as the engine has it
  int prefill_replicas = 0;    ///< of a unit; 0: no pools, each replica prefills and decodes
  int decode_replicas = 1;     ///< of a unit
  int prefill_tensor = 0;      ///< of replicas that prefill; 0: as those that decode
  int draft_tokens = 0;        ///< of speculative decoding
  double accepted = 0;         ///< share of a draft token that is accepted
  ServedAdapters adapters;
  AskedAdapters asked_adapters;
  ReplicaStart start;
  SiteOrder site_order = SiteOrder::kListed;
  SiteRouter site_router = SiteRouter::kAnywhere;
  int expert_ranks = 0, micro_batches = 3;  ///< see InferenceLayout
  int replicas_simulated = 0;               ///< 1..replicas
  int days_simulated = 0;                   ///< from the fleet's start; 0: all
  Seconds ttft_objective;                   ///< 0: none
  Seconds tpot_objective;                   ///< 0: none
  InferenceEngine engine;                   ///< what its iterations cost beside products and caches
  /// Measured accelerators by name; one without a row is taken by its catalogue entry.
  std::map<std::string, InferencePart> parts;
  std::optional<WeightFormat> weights;  ///< not set: that of `precision`
  double cache_bytes = 0;               ///< of an element of the KV cache; 0: that of `precision`
  int context = 0;                      ///< tokens of the model's longest prompt; 0: not known
  int window = 0;                       ///< tokens that layers with a sliding window keep
  double windowed_share = 0;            ///< of the layers
  std::string engine_estimates;         ///< of engine and parts, in words for the output

  /// Of one replica.
  [[nodiscard]] int accelerators() const { return tensor * pipeline * data + expert_ranks; }

  /// `replicas` are units of several that prefill and several that decode.
  [[nodiscard]] bool pools() const { return prefill_replicas > 0; }

  /// Of one that prefills, where pools do.
  [[nodiscard]] int prefill_accelerators() const {
    return (prefill_tensor > 0 ? prefill_tensor : tensor) * pipeline * data;
  }

  [[nodiscard]] int unit_accelerators() const {
    return prefill_replicas * prefill_accelerators() + decode_replicas * accelerators();
  }
};

/// How replicas, or units of pools, lie in servers: `replicas` of them in each `servers`.
struct ReplicaPlaces {
  int replicas = 1, servers = 1;

  /// Of so many servers of one site.
  [[nodiscard]] std::int64_t CapacityOf(std::int64_t all) const { return all / servers * replicas; }

  /// That hold at least so many replicas.
  [[nodiscard]] std::int64_t ServersFor(std::int64_t wanted) const {
    return (wanted + replicas - 1) / replicas * servers;
  }
};

/// Whole servers that hold so many accelerators, `held` in each.
inline std::int32_t ServersOf(std::int64_t accelerators, int held) {
  return static_cast<std::int32_t>((accelerators + held - 1) / held);
}

inline ReplicaPlaces PlacesOf(const ServingSpec& fleet, const ServerSpec& server) {
  const int width = fleet.unit_accelerators(), held = server.accelerators;
  if (width <= held) {
    return {held / width, 1};
  }
  return {1, ServersOf(fleet.prefill_replicas * fleet.prefill_accelerators(), held) +
                 ServersOf(fleet.decode_replicas * fleet.accelerators(), held)};
}

/// Which experiment of which campaign a generated job is.
struct JobOrigin {
  std::string campaign = {};  ///< its name; "" for a job that stands in the scenario itself
  std::int32_t rung = -1;     ///< of the campaign, from 0; -1: of no campaign
  std::int32_t round = 0;     ///< of successive halving, from 1; 0: of no campaign

  [[nodiscard]] bool generated() const { return !campaign.empty(); }
};

/// Something that a user submits.
struct JobSpec {
  std::string path;  ///< "job[0]"
  std::string name;  ///< unique in a scenario; says nothing about the job
  JobOrigin origin;
  std::string tenant;
  int priority = 0;
  Seconds start;
  /// Sites that the job may run on; empty: all. A job that names no site gets those that its layout
  /// fits, unless it fits all.
  std::vector<SiteIndex> sites;
  bool spans = false;  ///< runs on all of `sites` together
  std::string within;  ///< level of the topology, one group of which holds it; "": any servers
  std::string cohort;  ///< group of jobs that after_cohort may name; "" for none
  std::string after_cohort;  ///< submitted when all of that cohort have ended, not before start
  std::variant<PretrainingSpec, CampaignSpec, ServingSpec, CollectiveTestSpec> kind;
};

/// One request to a fleet, as generated or read from a workload file.
struct Request {
  Seconds arrival;
  double route = 0;        ///< [0, 1): of n replicas in service it goes to number floor(n route)
  std::int32_t group = 0;  ///< in ServingSpec::groups
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int32_t adapter = -1;  ///< that it asks for, from 0; -1: the model alone
  Seconds network = {};       ///< from its user to its site and back
};

}  // namespace gridlock
