#pragma once

// Requests as others recorded them: the Azure LLM inference traces (CSV: TIMESTAMP, ContextTokens,
// GeneratedTokens), BurstGPT (CSV: Timestamp in s, Request tokens, Response tokens), those of
// Mooncake and Dynamo (JSON lines: timestamp in ms, input_length, output_length, hash_ids of blocks
// of 512 tokens), Qwen's of Bailian (the same with chat_id, in s and blocks of 16), records of
// AIPerf (profile_export.jsonl), results of `vllm bench serve` and SGLang's bench_serving (JSON
// with input_lens and output_lens), and ShareGPT (JSON with conversations, whose tokens are a
// quarter of their characters: estimate).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/units.h"

namespace gridlock {

/// Tokens of a block that Mooncake hashes.
inline constexpr std::int64_t kTraceBlock = 512;

struct TraceRequest {
  Seconds arrival;  ///< from the first request
  std::int64_t prompt_tokens = 1, output_tokens = 1;
  std::vector<std::int64_t> blocks;  ///< hashes of the prompt's blocks; empty: not recorded
  std::int64_t block = kTraceBlock;  ///< tokens of one
};

/// Reads a file whose name ends in .csv (Azure, BurstGPT), .jsonl (Mooncake, Dynamo, Qwen Bailian,
/// AIPerf) or .json (results of benchmarks, ShareGPT). Throws UserError with every row that is
/// none, FILE:LINE first: a row with too few cells, a time that goes back, a count that is no whole
/// number from 1, a line that ends within its object. AIPerf's records stand in the order in which
/// they ended, and are put in that of their arrivals; failed ones are left out. A result without
/// start_times has its requests at equal distances of its request_rate, all at once where that is
/// "inf"; ShareGPT's come at once.
std::vector<TraceRequest> ReadRequestTrace(const std::string& file);

/// The same of a text. `file` stands for its name in messages.
std::vector<TraceRequest> ReadRequestTrace(const std::string& file, std::string_view text);

/// Blocks of prompts, and those that an earlier prompt of the trace begins with as well.
struct PrefixHits {
  std::int64_t blocks = 0, hits = 0;
  std::vector<std::int64_t> hits_of;  ///< blocks, by request
};

/// With a cache of so many blocks, the least recently used going first; 0: without end.
PrefixHits HitsOf(const std::vector<TraceRequest>& requests, std::int64_t capacity);

}  // namespace gridlock
