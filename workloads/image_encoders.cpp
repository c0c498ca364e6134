#include "workloads/image_encoders.h"

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

}  // namespace

std::vector<std::string> ImageEncoderNames() {
  std::vector<std::string> names;
  for (const Encoder& each : kEncoders) {
    names.emplace_back(each.name);
  }
  return names;
}

// In 16 bits.
Seconds TimeOfImage(const std::string& name, int tokens, const InferencePart& part,
                    const InferenceEngine& engine) {
  const Encoder& encoder = EncoderOf(name);
  const double patches = 1.0 * tokens * encoder.patches_per_token;
  InferenceModel model;
  model.name = encoder.name;
  model.layers = encoder.layers;
  model.hidden = encoder.hidden;
  model.heads = model.kv_heads = encoder.heads;
  model.head_dim = encoder.hidden / encoder.heads;
  model.ffn = encoder.ffn;
  model.gated = encoder.gated;
  model.vocabulary = 1;  // it has no LM head
  const IterationCosts costs(model, part, engine, {}, "");
  const double full = 1 - encoder.windowed_share;
  const double pairs = patches * (full * patches + encoder.windowed_share *
                                                       std::min<double>(patches, encoder.window));
  return costs.Base(static_cast<std::int64_t>(patches), 1, 1) + costs.PerPair() * pairs;
}

std::vector<Seconds> TimesOfImages(const std::vector<RequestGroupSpec>& groups,
                                   const InferencePart& part, const InferenceEngine& engine) {
  std::vector<Seconds> times;
  for (const RequestGroupSpec& group : groups) {
    const ImagesSpec& images = group.images;
    times.push_back(images.count == 0
                        ? Seconds(0)
                        : TimeOfImage(images.encoder, images.tokens, part, engine) * images.count);
  }
  return times;
}

}  // namespace gridlock
