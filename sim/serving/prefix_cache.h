#pragma once

// Beginnings of prompts that a replica still holds, in blocks of tokens: in HBM, in what running
// sequences leave of the KV room, behind that in the host's memory, and in a store beyond the
// network that all replicas share.
//
//   a request is admitted   its leading blocks that are there are taken: HBM's at once, the host's
//                           after they have come over the host's link, and the store's over the
//                           network, one load after another
//   its prompt is there     its blocks can be taken by others, and are in the store
//   it ends                 its blocks stay, as the most recently used; heads of prompts outlive
//                           tails
//   room is needed          the least recently used leave HBM for the host, and the host for good
//
// Approximations: sequences that share a block each count it as their own while they run; writing
// to the store takes no time.
//
// Invariants, which tests name:
//   INV-7  blocks that nobody uses take no more than the KV room that running sequences leave
//   INV-8  more room, in HBM or in the host, never loses a hit of one request at a time

#include <cstdint>
#include <list>
#include <unordered_map>
#include <vector>

#include "sim/base/units.h"

namespace gridlock {

struct PrefixSpec {
  bool use = false;
  std::int64_t block = 512;      ///< tokens
  std::int64_t hbm_tokens = -1;  ///< at most; -1: all that running sequences leave
  std::int64_t host_tokens = 0;
  BytesPerSecond host_rate;  ///< of one replica, from the host; must be positive with host_tokens
  std::int64_t store_tokens = 0;  ///< of the store that replicas share; 0: there is none
  BytesPerSecond store_rate;      ///< of one replica, from the store
};

/// Blocks beyond the network, the least recently used going first.
class PrefixStore {
 public:
  explicit PrefixStore(std::int64_t blocks) : most_(blocks) {}

  /// Whether the block is there; it is then the most recently used.
  bool Touch(std::int64_t id);

  void Add(std::int64_t id);

  [[nodiscard]] std::int64_t blocks() const { return static_cast<std::int64_t>(places_.size()); }

 private:
  std::int64_t most_;
  std::list<std::int64_t> order_;
  std::unordered_map<std::int64_t, std::list<std::int64_t>::iterator> places_;
};

/// What became of blocks of prompts.
struct PrefixCounts {
  std::int64_t blocks = 0;  ///< asked for
  std::int64_t hbm = 0, host = 0, store = 0;
  Bytes loaded;     ///< from the host and the store
  Seconds loading;  ///< time in which such loads were under way
};

class PrefixCache {
 public:
  /// Leading blocks that are there.
  struct Found {
    std::int64_t hbm = 0, host = 0, store = 0;

    [[nodiscard]] std::int64_t all() const { return hbm + host + store; }
  };

  /// @param store shared with others, and outlives the cache; nullptr: there is none
  explicit PrefixCache(const PrefixSpec& spec, PrefixStore* store = nullptr)
      : spec_(spec), store_(store) {}

  [[nodiscard]] const PrefixSpec& spec() const { return spec_; }

  /// Takes the leading blocks of a prompt that are there, and no more than `most`: they are in use
  /// until Release.
  Found Take(const std::vector<std::int64_t>& blocks, std::int64_t most);

  /// Leading blocks of a prompt that are in HBM or the host, without taking them.
  [[nodiscard]] std::int64_t Leading(const std::vector<std::int64_t>& blocks) const;

  /// All of a prompt's blocks are in HBM now, in use.
  void Fill(const std::vector<std::int64_t>& blocks, std::int64_t taken);

  /// The first `used` of the blocks are no longer in use.
  void Release(const std::vector<std::int64_t>& blocks, std::int64_t used);

  /// Brings so much from the host and the store, one load after another: when it is there.
  Seconds Load(Seconds now, Bytes host, Bytes store);

  /// Gives up what does not fit into so many tokens of HBM.
  void Fit(std::int64_t tokens);

  /// Tokens in HBM that nobody uses.
  [[nodiscard]] std::int64_t idle_tokens() const {
    return static_cast<std::int64_t>(hbm_.size()) * spec_.block;
  }

  [[nodiscard]] std::int64_t host_tokens() const {
    return static_cast<std::int64_t>(host_.size()) * spec_.block;
  }

  PrefixCounts counts;

 private:
  enum class Tier { kUsed, kHbm, kHost };

  struct Block {
    Tier tier = Tier::kUsed;
    std::int64_t users = 0;
    std::list<std::int64_t>::iterator place;  ///< in the list of its tier, unless it is used
  };

  void Use(Block& block);
  void ToHost(std::int64_t id, Block& block);

  PrefixSpec spec_;
  PrefixStore* store_;
  std::unordered_map<std::int64_t, Block> blocks_;
  Seconds link_free_;                   ///< when the last load is there
  std::list<std::int64_t> hbm_, host_;  ///< the least recently used first
};

}  // namespace gridlock
