#pragma once

// Low-rank adapters in the HBM of a replica: so many slots, of which the one that was used longest
// ago and that nobody uses now gives way to another adapter.
//
// Invariants, which tests name:
//   INV-10  no more adapters are in use than there are slots

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace gridlock {

class AdapterSlots {
 public:
  /// @param slots at least 1, where adapters are taken
  explicit AdapterSlots(std::int64_t slots) : slots_(slots) {}

  /// Whether a sequence with this adapter could be admitted; -1, no adapter, always can.
  [[nodiscard]] bool HasRoom(std::int32_t adapter) const;

  [[nodiscard]] std::int64_t slots() const { return slots_; }

  /// Adapters that lie there.
  [[nodiscard]] std::int64_t held() const { return static_cast<std::int64_t>(held_.size()); }

  /// Whether it lies there.
  [[nodiscard]] bool Holds(std::int32_t adapter) const { return held_.contains(adapter); }

  /// A sequence with it is admitted. True when it has to be copied from the host first.
  bool Take(std::int32_t adapter);

  /// The sequence begins to decode, and ends that.
  void BeginDecode(std::int32_t adapter);
  void EndDecode(std::int32_t adapter);

  /// The sequence leaves; the adapter stays until its slot is needed.
  void Release(std::int32_t adapter);

  /// Sequences that decode with an adapter.
  [[nodiscard]] std::int64_t decoding() const { return decoding_; }

  /// Different adapters among `adapters` and, with `beside`, among sequences that decode.
  [[nodiscard]] std::int64_t Different(const std::vector<std::int32_t>& adapters,
                                       bool beside) const;

  /// The same of those that decode alone.
  [[nodiscard]] std::int64_t different() const { return different_; }

 private:
  struct Held {
    std::int64_t users = 0, decoders = 0;
    std::int64_t used = 0;  ///< when it was last taken or released, in calls
  };

  std::int64_t slots_, calls_ = 0, decoding_ = 0, different_ = 0;
  std::map<std::int32_t, Held> held_;
  std::set<std::pair<std::int64_t, std::int32_t>> idle_;  ///< used, adapter
};

}  // namespace gridlock
