#include "sim/layouts/bound.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "workloads/schedule.h"

namespace gridlock {

namespace {

constexpr double kSlack = 0.995;

// What one accelerator can send through its port, and through NICs; 0: not known beforehand.
double PortRate(const ServerSpec& server) {
  return server.direct || !server.ring_bandwidths.empty()
             ? 0
             : server.accelerator.scale_up_bandwidth.si();
}

double NicRate(const ServerSpec& server) {
  return server.direct ? 0 : server.nic_bandwidth.si() * server.nics_each();
}

double Over(double bytes, double rate) {
  return rate > 0 ? bytes / rate : 0;
}

// `ranks` members, at most `most` of them in one domain.
GroupShape Packed(std::int64_t ranks, std::int64_t most) {
  GroupShape shape;
  shape.ranks = static_cast<int>(ranks);
  shape.per_domain = static_cast<int>(std::clamp<std::int64_t>(most, 1, ranks));
  shape.domains = static_cast<int>((ranks + shape.per_domain - 1) / shape.per_domain);
  return shape;
}

std::int64_t Share(std::int64_t domain, std::int64_t stride) {
  return (domain + stride - 1) / stride;
}

// The ranks that share parameters: a stage's context ranks and replicas.
GroupShape DataShape(const TrainingSpec& job, int domain) {
  const Layout& layout = job.layout;
  // What shard groups add up among each other is left out.
  const std::int64_t replicas = job.zero > 0 ? layout.sharing_replicas() : layout.data;
  const std::int64_t ranks = replicas * layout.context;
  const std::int64_t each = Share(domain, layout.tensor);
  if (layout.rank_order == RankOrder::kTensorDataPipeline) {
    return Packed(ranks, each);
  }
  const std::int64_t replica = std::int64_t{layout.group()} * layout.pipeline;
  return Packed(ranks, std::min<std::int64_t>(layout.context, each) * Share(domain, replica));
}

// Replicas of a stage lie side by side, or as far apart as a replica of the whole model is large.
GroupShape ExpertShape(const Layout& layout, int domain) {
  const std::int64_t width = layout.expert_width();
  if (layout.rank_order == RankOrder::kTensorDataPipeline) {
    return Packed(layout.expert, Share(domain, width));
  }
  const std::int64_t replica = std::int64_t{layout.group()} * layout.pipeline;
  return Packed(layout.expert,
                std::min<std::int64_t>(layout.group() / width, Share(domain, width)) *
                    Share(domain, replica));
}

double CostTime(CollectiveKind kind, double payload, const GroupShape& shape,
                const ServerSpec& server) {
  if (shape.ranks <= 1 || payload <= 0 || server.direct) {
    return 0;
  }
  const CollectiveCost cost = FittedCost({kind, Bytes(payload), shape, server});
  const double inside = shape.per_domain > 1 ? Over(cost.domain_bytes.si(), PortRate(server)) : 0;
  const double across = shape.domains > 1 ? Over(cost.nic_bytes.si(), NicRate(server)) : 0;
  return cost.latency.si() + std::max(inside, across);
}

// All-to-alls of a pass behind its compute, and those beside it.
struct Exchanges {
  double exposed = 0, beside = 0;
};

// One all-to-all.
double PairsTime(Bytes payload, const GroupShape& shape, const ServerSpec& server,
                 const TokenCopies& tokens) {
  const CollectiveCost cost =
      kPairs.costs({CollectiveKind::kAllToAll, payload, shape, server, tokens}).front();
  const double inside = (shape.per_domain - 1) * Over(cost.domain_bytes.si(), PortRate(server));
  const double across =
      (shape.ranks - shape.per_domain) * Over(cost.nic_bytes.si(), NicRate(server));
  return cost.latency.si() + std::max(inside, across);
}

double HeadsTime(const TrainingSpec& job, const AllToAllTraffic& heads, const ServerSpec& server) {
  if (heads.calls <= 0 || server.direct) {
    return 0;
  }
  const Layout& layout = job.layout;
  const GroupShape shape =
      Packed(layout.context, Share(layout.used_of(server.domain()), layout.tensor));
  return heads.calls * PairsTime(heads.payload, shape, server, {});
}

Exchanges ExchangesOf(const TrainingSpec& job, const AllToAllTraffic& traffic,
                      const ServerSpec& server) {
  const GroupShape shape = ExpertShape(job.layout, job.layout.used_of(server.domain()));
  if (shape.ranks <= 1 || traffic.calls <= 0 || server.direct) {
    return {};
  }
  TokenCopies tokens;
  if (job.stack.dispatch_once_per_domain) {
    tokens = {job.model.mixture.experts_per_token, job.model.mixture.domains_per_token};
  }
  const double each = PairsTime(traffic.payload, shape, server, tokens);
  const double overlap = job.stack.expert_overlap;
  return {traffic.calls * (1 - overlap) * each, traffic.calls * overlap * each};
}

// Neighbouring stages in different domains: what a message takes at least.
double MessageTime(const TrainingSpec& job, const ServerSpec& server) {
  const Layout& layout = job.layout;
  const std::int64_t apart = layout.rank_order == RankOrder::kTensorDataPipeline
                                 ? std::int64_t{layout.group()} * layout.data
                                 : std::int64_t{layout.group()};
  if (layout.pipeline == 1 || apart < layout.used_of(server.domain())) {
    return 0;
  }
  return Over(PipelineMessage(job).si(), NicRate(server));
}

}  // namespace

double StepBound::PassTime(const TrainingSpec& job, const ModelPart& part, bool backward,
                           Gradients gradients) const {
  const StackSpec& stack = job.stack;
  const PassWork work = backward ? BackwardWork(job, part, gradients) : ForwardWork(job, part);
  const ModelPart active = backward ? part.trained() : part;
  double floor = (backward ? stack.launch_floor_backward : stack.launch_floor_forward).si() *
                 (LaunchShare(job) * active.usual_layers());
  double wait = (backward ? stack.expert_wait_backward : stack.expert_wait_forward).si() *
                active.layers.with(Block::kMixture);
  if (gradients == Gradients::kWeights) {
    floor = wait = 0;
  } else {
    wait += StateCopies(job, part, backward, server_.accelerator.host_bandwidth).si();
    floor = std::max(floor, HostCopies(job, part, server_.accelerator.host_bandwidth).si());
  }
  const Pass pass = PassBuilder(job, server_).Build("", work, Seconds(0));
  const AcceleratorSpec& chip = server_.accelerator;
  const double memory = std::max(
      (pass.memory_bytes / (chip.hbm_bandwidth * chip.hbm_efficiency)).si(), pass.memory_time.si());
  const bool inside = job.layout.group() <= server_.domain();
  const double rate = job.layout.tensor <= server_.domain() ? PortRate(server_) : NicRate(server_);
  const double context = Over(pass.context.si(), inside ? PortRate(server_) : NicRate(server_));
  const Exchanges exchanges = ExchangesOf(job, work.experts, server_);
  double time =
      std::max({pass.compute_time.si() + memory, context, Over(pass.tensor_overlapped.si(), rate)});
  time += pass.tensor_latency.si() + Over(pass.tensor_exposed.si(), rate);
  time = std::max(time, exchanges.beside) + exchanges.exposed;
  time += HeadsTime(job, work.heads, server_);
  return std::max(time, floor) + wait;
}

StepBound::Times StepBound::Made(const TrainingSpec& job, const ModelPart& part,
                                 double forward) const {
  Times times;
  times.forward = forward;
  if (part.wholly_frozen()) {
    return times;
  }
  if (SplitsBackward(job.layout.schedule)) {
    times.inputs = PassTime(job, part, true, Gradients::kInputs);
    times.backward = times.inputs + PassTime(job, part, true, Gradients::kWeights);
    if (job.layout.schedule == Schedule::kDualPipeV) {  // some passes are whole
      times.backward = std::min(times.backward, PassTime(job, part, true, Gradients::kAll));
    }
  } else {
    times.inputs = times.backward = PassTime(job, part, true, Gradients::kAll);
  }
  return times;
}

namespace {

using SliceTraffic = StepBound::SliceTraffic;
using ChunkTraffic = StepBound::ChunkTraffic;

SliceTraffic SliceTime(const TrainingSpec& job, double parameters, Bytes weights,
                       const GroupShape& shape, const ServerSpec& server) {
  const CollectiveKind kind =
      job.zero == 0 ? CollectiveKind::kAllReduce : CollectiveKind::kReduceScatter;
  SliceTraffic traffic;
  traffic.reduce = CostTime(kind, job.stack.main_gradient_bytes * parameters, shape, server);
  if (job.zero > 0) {
    traffic.gather = CostTime(CollectiveKind::kAllGather, weights.si(), shape, server);
  }
  return traffic;
}

ChunkTraffic TrafficOfPart(const TrainingSpec& job, const ModelPart& part, const GroupShape& shape,
                           const ServerSpec& server) {
  const Layout& layout = job.layout;
  const std::int64_t holders =
      job.model.has_experts() && layout.splits_experts() ? layout.expert_shards() : std::int64_t{1};
  ChunkTraffic traffic;
  traffic.trained = TrainedPerRank(job, part);
  // Where leading layers are frozen, slices are not alike, and none is counted.
  const double layers = part.layers.total();
  if ((shape.ranks <= 1 && holders <= 1) || layers <= 0 || job.frozen.layers > 0) {
    return traffic;
  }
  const double bytes = traffic.trained.total() * job.stack.main_gradient_bytes;
  const double buckets = std::ceil(bytes / job.gradient_bucket().si());
  traffic.slices = job.zero == 3 ? std::max(1.0, std::floor(layers))
                                 : std::clamp(std::min(buckets, std::floor(layers)), 1.0, 64.0);
  const ModelPart slice{part.layers.Times(1 / traffic.slices), false, false};
  const ParameterCount parameters = TrainedPerRank(job, slice);
  const ParameterBytes weights = job.zero == 3 ? WeightBytes(job, slice) : TrainedBytes(job, slice);
  traffic.common = SliceTime(job, parameters.common, weights.common, shape, server);
  const std::int64_t apart = std::int64_t{layout.expert} * layout.expert_width();
  traffic.experts =
      SliceTime(job, parameters.experts, weights.experts,
                Packed(holders, Share(layout.used_of(server.domain()), apart)), server);
  return traffic;
}

// What all chunks of a stage put on the communicators of one kind.
struct StageTraffic {
  double gathers = 0, reductions = 0;
  double first_gather = 0, last_reduction = 0;

  void Add(const SliceTraffic& slice, double slices, bool first) {
    gathers += slice.gather * slices;
    reductions += slice.reduce * slices;
    first_gather = first ? slice.gather : first_gather;
    last_reduction = first ? slice.reduce : last_reduction;
  }
};

// Sums over the chunks of a stage, and its first chunk.
struct Stage {
  double forward = 0, backward = 0;
  double first_forward = 0, first_backward = 0;  ///< of chunk 0; backward: of inputs
  StageTraffic common, experts;
};

// A pass whose parameters come in slice by slice.
double Gathered(double pass, const ChunkTraffic& traffic, const StackSpec& stack) {
  const double all = traffic.gather() * traffic.slices;
  return stack.overlap_parameters ? std::max(pass + traffic.gather(), all) : pass + all;
}

void AddChunk(const TrainingSpec& job, double forward, double backward, double inputs,
              const ChunkTraffic& traffic, Stage& stage) {
  const double reductions =
      job.stack.overlap_gradients
          ? 0
          : std::max(traffic.common.reduce, traffic.experts.reduce) * traffic.slices;
  if (job.zero == 3 && traffic.gather() > 0) {
    forward = Gathered(forward, traffic, job.stack);
    // The communicator takes turns: the gather of a slice stands behind the reduction of the slice
    // before the last one.
    const double before_last = std::max(0.0, traffic.slices - 2);
    double turns = 0;
    for (const SliceTraffic& slice : {traffic.common, traffic.experts}) {
      turns = std::max(turns, slice.gather * traffic.slices + slice.reduce * before_last);
    }
    const double alone = Gathered(backward, traffic, job.stack) + reductions;
    backward = std::max(alone, job.stack.overlap_gradients ? turns : 0.0);
    inputs = backward;
  } else if (job.zero == 2) {
    backward += reductions;
    inputs = backward;
  }
  const bool first = stage.forward == 0;
  if (first) {
    stage.first_forward = forward;
    stage.first_backward = inputs;
  }
  stage.forward += forward;
  stage.backward += backward;
  stage.common.Add(traffic.common, traffic.slices, first);
  stage.experts.Add(traffic.experts, traffic.slices, first);
}

// What the first stage's collectives of parameters and gradients of one kind add to the passes, at
// least.
double WithCollectives(const TrainingSpec& job, const Stage& first, const StageTraffic& traffic,
                       double passes) {
  const auto micro_batches = static_cast<double>(MicroBatches(job));
  const double work = micro_batches * (first.forward + first.backward);
  if (job.zero == 3) {
    return passes;
  }
  // Passes of a chunk that may come before the first one of the next chunk.
  const double round = job.layout.virtual_pipeline == 1          ? 1.0
                       : job.layout.schedule == Schedule::kGPipe ? micro_batches
                                                                 : 1.0 * job.layout.pipeline;
  double bound = passes;
  if (job.zero > 0) {
    bound += job.stack.overlap_parameters ? traffic.first_gather : traffic.gathers;
    bound = std::max(bound, traffic.gathers + work - round * first.forward);
  }
  if (job.zero == 2) {
    return bound + (job.stack.overlap_gradients ? traffic.last_reduction : 0);
  }
  if (!job.stack.overlap_gradients) {
    return bound + traffic.reductions;
  }
  const double until =
      job.layout.virtual_pipeline > 1 ? work - round * first.backward : bound - first.backward;
  return std::max(bound + traffic.last_reduction, until + traffic.reductions);
}

// The collectives of a stage on the communicator of one kind, one after another.
double Busy(const TrainingSpec& job, const StageTraffic& traffic) {
  const auto micro_batches = static_cast<double>(MicroBatches(job));
  const double reductions = (job.zero >= 2 ? micro_batches : 1) * traffic.reductions;
  return reductions + (job.zero == 3 ? 2 * micro_batches : 1) * traffic.gathers;
}

// Numbers of the formulas that are no whole numbers, as parts of keys.
std::int64_t Bits(double value) {
  return std::bit_cast<std::int64_t>(value);
}

}  // namespace

int StepBound::NumberOf(const ModelPart& part) {
  const auto known = std::find(parts_.begin(), parts_.end(), part);
  if (known == parts_.end()) {
    parts_.push_back(part);
    return static_cast<int>(parts_.size()) - 1;
  }
  return static_cast<int>(known - parts_.begin());
}

const std::vector<int>& StepBound::ChunksOf(const TrainingSpec& job) {
  const Layout& layout = job.layout;
  const auto [entry, fresh] =
      chunks_.try_emplace({layout.pipeline, layout.virtual_pipeline, layout.embedding_as_layer,
                           layout.uneven_layers, IsVee(layout.schedule)});
  for (int q = 0; fresh && q < layout.pipeline; ++q) {
    for (int chunk = 0; chunk < layout.virtual_pipeline; ++chunk) {
      entry->second.push_back(NumberOf(PartOf(job, q, chunk)));
    }
  }
  return entry->second;
}

const StepBound::Times& StepBound::TimesOf(const TrainingSpec& job, int part) {
  const Layout& layout = job.layout;
  const GroupShape experts = ExpertShape(layout, layout.used_of(server_.domain()));
  const int sharers = job.stack.offloads_states && job.zero == 3 ? layout.shards() : 1;
  PassKey key{part,
              static_cast<int>(job.recompute),
              layout.tensor,
              layout.context,
              layout.expert,
              layout.expert_width(),
              experts.per_domain,
              job.micro_batch,
              job.offload_activations,
              sharers,
              Bits(job.adapters.base_bytes),
              static_cast<int>(layout.schedule),
              layout.exchanges_heads() ? layout.used_of(server_.domain()) : 0};
  const auto [entry, fresh] = times_.try_emplace(key);
  if (fresh) {
    // What is not kept changes forward passes only where it would have left for the host.
    key[1] = job.offloads() ? key[1] : 0;
    const auto [forward, first] = forwards_.try_emplace(key);
    if (first) {
      forward->second = PassTime(job, parts_[part], false, Gradients::kAll);
    }
    entry->second = Made(job, parts_[part], forward->second);
  }
  return entry->second;
}

const StepBound::ChunkTraffic& StepBound::TrafficOf(const TrainingSpec& job, int part) {
  const Layout& layout = job.layout;
  const auto [entry, fresh] = traffic_.try_emplace(
      {part, layout.tensor, layout.context, layout.pipeline, layout.data, layout.shard_group,
       layout.expert, layout.expert_width(), static_cast<int>(layout.rank_order), job.zero,
       layout.domain_ranks, Bits(job.adapters.base_bytes)});
  if (fresh) {
    const GroupShape shape = DataShape(job, layout.used_of(server_.domain()));
    entry->second = TrafficOfPart(job, parts_[part], shape, server_);
  }
  return entry->second;
}

double StepBound::Of(const TrainingSpec& job) {
  const Layout& layout = job.layout;
  const double message = MessageTime(job, server_);
  const auto micro_batches = static_cast<double>(MicroBatches(job));
  const bool split = SplitsBackward(layout.schedule);
  Stage first;
  double before = 0, behind = 0, passes = 0, busy = 0, parameters = 0;
  int last = -1;
  const Times* times = nullptr;
  const ChunkTraffic* traffic = nullptr;
  const std::vector<int>& chunks = ChunksOf(job);
  for (int q = 0; q < layout.pipeline; ++q) {
    Stage stage;
    for (int chunk = 0; chunk < layout.virtual_pipeline; ++chunk) {
      const int part = chunks[q * layout.virtual_pipeline + chunk];
      if (part != last) {
        times = &TimesOf(job, part);
        traffic = &TrafficOf(job, part);
        last = part;
      }
      AddChunk(job, times->forward, times->backward, times->inputs, *traffic, stage);
      if (q == 0) {
        const ParameterCount& count = traffic->trained;
        parameters += job.zero >= 1
                          ? count.common / layout.shards() + count.experts / layout.expert_shards()
                          : count.total();
      }
    }
    passes = std::max(passes, before + behind + micro_batches * (stage.forward + stage.backward));
    busy = std::max({busy, Busy(job, stage.common), Busy(job, stage.experts)});
    before += stage.first_forward + message;
    // Gradients of weights may be made while the message is on its way.
    behind += split || job.frozen.layers > 0 ? 0 : stage.first_backward + message;
    first = q == 0 ? stage : first;
  }
  const Pass optimizer = PassBuilder(job, server_).Optimizer(parameters);
  const AcceleratorSpec& chip = server_.accelerator;
  const Seconds update = std::max(
      optimizer.floor,
      optimizer.memory_bytes / (chip.hbm_bandwidth * chip.hbm_efficiency) + optimizer.compute_time);
  const double step = std::max({busy, WithCollectives(job, first, first.common, passes),
                                WithCollectives(job, first, first.experts, passes)});
  return kSlack * (step + update.si() + StepOverhead(job).si());
}

}  // namespace gridlock
