#include "workloads/program/training_program.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <tuple>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "workloads/frozen_copies.h"
#include "workloads/memory.h"
#include "workloads/pass_builder.h"
#include "workloads/program/message_ways.h"
#include "workloads/program/outer_steps.h"
#include "workloads/program/training_pass.h"
#include "workloads/schedule.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

// Writes the roles one after another, sharing equal passes and collectives.
class ProgramBuilder {
 public:
  ProgramBuilder(const TrainingSpec& job, const ServerSpec& server, std::int64_t micro_batches)
      : job_(job), server_(server), pass_builder_(job, server), micro_batches_(micro_batches) {
    program_.micro_batches = micro_batches;
    program_.micro_batch_round = ScheduleRound(job.layout);
    program_.grid = GridOf(job.layout);
    program_.families = TrainingFamilies(job.layout);
    program_.message_ring = job.layout.virtual_pipeline > 1 && !IsVee(job.layout.schedule);
    program_.message = PipelineMessage(job);
    copy_jobs_.reserve(job.copies.size());
    for (const FrozenCopySpec& copy : job.copies) {
      copy_jobs_.push_back(JobOfCopy(job, copy));
      program_.message += PipelineMessage(copy_jobs_.back()) * copy.count;
    }
    program_.delay = StepOverhead(job);
    program_.tokens = job.global_batch * job.sequence_length;
    program_.model_flop = ModelFlop(job);
    program_.hardware_flop = HardwareFlop(job);
    program_.peak = server.accelerator.rates[static_cast<int>(job.precision)].peak;
  }

  StepProgram Build() && {
    for (int stage = 0; stage < job_.layout.pipeline; ++stage) {
      program_.roles.push_back(BuildRole(stage));
    }
    return std::move(program_);
  }

 private:
  using Kind = Action::Kind;

  [[nodiscard]] bool DataParallel() const { return job_.layout.data * job_.layout.context > 1; }

  // Other ranks hold the same experts.
  [[nodiscard]] bool ExpertDataParallel() const {
    return job_.model.has_experts() && job_.layout.splits_experts() &&
           job_.layout.expert_shards() * job_.layout.copies() > 1;
  }

  [[nodiscard]] bool Replicated() const { return DataParallel() || ExpertDataParallel(); }

  [[nodiscard]] bool ShardedParameters() const { return Replicated() && job_.zero == 3; }

  // Gradients of a chunk go out bucket by bucket, in whole layers; sharded parameters come in layer
  // by layer.
  [[nodiscard]] int Slices(const ModelPart& part) const {
    if (!Replicated()) {
      return 1;
    }
    if (ShardedParameters()) {
      return std::max(1, static_cast<int>(part.layers.total()));
    }
    const double bytes = TrainedPerRank(job_, part).total() * job_.stack.main_gradient_bytes;
    const double buckets = std::ceil(bytes / job_.gradient_bucket().si());
    return static_cast<int>(
        std::clamp(std::min(buckets, std::floor(part.layers.total())), 1.0, 64.0));
  }

  // The all-to-alls of a pass: a share of the experts' runs beside its compute, the rest behind it,
  // and those of heads behind it. -1: none.
  struct Exchange {
    int overlapped = -1, exposed = -1, heads = -1;
  };

  Exchange AddExchange(const AllToAllTraffic& traffic, const AllToAllTraffic& heads,
                       const MixtureSpec& mixture) {
    Collective collective{"expert_all_to_all", training_group::kExpert, CollectiveKind::kAllToAll,
                          traffic.payload, &kPairs};
    collective.to_experts = true;
    if (job_.stack.dispatch_once_per_domain) {
      collective.tokens = {mixture.experts_per_token, mixture.domains_per_token};
    }
    const double overlap = job_.stack.expert_overlap;
    const auto add = [&](double share) {
      collective.calls = traffic.calls * share;
      return collective.calls > 0 ? CollectiveIndex(collective) : -1;
    };
    const int overlapped = add(overlap);
    const int exposed = add(1 - overlap);
    Collective context{"context_all_to_all", training_group::kContext, CollectiveKind::kAllToAll,
                       heads.payload, &kPairs};
    context.calls = heads.calls;
    return {overlapped, exposed, heads.calls > 0 ? CollectiveIndex(context) : -1};
  }

  // Of the trained model, or of a frozen copy.
  int PassIndex(const TrainingSpec& job, bool backward, const ModelPart& part,
                Gradients gradients) {
    const auto key = std::make_tuple(&job, backward, gradients, part.layers, part.frozen,
                                     part.embedding, part.head);
    const auto [entry, fresh] = pass_of_.try_emplace(key, static_cast<int>(program_.passes.size()));
    if (fresh) {
      TrainingPass made = PassOf(job, server_, part, backward, gradients);
      program_.passes.push_back(std::move(made.pass));
      exchanges_.push_back(AddExchange(made.experts, made.heads, job.model.mixture));
    }
    return entry->second;
  }

  void EmitPass(Role& role, bool backward, const ModelPart& part,
                Gradients gradients = Gradients::kAll) {
    for (std::size_t i = 0; i < copy_jobs_.size() && !backward; ++i) {
      const ModelPart beside = PartOfCopy(job_, job_.copies[i], part);
      for (int each = 0; each < job_.copies[i].count; ++each) {
        EmitPass(role, PassIndex(copy_jobs_[i], false, beside, Gradients::kAll));
      }
    }
    EmitPass(role, PassIndex(job_, backward, part, gradients));
  }

  void EmitPass(Role& role, int pass) {
    const Exchange exchange = exchanges_[pass];
    if (exchange.overlapped >= 0) {
      Emit(role, Kind::kStart, exchange.overlapped);
    }
    Emit(role, Kind::kPass, pass);
    if (exchange.overlapped >= 0) {
      Emit(role, Kind::kWait, exchange.overlapped);
    }
    if (exchange.exposed >= 0) {
      Emit(role, Kind::kStart, exchange.exposed);
      Emit(role, Kind::kWait, exchange.exposed);
    }
    if (exchange.heads >= 0) {
      Emit(role, Kind::kStart, exchange.heads);
      Emit(role, Kind::kWait, exchange.heads);
    }
    if (program_.passes[pass].exchanges) {
      Emit(role, Kind::kFloor, pass);
    }
  }

  int CollectiveIndex(const Collective& collective) {
    program_.collectives.push_back(collective);
    return static_cast<int>(program_.collectives.size()) - 1;
  }

  void Emit(Role& role, Kind kind, int index = 0, Direction direction = Direction::kForward) const {
    role.push_back({kind, direction, index});
  }

  // One collective for the experts and one for all other parameters; -1: none.
  struct Pair {
    int common = -1, experts = -1;
  };

  void EmitWait(Role& role, const Pair& pair) const {
    for (const int index : {pair.common, pair.experts}) {
      if (index >= 0) {
        Emit(role, Kind::kWait, index);
      }
    }
  }

  struct ChunkState {
    ModelPart part;
    int slices = 1;
    std::vector<Pair> gathers;  ///< collectives of each slice, in forward order
    std::int64_t forwards = 0, backwards = 0;
  };

  std::vector<ChunkState> Chunks(int stage) {
    std::vector<ChunkState> chunks;
    for (int chunk = 0; chunk < job_.layout.virtual_pipeline; ++chunk) {
      ChunkState state;
      state.part = PartOf(job_, stage, chunk);
      state.slices = Slices(state.part);
      chunks.push_back(state);
    }
    return chunks;
  }

  // Steady state: the parameters that the optimizer of the step before has updated are gathered at
  // the start of this one, in the order in which the forward pass needs them.
  void StartGathers(Role& role, std::vector<ChunkState>& chunks) {
    if (!Replicated() || job_.zero == 0 || job_.zero == 3) {
      return;
    }
    for (ChunkState& chunk : chunks) {
      for (int slice = 0; slice < chunk.slices; ++slice) {
        chunk.gathers.push_back(StartGather(role, SliceOf(chunk.part, slice, chunk.slices)));
      }
    }
    if (!job_.stack.overlap_parameters) {
      for (ChunkState& chunk : chunks) {
        for (const Pair& gather : chunk.gathers) {
          EmitWait(role, gather);
        }
        chunk.gathers.clear();
      }
    }
  }

  Pair StartGather(Role& role, const ModelPart& part, bool backward = false) {
    ParameterBytes weights = pass_builder_.GatheredBytes(part);
    if (job_.zero == 3 && !backward) {
      const ParameterBytes copies = CopyBytes(job_, part, /*gathered=*/true);
      weights.common += copies.common / pass_builder_.GatherBandwidth();
      weights.experts += copies.experts / pass_builder_.GatherBandwidth();
    }
    const auto start = [&](const char* of, FamilyIndex family, Bytes payload, int shards) {
      const int index = CollectiveIndex(GatherOf(job_, part, of, family, payload, shards));
      Emit(role, Kind::kStart, index);
      return index;
    };
    Pair pair;
    if (DataParallel() && weights.common.si() > 0) {
      pair.common =
          start("parameter_", training_group::kData, weights.common, job_.layout.shards());
    }
    if (ExpertDataParallel() && weights.experts.si() > 0) {
      pair.experts = start("expert_", training_group::kExpertData, weights.experts,
                           job_.layout.expert_shards());
    }
    return pair;
  }

  // Parameters that are sharded come in layer by layer, each a layer ahead of its use when the
  // stack overlaps them, and are dropped after it.
  void GatheredPasses(Role& role, const ChunkState& chunk, bool backward,
                      Gradients gradients = Gradients::kAll) {
    // The backward pass ends where nothing before is trained.
    const int skipped = backward ? static_cast<int>(chunk.part.frozen.total()) : 0;
    const int n = chunk.slices - (chunk.slices > 1 ? skipped : 0);
    const auto part_at = [&](int k) {
      return SliceOf(chunk.part, backward ? chunk.slices - 1 - k : k, chunk.slices);
    };
    if (n == 0) {
      return;
    }
    if (gradients == Gradients::kWeights) {
      // Products of inputs and gradients, for which no parameter is needed.
      for (int k = 0; k < n; ++k) {
        EmitPass(role, backward, part_at(k), gradients);
        StartReduction(role, part_at(k));
      }
      return;
    }
    Pair ahead = StartGather(role, part_at(0), backward);
    for (int k = 0; k < n; ++k) {
      const Pair current = ahead;
      if (k + 1 < n && job_.stack.overlap_parameters) {
        ahead = StartGather(role, part_at(k + 1), backward);
      }
      EmitWait(role, current);
      EmitPass(role, backward, part_at(k), gradients);
      if (backward && gradients == Gradients::kAll) {
        StartReduction(role, part_at(k));
      }
      if (k + 1 < n && !job_.stack.overlap_parameters) {
        ahead = StartGather(role, part_at(k + 1), backward);
      }
    }
  }

  void Forward(Role& role, ChunkState& chunk) {
    if (ShardedParameters()) {
      GatheredPasses(role, chunk, /*backward=*/false);
      return;
    }
    const bool first = chunk.forwards++ == 0;
    if (!first || chunk.gathers.empty()) {
      EmitPass(role, false, chunk.part);
      return;
    }
    for (int slice = 0; slice < chunk.slices; ++slice) {
      EmitWait(role, chunk.gathers[slice]);
      EmitPass(role, false, SliceOf(chunk.part, slice, chunk.slices));
    }
  }

  // Within a shard group gradients are reduced and scattered; with several groups, the shards are
  // then summed over the groups. Those of experts are reduced over the ranks that hold them.
  void StartReduction(Role& role, const ModelPart& part) {
    const ParameterCount parameters = TrainedPerRank(job_, part);
    if (DataParallel() && parameters.common > 0) {
      Reduce(role, "gradient_", training_group::kData, job_.layout.shards(),
             pass_builder_.GradientBytes(parameters.common));
    }
    if (ExpertDataParallel() && parameters.experts > 0) {
      Reduce(role, "expert_gradient_", training_group::kExpertData, job_.layout.expert_shards(),
             pass_builder_.GradientBytes(parameters.experts));
    }
  }

  // Over the ranks of `family` that share a copy, `shards` of them. The ranks that hold the same
  // shard in all copies are the same for experts and for all else.
  void Reduce(Role& role, const std::string& name, FamilyIndex family, int shards, Bytes payload) {
    const bool several = job_.layout.copies() > 1 && job_.outer.steps == 0;
    const CollectiveKind kind =
        job_.zero == 0 && !several ? CollectiveKind::kAllReduce : CollectiveKind::kReduceScatter;
    const int index = CollectiveIndex({name + CollectiveName(kind), family, kind, payload});
    int last = index;
    if (several) {
      last = CollectiveIndex({name + "shard_all_reduce", training_group::kReplica,
                              CollectiveKind::kAllReduce, payload / shards});
      program_.collectives[index].next = last;
    }
    // Where nothing is sharded, each rank wants the whole sum back.
    if (several && job_.zero == 0) {
      const int gather =
          CollectiveIndex({name + "all_gather", family, CollectiveKind::kAllGather, payload});
      program_.collectives[last].next = gather;
      last = gather;
    }
    Launch(role, index, last);
  }

  // Starts a reduction that ends with collective `last`.
  void Launch(Role& role, int index, int last) {
    Emit(role, Kind::kStart, index);
    if (job_.zero >= 2 && !job_.stack.overlap_gradients) {
      Emit(role, Kind::kWait, last);
    } else {
      pending_.push_back(last);
    }
  }

  void Backward(Role& role, ChunkState& chunk, Gradients gradients) {
    if (gradients == Gradients::kInputs) {
      if (ShardedParameters()) {
        GatheredPasses(role, chunk, /*backward=*/true, gradients);
      } else {
        EmitPass(role, true, chunk.part, gradients);
      }
      return;
    }
    const bool last = ++chunk.backwards == micro_batches_;
    if (ShardedParameters()) {
      GatheredPasses(role, chunk, /*backward=*/true, gradients);
      return;
    }
    // Sharded gradients do not stay until the last micro-batch.
    const bool reduces = Replicated() && (job_.zero == 2 || (last && job_.stack.overlap_gradients));
    if (!reduces) {
      EmitPass(role, true, chunk.part, gradients);
      return;
    }
    for (int slice = chunk.slices - 1; slice >= 0; --slice) {
      const ModelPart part = SliceOf(chunk.part, slice, chunk.slices);
      EmitPass(role, true, part, gradients);
      StartReduction(role, part);
    }
  }

  void Finish(Role& role, int stage, const std::vector<ChunkState>& chunks) {
    if (Replicated() && job_.zero < 2 && !job_.stack.overlap_gradients) {
      for (const ChunkState& chunk : chunks) {
        for (int slice = chunk.slices - 1; slice >= 0; --slice) {
          StartReduction(role, SliceOf(chunk.part, slice, chunk.slices));
        }
      }
    }
    for (int index : pending_) {
      Emit(role, Kind::kWait, index);
    }
    pending_.clear();
    const int last = job_.layout.pipeline - 1;
    const bool apart = last > 0 && !IsVee(job_.layout.schedule);  // else one stage has both ends
    const bool holds = stage == 0 || stage == last;
    if (job_.model.tied_embeddings && job_.trains_tables() && apart && holds) {
      if (embedding_ < 0) {
        const double table =
            static_cast<double>(job_.model.vocabulary) * job_.model.hidden / job_.layout.tensor;
        embedding_ = CollectiveIndex({"embedding_all_reduce", training_group::kEmbedding,
                                      CollectiveKind::kAllReduce,
                                      Bytes(job_.stack.main_gradient_bytes * table)});
      }
      Emit(role, Kind::kStart, embedding_);
      Emit(role, Kind::kWait, embedding_);
    }
    double held = 0;
    for (const ChunkState& chunk : chunks) {
      held += TrainedPerRank(job_, chunk.part).total();
    }
    const double updated = job_.zero >= 1 ? ShareOf(chunks) : held;
    program_.passes.push_back(pass_builder_.Optimizer(updated, job_.stack.update_time * held));
    exchanges_.emplace_back();
    Emit(role, Kind::kPass, static_cast<int>(program_.passes.size()) - 1);
    Meet(role);
    if (exchange_ >= 0 && !job_.outer.overlap) {
      Emit(role, Kind::kStart, exchange_);
    }
    if (exchange_ >= 0) {
      Emit(role, Kind::kWait, exchange_);
    }
    if (program_.delay.si() > 0) {
      Emit(role, Kind::kDelay);
    }
  }

  // Of what a rank holds of its stage, the parameters whose optimizer states are its own.
  [[nodiscard]] double ShareOf(const std::vector<ChunkState>& chunks) const {
    double sharded = 0;
    for (const ChunkState& chunk : chunks) {
      const ParameterCount count = TrainedPerRank(job_, chunk.part);
      sharded += count.common / job_.layout.shards() + count.experts / job_.layout.expert_shards();
    }
    return sharded;
  }

  // The stages meet, one collective for all of them.
  void Meet(Role& role) {
    const std::optional<Collective> meeting = OuterMeeting(job_);
    if (meeting) {
      meeting_ = meeting_ < 0 ? CollectiveIndex(*meeting) : meeting_;
      Emit(role, Kind::kStart, meeting_);
      Emit(role, Kind::kWait, meeting_);
    }
  }

  Role BuildRole(int stage) {
    Role role;
    std::vector<ChunkState> chunks = Chunks(stage);
    const std::optional<Collective> exchange = OuterExchange(job_, ShareOf(chunks));
    exchange_ = exchange ? CollectiveIndex(*exchange) : -1;
    if (exchange_ >= 0 && job_.outer.overlap) {
      Emit(role, Kind::kStart, exchange_);
    }
    StartGathers(role, chunks);
    std::vector<std::int32_t>& starts = program_.pass_starts.emplace_back();
    for (const ScheduledPass& pass : ScheduleOf(job_.layout, micro_batches_, stage)) {
      starts.push_back(static_cast<std::int32_t>(role.size()));
      ChunkState& chunk = chunks[pass.chunk];
      if (pass.backward && chunk.part.wholly_frozen()) {
        continue;
      }
      const MessageWays ways = WaysOf(job_, stage, pass, chunk.part);
      if (ways.receives) {
        Emit(role, Kind::kReceive, ways.lane, ways.direction);
      }
      pass.backward ? Backward(role, chunk, pass.gradients) : Forward(role, chunk);
      if (ways.sends) {
        Emit(role, Kind::kSend, ways.lane, ways.direction);
      }
    }
    Finish(role, stage, chunks);
    return role;
  }

  const TrainingSpec& job_;
  const ServerSpec& server_;
  PassBuilder pass_builder_;
  std::int64_t micro_batches_;
  StepProgram program_;
  std::map<std::tuple<const TrainingSpec*, bool, Gradients, Layers, Layers, bool, bool>, int>
      pass_of_;
  std::vector<TrainingSpec> copy_jobs_;  ///< by copy; never moved
  std::vector<Exchange> exchanges_;      ///< by pass
  std::vector<int> pending_;
  int embedding_ = -1;
  int meeting_ = -1;   ///< see Meet
  int exchange_ = -1;  ///< of the stage that is being built; see OuterExchange
};

}  // namespace

StepProgram BuildStepProgram(const TrainingSpec& job, const ServerSpec& server,
                             std::int64_t micro_batches) {
  const int t = job.layout.tensor;
  const int domain = job.layout.used_of(server.accelerators);
  if (domain % t != 0 && t % domain != 0) {
    throw UserError(
        job.layout.path + ".tensor",
        fmt::format("{} neither divides nor is a multiple of the {} accelerators of a scale-up "
                    "domain that are "
                    "used, so groups would straddle it; expected a divisor or a multiple of {}",
                    t, domain, domain));
  }
  CheckMemory(job, RoomForJob(server), domain);
  return ProgramBuilder(job, server, micro_batches > 0 ? micro_batches : MicroBatches(job)).Build();
}

}  // namespace gridlock
