#include "tools/serve_images.h"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

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

std::vector<std::string> EncoderNames() {
  std::vector<std::string> names;
  for (const Encoder& each : kEncoders) {
    names.emplace_back(each.name);
  }
  return names;
}

const Encoder& EncoderOf(const std::string& name) {
  return *std::find_if(std::begin(kEncoders), std::end(kEncoders), [&](const Encoder& each) {
    return name == each.name;
  });
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

void AddImageOptions(CLI::App& command, ImageOptions& options) {
  command.add_option("--images", options.images, "Images of each request (default: none)")
      ->check(CLI::Range(1, 10000));
  command
      .add_option(
          "--image-tokens", options.tokens,
          "Tokens of the prompt that an image becomes, beside --input; 1296 are 1008 x 1008 "
          "pixels of Qwen2.5-VL")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command.add_option("--encoder", options.encoder, "Encoder of images")
      ->check(CLI::IsMember(EncoderNames()))
      ->capture_default_str();
  command
      .add_option("--encoders", options.encoders,
                  "Accelerators that only encode images, in front of the replicas; embeddings come "
                  "over a NIC (default: each replica encodes its own)")
      ->check(CLI::Range(1, 4096));
}

EncodeSpec EncodeOf(const ImageOptions& options, const Deployment& deployment) {
  EncodeSpec encode;
  if (options.images == 0) {
    return encode;
  }
  const Encoder& encoder = EncoderOf(options.encoder);
  encode.images = options.images;
  encode.tokens = options.tokens;
  encode.encoders = options.encoders;
  encode.time = TimeOfImage(encoder, 1.0 * options.tokens * encoder.patches_per_token, deployment);
  // An embedding of 16 bits for each token.
  encode.transfer =
      Seconds(2.0 * options.tokens * deployment.model.hidden / deployment.part.nic_bandwidth);
  return encode;
}

std::string ImageText(const EncodeSpec& encode, const std::vector<Seconds>& spans, Seconds busy,
                      Seconds duration) {
  if (encode.images == 0) {
    return "";
  }
  std::string text =
      fmt::format("  images       {} of {} tokens in each request, {} to encode one (estimate)\n",
                  encode.images, encode.tokens, FormatSeconds(encode.time));
  if (encode.encoders > 0) {
    text += fmt::format(
        "               {} encoders are busy {:.1f} % of the time; embeddings are there after {} "
        "(median), {} (p99)\n",
        encode.encoders, 100 * busy / std::max(Seconds(1e-12), duration) / encode.encoders,
        FormatSeconds(QuantileOf(spans, 0.5)), FormatSeconds(QuantileOf(spans, 0.99)));
  }
  return text;
}

void AddImageMembers(const EncodeSpec& encode, const std::vector<Seconds>& spans, Seconds busy,
                     Seconds duration, JsonWriter& json) {
  json.Member("images_per_request", encode.images);
  json.Member("encode_s_per_image", encode.time.si());
  json.Member("encoders", encode.encoders);
  json.Member("encoders_busy", encode.encoders > 0
                                   ? busy / std::max(Seconds(1e-12), duration) / encode.encoders
                                   : 0);
  json.Member("encoded_after_median_s", QuantileOf(spans, 0.5).si());
  json.Member("encoded_after_p99_s", QuantileOf(spans, 0.99).si());
}

}  // namespace gridlock
