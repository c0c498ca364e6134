#pragma once

// What serving knows of models, parts, engines and layouts, and the times that an iteration of an
// engine is made of (inference.h). A replica is
// `pipeline` stages of tensor x data accelerators. An iteration carries rows (tokens that go
// through the layers: one per sequence that decodes, and chunks of prompts) and reads caches.
//
// Each product of matrices takes the longer of its FLOP and its bytes, rounded at the corner
// (kCorner); kernels take a fixed time each; all-reduces and all-to-alls their bytes and a latency;
// the host its time per iteration and per sequence. Engines that launch kernel by kernel take no
// less than the launches of all layers.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/units.h"
#include "workloads/cache_room.h"
#include "workloads/inference_specs.h"
#include "workloads/kernel_costs.h"
#include "workloads/replica_weights.h"

namespace gridlock {

/// Costs of iterations of one replica. Affine in cached reads and pairs for given rows, sequences
/// and outputs.
class IterationCosts {
 public:
  /// Throws UserError, path `path`, when weights do not fit.
  IterationCosts(const InferenceModel& model, const InferencePart& part,
                 const InferenceEngine& engine, const InferenceLayout& layout,
                 const std::string& path);

  /// Of `rows` tokens through the layers, `outputs` rows of the LM head, and `sequences` in the
  /// batch, caches empty. @param rows at least 1
  [[nodiscard]] Seconds Base(std::int64_t rows, std::int64_t outputs, std::int64_t sequences) const;

  /// What Base is made of; sums to it. The host's share is what it adds to the accelerators'.
  [[nodiscard]] LimitTimes BaseLimits(std::int64_t rows, std::int64_t outputs,
                                      std::int64_t sequences) const;

  /// The same with what cached tokens add, which `decoding` of the sequences read.
  [[nodiscard]] CostLines LinesOf(std::int64_t rows, std::int64_t outputs, std::int64_t sequences,
                                  std::int64_t decoding) const;

  /// What prompts add to BaseLimits where ranks of data-parallel attention wait for the busiest
  /// one: a prompt is one rank's, whatever the others do. @param rows of the iteration, `tokens` of
  /// them of prompts, with `pairs` @param rank_tokens of the busiest rank, which has `rank_pairs`
  [[nodiscard]] LimitTimes UnevenLimits(std::int64_t rows, std::int64_t tokens, double pairs,
                                        std::int64_t rank_tokens, double rank_pairs) const;

  /// Of one cached token that decoding reads, with `sequences` in the batch.
  [[nodiscard]] Seconds PerRead(std::int64_t sequences) const;

  /// Of one pair (query, key) of a prompt.
  [[nodiscard]] Seconds PerPair() const { return Seconds(per_pair_); }

  /// Tokens that all caches of a replica hold, a page's waste per sequence not counted.
  [[nodiscard]] std::int64_t cache_tokens() const { return room_.tokens; }

  /// What windows and states of a sequence take of these tokens, once it has `length` of its own; 0
  /// where all layers keep all tokens, or the user says how many tokens the cache holds.
  [[nodiscard]] std::int64_t WindowTokens(std::int64_t length) const;

  /// Of weights, on one accelerator.
  [[nodiscard]] Bytes weight_bytes() const { return Bytes(weights_.on_rank()); }

  /// Of the cache of so many tokens, each head once however many ranks hold a copy.
  [[nodiscard]] Bytes CacheBytesOf(std::int64_t tokens) const;

  [[nodiscard]] Bytes token_bytes() const { return Bytes(room_.token_bytes); }

  /// Sequences that a replica decodes together at most: those of each data-parallel rank.
  [[nodiscard]] std::int64_t batch_most() const { return engine_.batch_max * layout_.data; }

  /// Sequences that HBM holds where layers keep states and windows alone, whatever their length;
  /// 0: caches grow, and cache_tokens() bounds them.
  [[nodiscard]] std::int64_t sequences_most() const { return room_.sequences_most; }

  [[nodiscard]] const AdapterCosts& adapters() const { return adapters_; }

  /// Whether an encoder is in front of the decoder. A prompt is its input, read once and whole; the
  /// caches hold keys and values of its tokens for each layer of the decoder, which add no rows.
  [[nodiscard]] bool encodes() const { return !encoder_.empty(); }

  /// Tokens that a decoder behind an encoder begins with.
  [[nodiscard]] std::int64_t start_tokens() const { return encodes() ? 1 : 0; }

  /// Of the encoder's pass over inputs of so many `rows` together, with so many pairs (query, key),
  /// and of the keys and values that each layer of the decoder makes of what comes out.
  [[nodiscard]] LimitTimes EncodeLimits(std::int64_t rows, double pairs) const;
  [[nodiscard]] double EncodeFlop(double rows, double pairs) const;
  [[nodiscard]] double EncodeBytes(double rows) const;

  /// Arithmetic and HBM traffic of all accelerators of a replica.
  [[nodiscard]] double FlopOf(double rows, double outputs, double reads, double pairs) const;
  [[nodiscard]] double BytesOf(double rows, double reads) const;

  [[nodiscard]] const InferenceLayout& layout() const { return layout_; }

  [[nodiscard]] const InferenceEngine& engine() const { return engine_; }

 private:
  using Point = LayerTimes;

  [[nodiscard]] Point LayersAt(double rows) const;
  [[nodiscard]] Point PassAt(double rows, int parts) const;
  void AddApart(double rows, Point& point) const;
  [[nodiscard]] double StagesAtWork(double rows) const;
  void AddAttention(double rows, LimitTimes& times, double& bytes) const;
  void AddDense(double rows, double width, LimitTimes& times, double& bytes) const;
  void AddExperts(double rows, double beside, LimitTimes& times, double& bytes) const;
  void AddExpertWork(double total, double ranks, bool whole, LimitTimes& times,
                     double& bytes) const;
  void AddCross(double rows, LimitTimes& times, double& bytes) const;
  void AddCommon(double rows, LimitTimes& times, double& bytes) const;
  [[nodiscard]] Point PointAt(std::int64_t rows) const;
  [[nodiscard]] LimitTimes WorkLimits(std::int64_t rows, std::int64_t outputs,
                                      std::int64_t sequences) const;
  [[nodiscard]] CostLines LinesTogether(std::int64_t rows, std::int64_t outputs,
                                        std::int64_t sequences, Seconds read) const;
  [[nodiscard]] LimitTimes HeadAt(double outputs) const;

  InferenceModel model_;
  InferencePart part_;
  InferenceEngine engine_;
  InferenceLayout layout_;
  AdapterCosts adapters_;
  ReplicaWeights weights_;
  KernelCosts kernels_;
  CacheRoom room_;
  double per_read_ = 0, per_pair_ = 0;
  double slot_read_ = 0;  ///< s of a sequence and iteration, where caches have fixed lengths
  std::vector<IterationCosts> encoder_;  ///< by itself; empty: there is none
  std::vector<Point> exact_;             ///< [rows], up to kExact
  std::vector<Point> sparse_;            ///< beyond, by rising rows
};

}  // namespace gridlock
