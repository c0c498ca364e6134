#pragma once

// `gridlock serve --images`: images that encoders turn into tokens of the prompt.

#include <string>
#include <vector>

#include "sim/report/json.h"
#include "sim/serving/deployment.h"

namespace CLI {
class App;
}  // namespace CLI

namespace gridlock {

struct ImageOptions {
  int images = 0;  ///< of each request
  int tokens = 1296;
  std::string encoder = "qwen2.5_vl";
  int encoders = 0;  ///< accelerators that only encode; 0: replicas encode their own
};

/// --images, --image-tokens, --encoder and --encoders.
void AddImageOptions(CLI::App& command, ImageOptions& options);

/// Images of a load on a deployment.
EncodeSpec EncodeOf(const ImageOptions& options, const Deployment& deployment);

/// What encoders do, in words; "" without images. @param spans from arrival to embeddings, of a
/// pool of encoders, which was busy for so long; empty: replicas encode their own
std::string ImageText(const EncodeSpec& encode, const std::vector<Seconds>& spans, Seconds busy,
                      Seconds duration);

/// The same as members of an object.
void AddImageMembers(const EncodeSpec& encode, const std::vector<Seconds>& spans, Seconds busy,
                     Seconds duration, JsonWriter& json);

}  // namespace gridlock
