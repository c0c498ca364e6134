#pragma once

// What attention takes of an iteration for each token that it sees, and what the choice of words
// takes. For inference.cpp.

#include "workloads/inference_specs.h"

namespace gridlock {

/// FLOP of one score that an indexer gives, a query to a token before it in one layer.
double IndexerFlop(const InferenceModel& model);

/// Seconds for one cached token that one query reads in one layer: its bytes, or the FLOP of all
/// heads with it.
double TokenReadTime(const InferenceModel& model, const InferencePart& part,
                     const InferenceEngine& engine, const InferenceLayout& layout);

/// Seconds for one cached token of a sequence that decodes, in all layers that keep all tokens: of
/// an indexer's keys where it picks what attention reads.
double ReadSlope(const InferenceModel& model, const InferencePart& part,
                 const InferenceEngine& engine, const InferenceLayout& layout);

/// Seconds for one pair (query, key) of a prompt in all layers. @param stages of the pipeline at
/// work
double PairSlope(const InferenceModel& model, const InferencePart& part,
                 const InferenceEngine& engine, const InferenceLayout& layout, double stages);

/// Seconds to choose the next words from so many scores of all sequences together.
double SamplingTime(const InferencePart& part, const InferenceEngine& engine, Sampling sampling,
                    double scores);

}  // namespace gridlock
