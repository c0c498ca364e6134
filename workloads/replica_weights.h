#pragma once

// How many weights a model has on the ranks of a replica, and how large they are.

#include "workloads/inference_specs.h"

namespace gridlock {

class ReplicaWeights {
 public:
  ReplicaWeights(const InferenceModel& model, const InferenceLayout& layout)
      : model_(model), layout_(layout) {}

  /// Parameters of queries, keys, values and output, of one rank and layer.
  [[nodiscard]] double attention() const;

  /// Those of queries and output of attention to an encoder's tokens; 0 without an encoder.
  [[nodiscard]] double cross() const;

  /// The same of keys and values, which only the encoder's tokens go through.
  [[nodiscard]] double cross_keys() const;

  [[nodiscard]] double expert_layers() const;

  /// Bytes of all experts of all layers.
  [[nodiscard]] double expert_bytes() const;

  /// Bytes of a weight outside of experts, of one of attention, and of one of the LM head.
  [[nodiscard]] double dense_element() const;
  [[nodiscard]] double attention_element() const;
  [[nodiscard]] double table_element() const;

  /// Bytes of what may lie in the host's memory, of one accelerator: experts, or all layers of a
  /// model without any.
  [[nodiscard]] double movable() const;

  /// Bytes of all weights on one accelerator, of those with attention; without what the host holds.
  [[nodiscard]] double on_rank() const;

  [[nodiscard]] const InferenceModel& model() const { return model_; }

  [[nodiscard]] const InferenceLayout& layout() const { return layout_; }

 private:
  [[nodiscard]] double layers() const;

  InferenceModel model_;
  InferenceLayout layout_;
};

}  // namespace gridlock
