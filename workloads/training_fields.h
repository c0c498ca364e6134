#pragma once

// The fields of a training job: which of them bear on a simulated step. Their meanings stand in
// training.h.

#include "sim/base/fields.h"
#include "workloads/training.h"

namespace gridlock {

template <>
inline constexpr auto kFields<MixtureSpec> =
    Bearing<&MixtureSpec::experts, &MixtureSpec::experts_per_token, &MixtureSpec::expert_ffn,
            &MixtureSpec::shared_experts, &MixtureSpec::dense_layers, &MixtureSpec::every,
            &MixtureSpec::domains_per_token>();

template <>
inline constexpr auto kFields<LatentAttentionSpec> =
    Bearing<&LatentAttentionSpec::query_rank, &LatentAttentionSpec::key_value_rank,
            &LatentAttentionSpec::plain_head_dim, &LatentAttentionSpec::rotary_head_dim,
            &LatentAttentionSpec::value_head_dim>();

template <>
inline constexpr auto kFields<RecurrentSpec> =
    Bearing<&RecurrentSpec::kind, &RecurrentSpec::heads, &RecurrentSpec::head_dim,
            &RecurrentSpec::key_heads, &RecurrentSpec::state, &RecurrentSpec::convolution,
            &RecurrentSpec::chunk, &RecurrentSpec::rank>();

template <>
inline constexpr auto kFields<EncoderSpec> = Bearing<&EncoderSpec::layers, &EncoderSpec::tokens>();

template <>
inline constexpr auto kFields<IndexerSpec> =
    Bearing<&IndexerSpec::heads, &IndexerSpec::head_dim, &IndexerSpec::tokens>();

template <>
inline constexpr auto kFields<ConvolutionSpec> =
    Bearing<&ConvolutionSpec::width, &ConvolutionSpec::kernel, &ConvolutionSpec::stride,
            &ConvolutionSpec::groups>();

template <>
inline constexpr auto kFields<ModelSpec> = std::tuple_cat(
    Aside(&ModelSpec::path, &ModelSpec::name),
    Bearing(&ModelSpec::layers, &ModelSpec::hidden, &ModelSpec::heads, &ModelSpec::kv_heads,
            &ModelSpec::head_dim, &ModelSpec::ffn, &ModelSpec::gated, &ModelSpec::relu,
            &ModelSpec::vocabulary, &ModelSpec::max_positions, &ModelSpec::tied_embeddings,
            &ModelSpec::attention, &ModelSpec::mixture, &ModelSpec::latent,
            &ModelSpec::query_key_norms, &ModelSpec::pattern, &ModelSpec::window,
            &ModelSpec::chunked_window, &ModelSpec::recurrent, &ModelSpec::prediction_modules,
            &ModelSpec::encoder, &ModelSpec::modulations, &ModelSpec::indexer,
            &ModelSpec::embedding_width, &ModelSpec::distinct_layers, &ModelSpec::convolutions,
            &ModelSpec::channels));

template <>
inline constexpr auto kFields<Layout> = std::tuple_cat(
    Aside(&Layout::path),
    Bearing(&Layout::tensor, &Layout::context, &Layout::context_exchange, &Layout::pipeline,
            &Layout::virtual_pipeline, &Layout::data, &Layout::shard_group, &Layout::expert,
            &Layout::expert_tensor, &Layout::sequence_parallel, &Layout::embedding_as_layer,
            &Layout::uneven_layers, &Layout::rank_order, &Layout::schedule, &Layout::domain_ranks));

template <>
inline constexpr auto kFields<AdapterSpec> =
    Bearing<&AdapterSpec::rank, &AdapterSpec::targets, &AdapterSpec::bytes,
            &AdapterSpec::base_bytes, &AdapterSpec::dropout>();

template <>
inline constexpr auto kFields<FrozenSpec> = Bearing<&FrozenSpec::layers, &FrozenSpec::tables>();

template <>
inline constexpr auto kFields<FrozenCopySpec> =
    Bearing<&FrozenCopySpec::model, &FrozenCopySpec::bytes_per_parameter, &FrozenCopySpec::count,
            &FrozenCopySpec::keeps_logits>();

template <>
inline constexpr auto kFields<OptimizerSpec> =
    std::tuple_cat(Aside(&OptimizerSpec::name),
                   Bearing(&OptimizerSpec::moments, &OptimizerSpec::moment_bytes,
                           &OptimizerSpec::paged, &OptimizerSpec::orthogonal, &OptimizerSpec::place,
                           &OptimizerSpec::in_backward, &OptimizerSpec::table_moments));

template <>
inline constexpr auto kFields<ZeroBufferSpec> =
    Bearing<&ZeroBufferSpec::reduce, &ZeroBufferSpec::gather, &ZeroBufferSpec::prefetch,
            &ZeroBufferSpec::live, &ZeroBufferSpec::copies>();

template <>
inline constexpr auto kFields<ExpertLoadSpec> =
    Bearing<&ExpertLoadSpec::imbalance, &ExpertLoadSpec::capacity, &ExpertLoadSpec::padded>();

template <>
inline constexpr auto kFields<OuterSpec> =
    Bearing<&OuterSpec::steps, &OuterSpec::bytes_per_parameter, &OuterSpec::overlap>();

template <>
inline constexpr auto kFields<TrainingSpec> = std::tuple_cat(
    Aside(&TrainingSpec::path, &TrainingSpec::format),
    Bearing(&TrainingSpec::model, &TrainingSpec::layout, &TrainingSpec::stack,
            &TrainingSpec::global_batch, &TrainingSpec::micro_batch, &TrainingSpec::sequence_length,
            &TrainingSpec::document_length, &TrainingSpec::predicted_share,
            &TrainingSpec::precision, &TrainingSpec::scale_bytes, &TrainingSpec::zero,
            &TrainingSpec::recompute, &TrainingSpec::offload_activations,
            &TrainingSpec::offload_layers, &TrainingSpec::adapters, &TrainingSpec::frozen,
            &TrainingSpec::copies, &TrainingSpec::optimizer, &TrainingSpec::zero_buffers,
            &TrainingSpec::expert_load, &TrainingSpec::outer));

}  // namespace gridlock
