#pragma once

// The terms of an iteration: products, what activations move, collectives.

#include "topologies/machine.h"
#include "workloads/inference_specs.h"

namespace gridlock {

class KernelCosts {
 public:
  KernelCosts(const InferenceModel& model, const InferencePart& part, const InferenceEngine& engine,
              const InferenceLayout& layout);

  /// FLOP/s that large products of weights of so many bytes each reach.
  [[nodiscard]] double Peak(double bytes) const;

  /// Bytes/s at which such weights come from HBM.
  [[nodiscard]] double StreamRate(double bytes) const;

  /// Of the layer's experts: rates are in FLOP/s and bytes/s, traffic in s a byte.
  [[nodiscard]] ExpertKernels OfExperts() const;

  /// Adds a product of `rows` with `weights` parameters of `bytes` each, which stream at `stream`.
  void AddProduct(double rows, double weights, double bytes, double peak, double stream,
                  LimitTimes& times) const;

  /// The same outside of experts, where kernels for many rows work on tiles (fp8_tile_rows).
  void AddMatrix(double rows, double weights, double bytes, LimitTimes& times) const;

  /// Adds what `count` products of 8-bit weights with a scale a block take more, if these are such.
  void AddBlockProducts(double count, double element, LimitTimes& times) const;

  /// Bytes/s at which kernels hand activations to each other through HBM.
  [[nodiscard]] double TrafficRate() const;

  /// Adds so many elements of 16 bits that they do.
  void AddTraffic(double elements, LimitTimes& times) const;

  /// Adds an all-reduce of hidden states of so many ranks; nothing for one.
  void AddReduce(double rows, int ranks, LimitTimes& times) const;

  /// Adds the way of tokens to their experts and back. They move while another part of the batch
  /// works, `beside` and what `times` holds already; alone with a negative `beside`.
  void AddExchange(double rows, double beside, LimitTimes& times) const;

  /// The part's domain, as collectives see it.
  [[nodiscard]] const ServerSpec& links() const { return links_; }

 private:
  [[nodiscard]] double TiledRows(double rows, double bytes) const;
  [[nodiscard]] double ReduceTime(double rows, int ranks) const;

  InferenceModel model_;
  InferencePart part_;
  ServerSpec links_;
  InferenceEngine engine_;
  InferenceLayout layout_;
};

}  // namespace gridlock
