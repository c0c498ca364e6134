#include "sim/serving/image_encoders.h"

#include <algorithm>
#include <iterator>

#include "sim/base/check.h"

namespace gridlock {

namespace {

/// An encoder of images: a transformer whose patches all attend to each other, or within windows.
struct Encoder {
  const char* name;
  int layers, hidden, heads, ffn;
  bool gated;
  int patches_per_token;  ///< that are merged into one token of the prompt
  double windowed_share;  ///< of the layers
  int window;             ///< patches
};

// config.json of Qwen/Qwen2.5-VL-7B-Instruct (windows of 112 pixels, patches of 14, all but four
// layers), openai/clip-vit-large-patch14-336 and OpenGVLab/InternViT-6B-448px-V2_5.
constexpr Encoder kEncoders[] = {
    {"qwen2.5_vl", 32, 1280, 16, 3420, true, 4, 28.0 / 32, 64},
    {"clip_vit_l", 24, 1024, 16, 4096, false, 1, 0, 0},
    {"internvit_6b", 45, 3200, 25, 12800, false, 4, 0, 0},
};

const Encoder& EncoderOf(const std::string& name) {
  const auto* const found =
      std::find_if(std::begin(kEncoders), std::end(kEncoders), [&](const Encoder& each) {
        return name == each.name;
      });
  CHECK(found != std::end(kEncoders));
  return *found;
}

// Of one image by itself on one accelerator, in 16 bits.
Seconds TimeOfImage(const Encoder& encoder, double patches, const Deployment& deployment) {
  InferenceModel model;
  model.name = encoder.name;
  model.layers = encoder.layers;
  model.hidden = encoder.hidden;
  model.heads = model.kv_heads = encoder.heads;
  model.head_dim = encoder.hidden / encoder.heads;
  model.ffn = encoder.ffn;
  model.gated = encoder.gated;
  model.vocabulary = 1;  // it has no LM head
  const IterationCosts costs(model, deployment.part, deployment.engine, {}, "");
  const double full = 1 - encoder.windowed_share;
  const double pairs = patches * (full * patches + encoder.windowed_share *
                                                       std::min<double>(patches, encoder.window));
  return costs.Base(static_cast<std::int64_t>(patches), 1, 1) + costs.PerPair() * pairs;
}

}  // namespace

std::vector<std::string> ImageEncoderNames() {
  std::vector<std::string> names;
  for (const Encoder& each : kEncoders) {
    names.emplace_back(each.name);
  }
  return names;
}

EncodeSpec EncodedBy(const std::string& name, int images, int tokens, int encoders,
                     const Deployment& deployment) {
  const Encoder& encoder = EncoderOf(name);
  EncodeSpec encode;
  encode.images = images;
  encode.tokens = tokens;
  encode.encoders = encoders;
  encode.time = TimeOfImage(encoder, 1.0 * tokens * encoder.patches_per_token, deployment);
  // An embedding of 16 bits for each token.
  encode.transfer = Seconds(2.0 * tokens * deployment.model.hidden / deployment.part.nic_bandwidth);
  return encode;
}

}  // namespace gridlock
