#pragma once

// What a training framework adds to the arithmetic, and the list of its constants. They are called
// as the fields of `Stack` in proto/catalog.proto are, and read from there by their names.

#include <string>
#include <tuple>

#include "sim/base/fields.h"
#include "sim/base/units.h"

namespace gridlock {

/// What one training framework adds to the arithmetic: fitted per stack, never per row.
struct StackSpec {
  std::string name;
  Seconds launch_floor_forward;    ///< per layer and micro-batch; a layer never takes less
  Seconds launch_floor_backward;   ///< the same, backward
  Seconds step_overhead;           ///< per step, outside of all operations
  double hbm_traffic_factor = 1;   ///< elementwise HBM bytes over those of perfectly fused kernels
  double loss_traffic_factor = 1;  ///< the same of the loss
  double tensor_overlap = 0;       ///< share of tensor-parallel communication hidden behind GEMMs
  Bytes gradient_bucket;           ///< size of one gradient bucket, per rank
  bool overlap_gradients = true;   ///< reduce gradients while the last micro-batch goes backward
  bool overlap_parameters = true;  ///< gather parameters while the first micro-batch goes forward
  double main_gradient_bytes = 4;  ///< bytes of one accumulated gradient in memory and on the wire
  bool fused_attention = true;     ///< scores stay on the chip; else they go through HBM
  bool saves_elementwise_outputs = true;  ///< norms and activations are kept, not computed again
  bool narrow_parameters = false;   ///< parameters are kept and gathered in a GEMM's narrow format
  double norm_traffic_factor = 0;   ///< of norms in kernels of one step; 0: fused
  double attention_speed = 1;       ///< of its attention kernels over the accelerator's entry
  bool portable_attention = false;  ///< these kernels were not written for the accelerator
  Seconds expert_wait_forward;   ///< per layer with experts: the host learns where tokens go first
  Seconds expert_wait_backward;  ///< the same, backward
  double expert_overlap = 0;     ///< share of expert all-to-alls that is hidden behind compute
  double expert_compute_share = 1;   ///< compute left to layers whose all-to-alls run beside them
  double kept_activation_bytes = 2;  ///< bytes of one element kept for the backward pass
  double dispatch_bytes = 2;         ///< bytes of one element on its way to an expert
  bool dispatch_once_per_domain =
      false;  ///< a token goes to each domain once, and from there over scale-up links
  bool gathers_matrices = false;        ///< sharded parameters come matrix by matrix, not by layers
  double logit_bytes = 6;               ///< of one logit at the fullest moment of the loss
  int loss_chunks = 1;                  ///< parts in which the LM head and the loss are made
  bool separate_gate = false;           ///< the gate's activation is kept beside its product
  double activation_kept_bytes = 0;     ///< of an activation function that is several kernels
  Seconds checkpoint_floor;             ///< per layer that is computed again: the host's part
  bool separate_rotary = false;         ///< queries and keys are kept before their rotation too
  double norm_extra_bytes = 0;          ///< per element that norms keep beyond inputs and outputs
  bool keeps_gathered_inputs = false;   ///< not a rank's part of what was gathered
  bool keeps_narrow_gradients = false;  ///< 16-bit gradients stay beside the accumulated ones
  bool gathers_keys_and_values = false;  ///< context-parallel ranks gather them all at once
  bool placeholder_gradients = false;    ///< one 16-bit gradient of each weight shape stays
  bool master_weights_only = false;      ///< of sharded parameters only the master weights stay
  bool frees_gradients = false;          ///< gradients are freed after the step
  double optimizer_bytes = 12;           ///< per parameter: master weight and moments
  Bytes context_memory{1.5e9};           ///< of contexts and libraries, outside of the allocator
  double allocator_slack = 0;            ///< reserved beyond what is given out, as a share of that
  bool selective_every_second_product = false;  ///< what SELECTIVE computes again
  bool selective_feed_forward = false;          ///< what SELECTIVE computes again
  bool recomputation_stops_early = false;       ///< behind the last tensor that is asked for
  bool offloads_activations = false;            ///< what layers keep goes to the host meanwhile
  Bytes gradient_bucket_per_replica;            ///< the least bucket for each data-parallel replica
  Seconds pipelined_launch;         ///< a tensor-parallel rank more: on top of a layer's two floors
  Seconds wide_launch;              ///< tensor-parallel ranks of both sockets: on top of these
  Seconds update_time;              ///< least time of the update, per parameter of a rank
  bool balances_stages = false;     ///< stages share parameters, not layers
  bool splits_messages = false;     ///< over the tensor-parallel ranks, in any case
  bool repeats_attention = false;   ///< what SELECTIVE computes again, fused kernels included
  double gather_compute_share = 1;  ///< compute left to layers beside gathers of sharded parameters
  double gather_bandwidth = 1;      ///< of its bandwidth that such a gather reaches beside layers
  double cast_traffic = 0;          ///< HBM bytes of casting an element of a narrow product's input
  int feed_forward_chunks = 1;      ///< parts in which a feed-forward block is computed
  bool wide_residuals = false;      ///< what passes from layer to layer is in 32 bits
  bool casts_weights = false;       ///< 16-bit copies of 32-bit weights stay for the backward pass
  bool offloads_states = false;     ///< weights, gradients and optimizer state are on the host
  bool unpadded_vocabulary = false;  ///< the LM head has as many rows as the model has entries
  bool without_pipeline = false;     ///< its users have no pipeline stages
  double routed_extra_bytes = 0;     ///< per element of experts' rows, kept beyond one 16-bit copy
  double expert_tile_rows = 0;       ///< of a grouped product; 0: tiles are not counted
  double expert_tile_width = 0;      ///< the same of its widths
  double permutation_traffic = 0;    ///< of tokens to experts; 0: as what stands around experts
  bool copies_split_sequences = false;  ///< around tensor-parallel collectives
  bool flattens_gradients = false;      ///< copies of a rank's gradients in the update
  bool keeps_sent_outputs = false;      ///< of pipeline stages, until the backward pass
  bool keeps_whole_stages = false;      ///< in a pipeline ZeRO 3 runs as ZeRO 1
  bool merges_apart = false;            ///< partial results of context ranks, by several kernels
  Seconds overhead_per_doubling;        ///< of the accelerators: on top of step_overhead
  double overhead_parameters = 0;       ///< smaller models take the overhead in proportion
  bool narrow_adapters = false;         ///< in 16 bits where the job does not say
  bool joined_adapters = false;         ///< beside products as they are joined
  Seconds expert_visit;                 ///< host time of an expert computed apart, forward
};

template <>
inline constexpr auto kFields<StackSpec> = std::tuple_cat(
    Aside<&StackSpec::name, &StackSpec::without_pipeline>(),
    Bearing<
        &StackSpec::launch_floor_forward, &StackSpec::launch_floor_backward,
        &StackSpec::step_overhead, &StackSpec::hbm_traffic_factor, &StackSpec::loss_traffic_factor,
        &StackSpec::tensor_overlap, &StackSpec::gradient_bucket, &StackSpec::overlap_gradients,
        &StackSpec::overlap_parameters, &StackSpec::main_gradient_bytes,
        &StackSpec::fused_attention, &StackSpec::saves_elementwise_outputs,
        &StackSpec::narrow_parameters, &StackSpec::norm_traffic_factor, &StackSpec::attention_speed,
        &StackSpec::portable_attention, &StackSpec::expert_wait_forward,
        &StackSpec::expert_wait_backward, &StackSpec::expert_overlap,
        &StackSpec::expert_compute_share, &StackSpec::kept_activation_bytes,
        &StackSpec::dispatch_bytes, &StackSpec::dispatch_once_per_domain,
        &StackSpec::gathers_matrices, &StackSpec::logit_bytes, &StackSpec::loss_chunks,
        &StackSpec::separate_gate, &StackSpec::activation_kept_bytes, &StackSpec::checkpoint_floor,
        &StackSpec::separate_rotary, &StackSpec::norm_extra_bytes,
        &StackSpec::keeps_gathered_inputs, &StackSpec::keeps_narrow_gradients,
        &StackSpec::gathers_keys_and_values, &StackSpec::placeholder_gradients,
        &StackSpec::master_weights_only, &StackSpec::frees_gradients, &StackSpec::optimizer_bytes,
        &StackSpec::context_memory, &StackSpec::allocator_slack,
        &StackSpec::selective_every_second_product, &StackSpec::selective_feed_forward,
        &StackSpec::recomputation_stops_early, &StackSpec::offloads_activations,
        &StackSpec::gradient_bucket_per_replica, &StackSpec::pipelined_launch,
        &StackSpec::wide_launch, &StackSpec::update_time, &StackSpec::balances_stages,
        &StackSpec::splits_messages, &StackSpec::repeats_attention,
        &StackSpec::gather_compute_share, &StackSpec::gather_bandwidth, &StackSpec::cast_traffic,
        &StackSpec::feed_forward_chunks, &StackSpec::wide_residuals, &StackSpec::casts_weights,
        &StackSpec::offloads_states, &StackSpec::unpadded_vocabulary,
        &StackSpec::routed_extra_bytes, &StackSpec::expert_tile_rows, &StackSpec::expert_tile_width,
        &StackSpec::permutation_traffic, &StackSpec::copies_split_sequences,
        &StackSpec::flattens_gradients, &StackSpec::keeps_sent_outputs,
        &StackSpec::keeps_whole_stages, &StackSpec::merges_apart, &StackSpec::overhead_per_doubling,
        &StackSpec::overhead_parameters, &StackSpec::narrow_adapters, &StackSpec::joined_adapters,
        &StackSpec::expert_visit>());

}  // namespace gridlock
