#pragma once

// Images of a load: how long encoders take for one, and what comes of it.

#include <string>

#include "sim/serving/deployment.h"

namespace gridlock {

/// Images of a load, each of so many tokens of the prompt, before replicas of a deployment.
/// @param name one of ImageEncoderNames (workloads/image_encoders.h)
/// @param encoders accelerators in a pool of their own; 0: each replica encodes its own
EncodeSpec EncodedBy(const std::string& name, int images, int tokens, int encoders,
                     const Deployment& deployment);

}  // namespace gridlock
