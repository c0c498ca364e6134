#pragma once

// Kinds of layers, and how many of each kind a part of a model has.
//
// A layer is a set of blocks. One block mixes tokens (attention, attention to a window, a
// recurrence; some models have two of them side by side), another one works on each token (a dense
// feed-forward block, or experts). A layer of Llama is {attention, dense}, one of Mamba
// {recurrent}. What layers cost is counted block by block, so stages of any mix follow.

#include <array>
#include <bit>
#include <compare>
#include <span>

namespace gridlock {

/// What a layer can have, as bits.
enum class Block : unsigned {
  kAttention = 1,
  kWindow = 2,     ///< attention to the tokens of a window
  kRecurrent = 4,  ///< a state that goes from token to token: Mamba, linear attention
  kDense = 8,
  kMixture = 16,  ///< a feed-forward block of experts
  kCross = 32,    ///< attention to what an encoder made, behind the layer's own
  kEncoder = 64,  ///< no block: the layer is the encoder's, and has its tokens
};

/// A kind of layer: its blocks.
struct LayerKind {
  unsigned blocks = 0;

  constexpr LayerKind() = default;

  constexpr LayerKind(Block block)  // NOLINT: a block is a kind of its own
      : blocks(static_cast<unsigned>(block)) {}

  constexpr explicit LayerKind(unsigned bits) : blocks(bits) {}

  /// Whether it has one of the blocks of `other`.
  [[nodiscard]] constexpr bool has(LayerKind other) const { return (blocks & other.blocks) != 0; }

  auto operator<=>(const LayerKind&) const = default;
};

constexpr LayerKind operator|(LayerKind a, LayerKind b) {
  return LayerKind(a.blocks | b.blocks);
}

constexpr LayerKind operator|(Block a, Block b) {
  return LayerKind(a) | LayerKind(b);
}

inline constexpr LayerKind kDenseLayer = Block::kAttention | Block::kDense;
inline constexpr LayerKind kMixtureLayer = Block::kAttention | Block::kMixture;

/// Blocks that mix tokens, side by side in a layer that has two of them.
inline constexpr LayerKind kMixers = Block::kAttention | Block::kWindow | Block::kRecurrent;
inline constexpr LayerKind kAnyAttention = Block::kAttention | Block::kWindow;
inline constexpr LayerKind kFeeds = Block::kDense | Block::kMixture;

/// Numbers of layers by kind. They may be fractions when slices of a chunk are averaged.
class Layers {
 public:
  struct Entry {
    LayerKind kind = {};
    double count = 0;

    auto operator<=>(const Entry&) const = default;
  };

  Layers() = default;

  Layers(LayerKind kind, double count) { Add(kind, count); }

  void Add(LayerKind kind, double count);
  void Add(const Layers& others);

  /// All of them.
  [[nodiscard]] double total() const;

  /// Those that have one of these blocks.
  [[nodiscard]] double with(LayerKind blocks) const;

  /// Places for a norm and a residual sum: the mixers of a layer share one. Two in a usual layer.
  [[nodiscard]] double places() const;

  /// The kinds that there are, in a fixed order.
  [[nodiscard]] std::span<const Entry> kinds() const { return {entries_.data(), size_}; }

  /// Those of an encoder, or all others.
  [[nodiscard]] Layers OfEncoder(bool encoder) const;

  [[nodiscard]] Layers Times(double factor) const;
  [[nodiscard]] Layers Without(const Layers& some) const;

  auto operator<=>(const Layers&) const = default;

 private:
  // Four mixers with either feed-forward block, those without one, and an encoder's.
  std::array<Entry, 16> entries_{};  ///< by kind
  std::size_t size_ = 0;
};

/// Places for a norm and a residual sum in a layer of a kind.
constexpr double PlacesOf(LayerKind kind) {
  return (kind.has(kMixers) ? 1.0 : 0.0) + (kind.has(Block::kCross) ? 1.0 : 0.0) +
         (kind.has(kFeeds) ? 1.0 : 0.0);
}

}  // namespace gridlock
