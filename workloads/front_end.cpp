// Convolutions along the sequence in front of the first layer: wav2vec2 (Baevski et al. 2020,
// arXiv:2006.11477) makes 50 tokens a second of a wave of 16,000 samples, Whisper 50 of 100
// spectra.

#include "workloads/layer_shape.h"

namespace gridlock {

namespace {

// One of them: it makes `rows` x `width` elements, each of `terms` products, of `taken` elements.
struct FrontLayer {
  double rows, width, terms, taken;

  [[nodiscard]] double made() const { return rows * width; }

  [[nodiscard]] double flop() const { return 2 * rows * width * terms; }
};

std::vector<FrontLayer> FrontLayers(const ModelSpec& model, double tokens) {
  std::vector<FrontLayer> out;
  double rows = tokens;
  for (const ConvolutionSpec& each : model.convolutions) {
    rows *= each.stride;
  }
  double channels = model.channels;
  for (const ConvolutionSpec& each : model.convolutions) {
    const double taken = rows * channels;
    rows /= each.stride;
    out.push_back({rows, 1.0 * each.width, each.kernel * channels / each.groups, taken});
    channels = each.width;
  }
  return out;
}

// The norm and the activation function behind a convolution, a kernel each: forward they read and
// write, backward they read two and write one.
void AddBehind(const TrainingSpec& job, const FrontLayer& layer, bool backward,
               std::vector<Operation>& out) {
  const double tensors = backward ? 2 * 3 : 2 * 2;
  out.push_back(Elementwise(
      backward ? "convolution_norm_backward" : "convolution_norm",
      job.stack.hbm_traffic_factor * job.activation_bytes() * tensors * layer.made(), 1));
}

Operation Convolve(const TrainingSpec& job, const char* name, const FrontLayer& layer) {
  const double element = job.activation_bytes();
  return {name,
          Kernel::kGemm,
          Flop(layer.flop()),
          Bytes(element * (layer.taken + layer.made() + layer.width * layer.terms)),
          1,
          /*wide=*/true};
}

}  // namespace

void AddFrontForward(const TrainingSpec& job, const LayerShape& s, std::vector<Operation>& out) {
  for (const FrontLayer& layer : FrontLayers(job.model, s.tokens)) {
    out.push_back(Convolve(job, "convolution", layer));
    AddBehind(job, layer, /*backward=*/false, out);
  }
}

// What the first one gets wants no gradient.
void AddFrontBackward(const TrainingSpec& job, const LayerShape& s, std::vector<Operation>& out) {
  bool first = true;
  for (const FrontLayer& layer : FrontLayers(job.model, s.tokens)) {
    AddBehind(job, layer, /*backward=*/true, out);
    if (!first) {
      out.push_back(Convolve(job, "convolution_input_gradient", layer));
    }
    out.push_back(Convolve(job, "convolution_weight_gradient", layer));
    out.back().of_weights = true;
    first = false;
  }
}

double FrontParameters(const ModelSpec& model) {
  double sum = 0;
  for (const FrontLayer& layer : FrontLayers(model, 1)) {
    sum += layer.width * layer.terms + 2 * layer.width;  // a norm's scale and shift
  }
  return sum;
}

double FrontFlop(const TrainingSpec& job, const LayerShape& s) {
  double sum = 0;
  for (const FrontLayer& layer : FrontLayers(job.model, s.tokens)) {
    sum += layer.flop();
  }
  return sum;
}

// What norm and activation function get. The output is what the next one gets, and kept by it.
double FrontKeptBytes(const TrainingSpec& job, const LayerShape& s) {
  constexpr double kTensors = 3;
  double sum = 0;
  for (const FrontLayer& layer : FrontLayers(job.model, s.tokens)) {
    sum += kTensors * job.activation_bytes() * layer.made();
  }
  return job.trains_tables() ? sum : 0.0;
}

}  // namespace gridlock
