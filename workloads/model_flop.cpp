// FLOP of a step over the whole job, on however many accelerators.

#include "workloads/frozen_copies.h"
#include "workloads/layer_shape.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

// The job on one accelerator: the sizes of the model as a whole.
TrainingSpec Whole(const TrainingSpec& job) {
  TrainingSpec whole = job;
  whole.layout.tensor = whole.layout.context = whole.layout.expert = 1;
  whole.layout.expert_tensor = 0;
  return whole;
}

// Passes of a micro-batch over the whole model in a step.
double Passes(const TrainingSpec& job) {
  return static_cast<double>(job.global_batch) / static_cast<double>(job.micro_batch);
}

double ProductFlop(const LayerShape& s, const std::vector<Matrix>& matrices) {
  double flop = 0;
  for (const Matrix& w : matrices) {
    flop += 2.0 * s.tokens * w.n * w.k;
  }
  return flop;
}

// Forward FLOP of layers of one micro-batch, attention scores counted as the model says.
struct LayersFlop {
  double products = 0, attention = 0, adapters = 0;
  double forward = 0;  ///< that the backward pass has no share in: scores of an indexer

  [[nodiscard]] double total() const { return products + attention + adapters + forward; }

  LayersFlop& operator+=(const LayersFlop& other) {
    products += other.products;
    attention += other.attention;
    adapters += other.adapters;
    forward += other.forward;
    return *this;
  }
};

LayersFlop FlopOf(const TrainingSpec& whole, const Layers& layers) {
  const LayerShape s(whole);
  const double mixture = layers.with(Block::kMixture);
  const double attentions = layers.with(kAnyAttention);
  const double denses = layers.with(Block::kDense);
  const std::vector<Matrix> attention = AttentionMatrices(whole, s);
  const std::vector<Matrix> dense = DenseMatrices(whole, s);
  LayersFlop flop;
  flop.products = ProductFlop(s, attention) * attentions + ProductFlop(s, dense) * denses +
                  MixtureFlop(whole, s) * mixture;
  flop.attention =
      AttentionFlop(s, CountedShare(whole, Block::kAttention)) * layers.with(Block::kAttention);
  flop.forward = IndexFlop(whole, s) * layers.with(Block::kAttention);
  if (const double windows = layers.with(Block::kWindow); windows > 0) {
    flop.attention += AttentionFlop(s, CountedShare(whole, Block::kWindow)) * windows;
  }
  if (const double recurrent = layers.with(Block::kRecurrent); recurrent > 0) {
    flop.products += ProductFlop(s, RecurrentMatrices(whole, s)) * recurrent;
    flop.attention += RecurrenceFlop(whole, s) * recurrent;
  }
  if (const double cross = layers.with(Block::kCross); cross > 0) {
    const CrossAttention of = CrossAttentionOf(whole, s);
    flop.products +=
        (ProductFlop(s, of.query) + 2.0 * of.rows * of.key_value.n * of.key_value.k) * cross;
    flop.attention += of.flop * cross;
  }
  flop.products += 2.0 * static_cast<double>(whole.micro_batch) * whole.model.modulations *
                   s.hidden * s.hidden * layers.total();
  if (!whole.trains_base()) {
    flop.adapters = 2.0 * s.tokens *
                        (AdapterParameters(whole, attention) * attentions +
                         AdapterParameters(whole, dense) * denses) +
                    MixtureAdapterFlop(whole, s) * mixture;
  }
  return flop;
}

LayersFlop FlopOf(const TrainingSpec& whole, int first, int end) {
  const Layers layers = whole.model.LayersIn(first, end);
  LayersFlop flop = FlopOf(whole, layers.OfEncoder(false));
  if (layers.with(Block::kEncoder) > 0) {
    flop += FlopOf(EncoderJob(whole), layers.OfEncoder(true));
  }
  return flop;
}

// Layers and projections of prediction modules.
LayersFlop PredictionsFlop(const TrainingSpec& whole) {
  const double modules = whole.model.prediction_modules;
  if (modules <= 0) {
    return {};
  }
  const LayerShape s(whole);
  LayersFlop flop = FlopOf(whole, Layers(whole.model.PredictionKind(), modules));
  flop.products += modules * 2.0 * s.tokens * 2 * s.hidden * s.hidden;
  return flop;
}

double HeadFlop(const TrainingSpec& whole) {
  const LayerShape s(whole);
  const double tokens = whole.predicted_share * s.tokens;
  const double narrowed = s.embedding != s.hidden ? 2.0 * tokens * s.embedding * s.hidden : 0.0;
  return 2.0 * tokens * s.vocabulary * s.embedding * (1 + whole.model.prediction_modules) +
         narrowed;
}

// Convolutions in front, of one micro-batch.
double FrontFlopOf(const TrainingSpec& whole) {
  const bool encoder = whole.model.encoder.layers > 0;
  const TrainingSpec of = encoder ? EncoderJob(whole) : whole;
  return FrontFlop(of, LayerShape(of));
}

// What full recomputation does again, of one micro-batch.
double AgainInFull(const TrainingSpec& job, const TrainingSpec& whole) {
  const int first = job.frozen.layers;
  double again = FlopOf(whole, first, job.model.depth()).total() + PredictionsFlop(whole).total();
  if (job.stack.recomputation_stops_early) {
    const LayerShape s(whole);
    const double dense = job.model.LayersIn(first, job.model.depth()).with(Block::kDense);
    again -= 2.0 * s.tokens * s.hidden * s.ffn * dense;
  }
  return again;
}

// What selective recomputation does again in these layers.
double AgainInPart(const TrainingSpec& job, const TrainingSpec& whole, const Layers& layers) {
  const LayerShape s(whole);
  double flop =
      AttentionFlop(s, CountedShare(whole, Block::kAttention)) * layers.with(Block::kAttention) +
      ProductFlop(s, RecomputedMatrices(whole, s)) * layers.with(kAnyAttention);
  if (const double windows = layers.with(Block::kWindow); windows > 0) {
    flop += AttentionFlop(s, CountedShare(whole, Block::kWindow)) * windows;
  }
  if (RepeatsProducts(job)) {
    flop += MixtureFlop(whole, s) * layers.with(Block::kMixture) +
            ProductFlop(s, RepeatedDense(whole, s)) * layers.with(Block::kDense);
  }
  return flop;
}

}  // namespace

Flop ModelFlop(const TrainingSpec& job) {
  const TrainingSpec whole = Whole(job);
  LayersFlop trained = FlopOf(whole, job.frozen.layers, job.model.depth());
  trained += PredictionsFlop(whole);
  const LayersFlop frozen = FlopOf(whole, 0, job.frozen.layers);
  // Gradients of a frozen matrix's input alone: as much once more as the forward product.
  const double products = job.trains_base() ? 3 : 2;
  const double head = job.trains_tables() ? 3 : 2;
  return Flop((products * trained.products + 3 * (trained.attention + trained.adapters) +
               trained.forward + frozen.total() + head * HeadFlop(whole) +
               (job.trains_tables() ? 3 : 1) * FrontFlopOf(whole)) *
              Passes(job));
}

Flop HardwareFlop(const TrainingSpec& job) {
  const TrainingSpec whole = Whole(job);
  double again = 0, copies = 0;
  for (const FrozenCopySpec& copy : job.copies) {
    const TrainingSpec of = Whole(JobOfCopy(job, copy));
    copies += copy.count * (FlopOf(of, 0, of.model.depth()).total() + HeadFlop(of));
  }
  if (job.recompute == Recompute::kFull) {
    again = AgainInFull(job, whole);
  } else if (job.recompute == Recompute::kSelective) {
    const Layers layers = job.model.LayersIn(job.frozen.layers, job.model.depth());
    again = AgainInPart(job, whole, layers.OfEncoder(false));
    if (layers.with(Block::kEncoder) > 0) {
      again += AgainInPart(job, EncoderJob(whole), layers.OfEncoder(true));
    }
  }
  return ModelFlop(job) + Flop((again + copies) * Passes(job));
}

}  // namespace gridlock
