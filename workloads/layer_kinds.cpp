// Which kind each layer of a model is of.

#include "sim/base/check.h"
#include "workloads/training.h"

namespace gridlock {

namespace {

// What a letter of `pattern` says (proto/catalog.proto). F and E are feed-forward blocks alone.
LayerKind KindOfLetter(char letter) {
  switch (letter) {
    case 'G':
      return Block::kAttention;
    case 'L':
      return Block::kWindow;
    case 'R':
      return Block::kRecurrent;
    case 'P':
      return Block::kAttention | Block::kRecurrent;
    case 'F':
      return Block::kDense;
    case 'E':
      return Block::kMixture;
    default:
      CHECK(false);  // refused by the schema's checks
      return {};
  }
}

// Feed-forward blocks that are layers of their own leave none in other layers.
bool StandApart(const std::string& pattern) {
  return pattern.find_first_of("FE") != std::string::npos;
}

LayerKind FeedForwardOf(const ModelSpec& model, int layer) {
  const MixtureSpec& mixture = model.mixture;
  const bool last = mixture.every <= 1 || (layer + 1) % mixture.every == 0;
  if (model.has_experts() && layer >= mixture.dense_layers && last) {
    return Block::kMixture;
  }
  return model.ffn > 0 ? LayerKind(Block::kDense) : LayerKind();
}

}  // namespace

LayerKind ModelSpec::KindOf(int layer) const {
  if (layer < encoder.layers) {
    return kDenseLayer | Block::kEncoder;
  }
  const int own = layer - encoder.layers;
  LayerKind kind = recurrent.kind != Recurrence::kNone ? Block::kRecurrent
                   : window > 0                        ? Block::kWindow
                                                       : Block::kAttention;
  if (!pattern.empty()) {
    kind = KindOfLetter(pattern[static_cast<std::size_t>(own) % pattern.size()]);
  }
  if (encoder.layers > 0) {
    kind = kind | Block::kCross;
  }
  return StandApart(pattern) ? kind : kind | FeedForwardOf(*this, own);
}

Layers ModelSpec::LayersIn(int first, int end) const {
  Layers out;
  // Most models have one kind of layer.
  if (encoder.layers == 0 && pattern.empty() && !has_experts()) {
    if (first < end) {
      out.Add(KindOf(first), end - first);
    }
    return out;
  }
  for (int layer = first; layer < end; ++layer) {
    out.Add(KindOf(layer), 1);
  }
  return out;
}

LayerKind ModelSpec::PredictionKind() const {
  return has_experts() ? kMixtureLayer : kDenseLayer;
}

}  // namespace gridlock
