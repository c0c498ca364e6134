#include "tools/serve_images.h"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/serving/image_encoders.h"
#include "workloads/image_encoders.h"

namespace gridlock {

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
      ->check(CLI::IsMember(ImageEncoderNames()))
      ->capture_default_str();
  command
      .add_option("--encoders", options.encoders,
                  "Accelerators that only encode images, in front of the replicas; embeddings come "
                  "over a NIC (default: each replica encodes its own)")
      ->check(CLI::Range(1, 4096));
}

EncodeSpec EncodeOf(const ImageOptions& options, const Deployment& deployment) {
  return options.images == 0 ? EncodeSpec()
                             : EncodedBy(options.encoder, options.images, options.tokens,
                                         options.encoders, deployment);
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
