#pragma once

// What a replica makes of the model, engine and layout that it is asked for. For inference.cpp.

#include "workloads/inference_specs.h"

namespace gridlock {

/// The encoder of a model as one by itself: its tokens come out, and no words.
InferenceModel EncoderOf(const InferenceModel& model);

/// Without drafts and adapters, which an encoder has none of.
InferenceLayout LayoutOfEncoder(InferenceLayout layout);

/// With the formats that the engine gives weights outside of experts where their user says nothing.
InferenceLayout LayoutOn(const InferenceEngine& engine, InferenceLayout layout);

/// Of one data-parallel rank.
InferenceEngine EngineOfRank(InferenceEngine engine, const InferenceLayout& layout);

}  // namespace gridlock
