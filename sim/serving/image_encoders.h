#pragma once

// Encoders of images: how long one takes for an image, and what comes of it.

#include <string>
#include <vector>

#include "sim/serving/deployment.h"

namespace gridlock {

std::vector<std::string> ImageEncoderNames();

/// Images of a load, each of so many tokens of the prompt, before replicas of a deployment.
/// @param name one of ImageEncoderNames
/// @param encoders accelerators in a pool of their own; 0: each replica encodes its own
EncodeSpec EncodedBy(const std::string& name, int images, int tokens, int encoders,
                     const Deployment& deployment);

}  // namespace gridlock
