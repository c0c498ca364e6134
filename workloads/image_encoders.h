#pragma once

// Encoders of images in front of a decoder: how long one takes for an image.

#include <string>
#include <vector>

#include "sim/base/units.h"
#include "workloads/inference.h"
#include "workloads/job.h"

namespace gridlock {

/// Tokens of the prompt that an image of 1008 x 1008 pixels becomes with Qwen2.5-VL.
inline constexpr int kImageTokens = 1296;

/// The first stands where nobody says another.
std::vector<std::string> ImageEncoderNames();

/// One image, which becomes so many tokens of the prompt, by itself on one accelerator.
/// @param name one of ImageEncoderNames
Seconds TimeOfImage(const std::string& name, int tokens, const InferencePart& part,
                    const InferenceEngine& engine);

/// By group of requests: all images of one request, one after another.
std::vector<Seconds> TimesOfImages(const std::vector<RequestGroupSpec>& groups,
                                   const InferencePart& part, const InferenceEngine& engine);

}  // namespace gridlock
