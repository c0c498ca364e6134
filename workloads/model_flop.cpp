// FLOP of a step over the whole job, on however many accelerators.

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

  [[nodiscard]] double total() const { return products + attention + adapters; }
};

// Of layers [first, end).
LayersFlop FlopOf(const TrainingSpec& whole, int first, int end) {
  const LayerShape s(whole);
  const double share = whole.model.attention == Attention::kCausal ? 0.5 : 1.0;
  const double mixture = whole.model.MixtureLayers(first, end);
  const double layers = end - first;
  const std::vector<Matrix> attention = AttentionMatrices(whole, s);
  const std::vector<Matrix> dense = DenseMatrices(whole, s);
  LayersFlop flop;
  flop.products = ProductFlop(s, attention) * layers + ProductFlop(s, dense) * (layers - mixture) +
                  MixtureFlop(whole, s) * mixture;
  flop.attention = AttentionFlop(s, share) * layers;
  if (!whole.trains_base()) {
    flop.adapters = 2.0 * s.tokens *
                        (AdapterParameters(whole, attention) * layers +
                         AdapterParameters(whole, dense) * (layers - mixture)) +
                    MixtureAdapterFlop(whole, s) * mixture;
  }
  return flop;
}

double HeadFlop(const TrainingSpec& whole) {
  const LayerShape s(whole);
  return 2.0 * s.tokens * s.vocabulary * s.hidden;
}

// What full recomputation does again, of one micro-batch.
double AgainInFull(const TrainingSpec& job, const TrainingSpec& whole) {
  const int first = job.frozen.layers;
  double again = FlopOf(whole, first, job.model.layers).total();
  if (job.stack.recomputation_stops_early) {
    const LayerShape s(whole);
    const int layers = job.model.layers - first;
    const double dense = layers - job.model.MixtureLayers(first, job.model.layers);
    again -= 2.0 * s.tokens * s.hidden * s.ffn * dense;
  }
  return again;
}

double AgainInPart(const TrainingSpec& job, const TrainingSpec& whole) {
  const double share = job.model.attention == Attention::kCausal ? 0.5 : 1.0;
  const LayerShape s(whole);
  double flop = AttentionFlop(s, share) + ProductFlop(s, RecomputedMatrices(whole, s));
  if (RepeatsProducts(job)) {
    const double mixture =
        job.model.MixtureLayers(0, job.model.layers) / static_cast<double>(job.model.layers);
    flop +=
        MixtureFlop(whole, s) * mixture + ProductFlop(s, RepeatedDense(whole, s)) * (1 - mixture);
  }
  return flop * (job.model.layers - job.frozen.layers);
}

}  // namespace

Flop ModelFlop(const TrainingSpec& job) {
  const TrainingSpec whole = Whole(job);
  const LayersFlop trained = FlopOf(whole, job.frozen.layers, job.model.layers);
  const LayersFlop frozen = FlopOf(whole, 0, job.frozen.layers);
  // Gradients of a frozen matrix's input alone: as much once more as the forward product.
  const double products = job.trains_base() ? 3 : 2;
  const double head = job.trains_tables() ? 3 : 2;
  return Flop((products * trained.products + 3 * (trained.attention + trained.adapters) +
               frozen.total() + head * HeadFlop(whole)) *
              Passes(job));
}

Flop HardwareFlop(const TrainingSpec& job) {
  const TrainingSpec whole = Whole(job);
  double again = 0;
  if (job.recompute == Recompute::kFull) {
    again = AgainInFull(job, whole);
  } else if (job.recompute == Recompute::kSelective) {
    again = AgainInPart(job, whole);
  }
  return ModelFlop(job) + Flop(again * Passes(job));
}

}  // namespace gridlock
