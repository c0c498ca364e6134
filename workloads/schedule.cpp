#include "workloads/schedule.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "sim/base/check.h"

namespace gridlock {

namespace {

// The k-th forward (or backward) pass of a stage. Interleaved: micro-batches go in rounds of
// `pipeline`, each round through all chunks; backward takes the chunks from the last.
ScheduledPass KthPass(const Layout& layout, std::int64_t k, bool backward) {
  const std::int64_t p = layout.pipeline;
  const std::int64_t v = layout.virtual_pipeline;
  if (v == 1) {
    return {backward, 0, k};
  }
  const std::int64_t round = k / (p * v);
  const int chunk = static_cast<int>((k % (p * v)) / p);
  return {backward, backward ? static_cast<int>(v) - 1 - chunk : chunk, round * p + k % p};
}

std::int64_t WarmUpPasses(const Layout& layout, std::int64_t total, int stage) {
  const std::int64_t p = layout.pipeline;
  const std::int64_t v = layout.virtual_pipeline;
  const std::int64_t ahead = v == 1 ? p - stage - 1 : (p - stage - 1) * 2 + (v - 1) * p;
  return std::min(total, ahead);
}

// Backward passes in two halves: the gradients of inputs at once, those of weights `late` passes
// later.
std::vector<ScheduledPass> WeightsLater(const std::vector<ScheduledPass>& order, int late) {
  std::vector<ScheduledPass> out;
  std::vector<ScheduledPass> weights;
  std::size_t done = 0;
  for (ScheduledPass pass : order) {
    if (!pass.backward) {
      out.push_back(pass);
      continue;
    }
    pass.gradients = Gradients::kInputs;
    out.push_back(pass);
    pass.gradients = Gradients::kWeights;
    weights.push_back(pass);
    if (weights.size() > done + static_cast<std::size_t>(late)) {
      out.push_back(weights[done++]);
    }
  }
  out.insert(out.end(), weights.begin() + static_cast<std::ptrdiff_t>(done), weights.end());
  return out;
}

// 1F1B, interleaved with several chunks.
std::vector<ScheduledPass> Alternating(const Layout& layout, std::int64_t total, int stage) {
  const std::int64_t warm_up = WarmUpPasses(layout, total, stage);
  std::vector<ScheduledPass> order;
  order.reserve(static_cast<std::size_t>(2 * total));
  for (std::int64_t k = 0; k < warm_up; ++k) {
    order.push_back(KthPass(layout, k, false));
  }
  for (std::int64_t k = warm_up; k < total; ++k) {
    order.push_back(KthPass(layout, k, false));
    order.push_back(KthPass(layout, k - warm_up, true));
  }
  for (std::int64_t k = total - warm_up; k < total; ++k) {
    order.push_back(KthPass(layout, k, true));
  }
  return order;
}

// GPipe: all micro-batches through a chunk, then through the next one.
std::vector<ScheduledPass> ForwardFirst(const Layout& layout, std::int64_t micro_batches) {
  std::vector<ScheduledPass> order;
  for (const bool backward : {false, true}) {
    for (int k = 0; k < layout.virtual_pipeline; ++k) {
      for (std::int64_t m = 0; m < micro_batches; ++m) {
        order.push_back({backward, backward ? layout.virtual_pipeline - 1 - k : k, m});
      }
    }
  }
  return order;
}

// Writes the passes of a stage that has a chunk on the way there (0) and one on the way back (1).
// Both ways count their micro-batches by themselves. Schedules are written for at least twice as
// many micro-batches as there are stages; what is more than there are is left out, everywhere.
class VeeOrder {
 public:
  VeeOrder(int stages, int stage, std::int64_t micro_batches)
      : stages_(stages),
        stage_(stage),
        most_(micro_batches),
        written_(std::max<std::int64_t>(micro_batches, 2LL * stages)) {}

  // ZB-V with F, B - W and W of one length, by the counts of
  // torch.distributed.pipelining.ScheduleZBVZeroBubble.
  std::vector<ScheduledPass> ZeroBubble() && {
    const int behind = stages_ - stage_;  // this stage and those after it
    Times(2 * behind - 1, [&] {
      Forward(0);
    });
    Times(stage_, [&] {
      Forward(1), Forward(0);
    });
    Times(behind, [&] {
      Forward(1), Inputs(1), Weights(1);
    });
    while (forward_[1] < forward_[0] || forward_[0] < written_) {
      if (forward_[0] < written_) {
        Forward(0);
      }
      Inputs(0), Weights(0), Forward(1), Inputs(1), Weights(1);
    }
    Times(stage_, [&] {
      Inputs(0), Inputs(1);
    });
    Times(behind, [&] {
      Inputs(0), Weights(0);
    });
    WeightsLeft();
    return std::move(order_);
  }

  // The eight steps of deepseek-ai/DualPipe, dualpipev.py.
  std::vector<ScheduledPass> DualPipe() && {
    const int after = stages_ - stage_ - 1;
    Times(2 * after, [&] {
      Forward(0);
    });
    Times(stage_ + 1, [&] {
      Forward(0), Forward(1);
    });
    Times(after, [&] {
      Inputs(1), Weights(1), Forward(1);
    });
    Times(written_ - 2 * stages_ + stage_ + 1, [&] {
      Forward(0), Whole(1), Forward(1), Whole(0);
    });
    Times(after, [&] {
      Whole(1), Forward(1), Whole(0);
    });
    // Gradients of weights are put off in the second half of these.
    for (int k = 0; k <= stage_; ++k) {
      2 * k > stage_ ? Inputs(1) : Whole(1);
      2 * k + 1 > stage_ ? Inputs(0) : Whole(0);
    }
    Times(after, [&] {
      FirstWeightsLeft(), Inputs(0);
    });
    WeightsLeft();
    return std::move(order_);
  }

 private:
  template <typename F>
  static void Times(std::int64_t times, const F& what) {
    for (std::int64_t k = 0; k < times; ++k) {
      what();
    }
  }

  void Put(bool backward, int chunk, std::int64_t micro_batch, Gradients gradients) {
    if (micro_batch < most_) {
      order_.push_back({backward, chunk, micro_batch, gradients});
    }
  }

  void Forward(int chunk) { Put(false, chunk, forward_[chunk]++, Gradients::kAll); }

  void Whole(int chunk) { Put(true, chunk, backward_[chunk]++, Gradients::kAll); }

  void Inputs(int chunk) {
    put_off_.push_back({true, chunk, backward_[chunk], Gradients::kWeights});
    Put(true, chunk, backward_[chunk]++, Gradients::kInputs);
  }

  // Gradients of weights of the inputs just seen.
  void Weights(int chunk) {
    const ScheduledPass pass = put_off_.back();
    CHECK(pass.chunk == chunk);
    put_off_.pop_back();
    Put(true, chunk, pass.micro_batch, Gradients::kWeights);
  }

  void FirstWeightsLeft() {
    if (!put_off_.empty()) {
      const ScheduledPass pass = put_off_.front();
      put_off_.erase(put_off_.begin());
      Put(true, pass.chunk, pass.micro_batch, Gradients::kWeights);
    }
  }

  void WeightsLeft() {
    while (!put_off_.empty()) {
      FirstWeightsLeft();
    }
  }

  int stages_, stage_;
  std::int64_t most_, written_;
  std::int64_t forward_[2] = {0, 0}, backward_[2] = {0, 0};
  std::vector<ScheduledPass> put_off_;  ///< gradients of weights yet to be made
  std::vector<ScheduledPass> order_;
};

}  // namespace

std::vector<ScheduledPass> ScheduleOf(const Layout& layout, std::int64_t micro_batches, int stage) {
  if (IsVee(layout.schedule)) {
    CHECK(layout.virtual_pipeline == 2);
    VeeOrder order(layout.pipeline, stage, micro_batches);
    return layout.schedule == Schedule::kDualPipeV ? std::move(order).DualPipe()
                                                   : std::move(order).ZeroBubble();
  }
  if (layout.schedule == Schedule::kGPipe) {
    return ForwardFirst(layout, micro_batches);
  }
  CHECK(micro_batches % ScheduleRound(layout) == 0);
  std::vector<ScheduledPass> order =
      Alternating(layout, micro_batches * layout.virtual_pipeline, stage);
  return layout.schedule == Schedule::kZeroBubble ? WeightsLater(order, stage) : order;
}

const ScheduleNames& NamesOf(Schedule schedule) {
  static constexpr ScheduleNames kNames[] = {
      {Schedule::kOneForwardOneBackward, "ONE_FORWARD_ONE_BACKWARD", "1f1b"},
      {Schedule::kZeroBubble, "ZERO_BUBBLE", "zero-bubble"},
      {Schedule::kGPipe, "GPIPE", "gpipe"},
      {Schedule::kZeroBubbleV, "ZERO_BUBBLE_V", "zero-bubble-v"},
      {Schedule::kDualPipeV, "DUAL_PIPE_V", "dual-pipe-v"},
  };
  return *std::find_if(std::begin(kNames), std::end(kNames), [&](const ScheduleNames& names) {
    return names.schedule == schedule;
  });
}

int PositionOf(const Layout& layout, int stage, int chunk) {
  if (IsVee(layout.schedule)) {
    return chunk == 0 ? stage : 2 * layout.pipeline - 1 - stage;
  }
  return chunk * layout.pipeline + stage;
}

namespace {

// The layers before the end of a stage that holds its share of the parameters of all layers and of
// the LM head: a stage ends with the layer that reaches its share (huggingface/nanotron,
// models/base.py, get_block_compute_costs). Every stage but the last has a layer.
int BalancedEnd(const TrainingSpec& job, int stage) {
  const ModelSpec& model = job.model;
  const double hidden = model.hidden;
  const double layer = 4.0 * model.heads * model.head_dim * hidden + 3.0 * model.ffn * hidden;
  const double all = layer * model.depth() + hidden * model.vocabulary;
  const double share = all * (stage + 1) / job.layout.pipeline / layer;
  const int later = job.layout.pipeline - 2 - stage;  // stages that want a layer yet
  const int most = later < 0 ? model.depth() : model.depth() - later;
  return std::clamp(static_cast<int>(share) + 1, std::min(stage + 1, most), most);
}

void SetLayers(const TrainingSpec& job, int first, int end, ModelPart& part) {
  const int frozen = std::clamp(job.frozen.layers, first, end);
  part.layers = job.model.LayersIn(first, end);
  part.frozen = job.model.LayersIn(first, frozen);
  part.frozen_start = first < job.frozen.layers;
  if (part.head && job.model.prediction_modules > 0) {
    part.predictions = job.model.prediction_modules;
    part.layers.Add(job.model.PredictionKind(), part.predictions);
  }
}

}  // namespace

ModelPart PartOf(const TrainingSpec& job, int stage, int chunk) {
  const int chunks = job.layout.pipeline * job.layout.virtual_pipeline;
  const int position = PositionOf(job.layout, stage, chunk);
  ModelPart part;
  part.embedding = position == 0;
  part.head = position == chunks - 1;
  if (job.stack.balances_stages && chunks > 1 && job.layout.virtual_pipeline == 1) {
    const int first = stage == 0 ? 0 : BalancedEnd(job, stage - 1);
    const int end = stage == chunks - 1 ? job.model.depth() : BalancedEnd(job, stage);
    SetLayers(job, first, end, part);
    return part;
  }
  // Layers [first, end), when the embedding stands before the first one and counts as one.
  const int extra = job.layout.embedding_as_layer ? 1 : 0;
  const int own = job.model.depth() + 2 * extra;
  // Modules that predict further tokens count as layers where the split then is even, or may be
  // uneven; else they come on top of the last chunk. In an uneven split their losses and the main
  // one count as a layer each: of 16 chunks of DeepSeek-V3 with one module the last has one layer,
  // all others have four (NVIDIA-NeMo/Megatron-Bridge, recipes/deepseek/deepseek_v3.py).
  const int modules = job.model.prediction_modules;
  const int losses = job.layout.uneven_layers && modules > 0 ? 1 + modules - extra : 0;
  const int with = own + modules + losses;
  const int slots = job.layout.uneven_layers || with % chunks == 0 ? with : own;
  CHECK(job.layout.uneven_layers || slots % chunks == 0);
  const auto layer_at = [&](int chunk_index) {
    const int slot = chunk_index * (slots / chunks) + std::min(chunk_index, slots % chunks);
    return std::clamp(slot - extra, 0, job.model.depth());
  };
  const int first = layer_at(position);
  const int end = layer_at(position + 1);
  SetLayers(job, first, end, part);
  return part;
}

ModelPart SliceOf(const ModelPart& part, int slice, int slices) {
  ModelPart of{part.layers.Times(1.0 / slices), part.embedding && slice == 0,
               part.head && slice == slices - 1};
  const double layers = of.layers.total();
  const double frozen = std::clamp(part.frozen.total() - slice * layers, 0.0, layers);
  of.frozen_start = frozen > 0;
  of.frozen = of.frozen_start ? of.layers.Times(frozen / layers) : Layers();
  of.predictions = of.head ? part.predictions : 0;
  return of;
}

std::int64_t MicroBatches(const TrainingSpec& job) {
  return job.global_batch / (job.micro_batch * job.layout.data);
}

std::int64_t ScheduleRound(const Layout& layout) {
  const bool rounds = layout.schedule == Schedule::kOneForwardOneBackward ||
                      layout.schedule == Schedule::kZeroBubble;
  return layout.virtual_pipeline > 1 && rounds ? layout.pipeline : 1;
}

std::int64_t FirstMicroBatches(const TrainingSpec& job) {
  // Filling and draining takes at most three times as many micro-batches as there are stages
  // (WarmUpPasses, WeightsLater); half of the step is wanted between them.
  const std::int64_t enough = std::max<std::int64_t>(256, 16LL * job.layout.pipeline);
  const std::int64_t round = ScheduleRound(job.layout);
  const std::int64_t all = MicroBatches(job);
  if (job.layout.schedule == Schedule::kGPipe) {
    return all;  // nothing repeats
  }
  return all > std::max(kWholeMicroBatches, 4 * enough) ? (enough + round - 1) / round * round
                                                        : all;
}

std::int64_t ChunksInFlight(const Layout& layout, std::int64_t micro_batches, int stage) {
  const std::int64_t total = micro_batches * layout.virtual_pipeline;
  if (layout.schedule == Schedule::kGPipe) {
    return total;
  }
  if (IsVee(layout.schedule)) {
    const int ahead = layout.schedule == Schedule::kDualPipeV ? 1 : 0;
    return std::min<std::int64_t>(total, 2LL * layout.pipeline + ahead);
  }
  // Inputs stay until the gradients of weights have been made of them.
  const int late = layout.schedule == Schedule::kZeroBubble ? stage : 0;
  return std::min(total, WarmUpPasses(layout, total, stage) + 1 + late);
}

}  // namespace gridlock
