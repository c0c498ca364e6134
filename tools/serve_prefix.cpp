#include "tools/serve_prefix.h"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/numbers.h"

namespace gridlock {

namespace {

// Tokens that a cache in HBM holds at most; -1: what running sequences leave.
std::int64_t TokensOf(const std::string& text) {
  if (text == "room") {
    return -1;
  }
  const std::int64_t tokens = ParseWhole(text).value_or(0);
  if (tokens < kTraceBlock) {
    throw UserError("", fmt::format("--prefix-cache: {}; expected none, room, infinite or a number "
                                    "of tokens from {}",
                                    Quoted(text), kTraceBlock));
  }
  return tokens;
}

}  // namespace

void AddPrefixOptions(CLI::App& command, PrefixOptions& options) {
  command
      .add_option(
          "--prefix-cache", options.cache,
          "Of a replay with hashes, of --turns and --answers: blocks that an earlier prompt had "
          "are not prefilled "
          "while they are still there. room: in the HBM that running sequences leave; "
          "TOKENS: in no more than so many of it; infinite: nothing is ever given up, and "
          "all replicas share it. The least recently used leave first")
      ->type_name("none, room, TOKENS or infinite")
      ->capture_default_str();
  command
      .add_option("--host-cache-gb", options.host_gb,
                  "GB of host memory of a replica that keep what leaves HBM")
      ->check(CLI::Range(0.0, 1e6));
  command
      .add_option("--host-gbs", options.host_gbs,
                  "GB/s from the host to one accelerator, at which its blocks come back (default: "
                  "its link to the host)")
      ->check(CLI::Range(1e-3, 1e4));
  command
      .add_option(
          "--store-gb", options.store_gb,
          "GB of a store beyond the network that all replicas share: it keeps the blocks of "
          "every prompt")
      ->check(CLI::Range(0.0, 1e9));
  command
      .add_option("--store-gbs", options.store_gbs,
                  "GB/s from the store to one accelerator (default: its NIC)")
      ->check(CLI::Range(1e-3, 1e5));
}

PrefixSpec PrefixesOf(const PrefixOptions& options, const Deployment& deployment,
                      std::int64_t block) {
  return options.Simulated()
             ? PrefixesOn(deployment,
                          {block, TokensOf(options.cache), Bytes(options.host_gb * 1e9),
                           Bytes(options.store_gb * 1e9), BytesPerSecond(options.host_gbs * 1e9),
                           BytesPerSecond(options.store_gbs * 1e9)})
             : PrefixSpec();
}

ServeLoad LoadOfTrace(const PrefixOptions& options, const std::vector<TraceRequest>& trace,
                      int replicas, ServeRun& run) {
  ServeLoad load;
  load.kind = LoadKind::kListed;
  if (options.cache == "infinite") {
    run.hits = HitsOf(trace, 0);
  }
  const std::int64_t block = trace.empty() ? kTraceBlock : trace.front().block;
  load.prefixes = PrefixesOf(options, run.deployment, block);
  for (std::size_t i = 0; i < trace.size(); i += static_cast<std::size_t>(replicas)) {
    ServeRequest& request = load.listed.emplace_back();
    request.arrival = trace[i].arrival;
    request.prompt_tokens = trace[i].prompt_tokens;
    request.output_tokens = trace[i].output_tokens;
    if (options.cache == "infinite") {
      request.cached_tokens = run.hits.hits_of[i] * block;
    } else if (load.prefixes.use) {
      request.blocks = trace[i].blocks;
    }
  }
  return load;
}

std::string PrefixText(const PrefixCounts& counts, Seconds duration) {
  if (counts.blocks == 0) {
    return "";
  }
  const auto share = [&counts](std::int64_t blocks) {
    return 100.0 * static_cast<double>(blocks) / static_cast<double>(counts.blocks);
  };
  std::string text = fmt::format(
      "  prefixes     of {} blocks of prompts, {} ({:.1f} %) lie in HBM, in room that sequences "
      "leave\n",
      counts.blocks, counts.hbm, share(counts.hbm));
  const auto tier = [&](std::int64_t blocks, const char* where) {
    text += blocks > 0 ? fmt::format("               {} ({:.1f} %) come from {}\n", blocks,
                                     share(blocks), where)
                       : "";
  };
  tier(counts.host, "the host");
  tier(counts.store, "the store");
  if (counts.loading > Seconds(0)) {
    text += fmt::format("               {} come so; loads are under way {:.1f} % of the time\n",
                        FormatBytes(counts.loaded),
                        100 * counts.loading.si() / std::max(1e-12, duration.si()));
  }
  return text;
}

void AddPrefixMembers(const PrefixCounts& counts, JsonWriter& json) {
  json.Member("prefix_blocks_asked", counts.blocks);
  json.Member("prefix_hits_hbm", counts.hbm);
  json.Member("prefix_hits_host", counts.host);
  json.Member("prefix_hits_store", counts.store);
  json.Member("prefix_bytes_loaded", counts.loaded.si());
  json.Member("prefix_loading_s", counts.loading.si());
}

}  // namespace gridlock
