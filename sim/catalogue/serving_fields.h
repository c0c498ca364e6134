#pragma once

// The fields of the tables of serving: names, places and units. For serving_catalogue.cpp alone.

#include <cstdint>

#include "workloads/inference.h"

namespace gridlock {

/// A number of an entry: its name in the table, its place, and what one of it is in SI units.
template <typename T>
struct NumberField {
  const char* name;
  double T::*member;
  double unit;
};

inline constexpr double kServingTera = 1e12, kServingGiga = 1e9, kServingMicro = 1e-6,
                        kServingGib = 1024.0 * 1024 * 1024;

inline const NumberField<InferencePart> kPartFields[] = {
    {"peak_bf16_tflops", &InferencePart::peak_bf16, kServingTera},
    {"peak_fp8_tflops", &InferencePart::peak_fp8, kServingTera},
    {"peak_fp4_tflops", &InferencePart::peak_fp4, kServingTera},
    {"hbm_gib", &InferencePart::hbm_capacity, kServingGib},
    {"hbm_gbs", &InferencePart::hbm_bandwidth, kServingGiga},
    {"domain", &InferencePart::domain, 1},
    {"link_gbs", &InferencePart::link_bandwidth, kServingGiga},
    {"link_direct_latency_us", &InferencePart::link_direct_latency, kServingMicro},
    {"nic_gbs", &InferencePart::nic_bandwidth, kServingGiga},
    {"gemm_efficiency", &InferencePart::gemm_efficiency, 1},
    {"fp8_efficiency", &InferencePart::fp8_efficiency, 1},
    {"fp4_efficiency", &InferencePart::fp4_efficiency, 1},
    {"fp8_tile_rows", &InferencePart::fp8_tile_rows, 1},
    {"fp8_few_rows", &InferencePart::fp8_few_rows, 1},
    {"widened_efficiency", &InferencePart::widened_efficiency, 1},
    {"fp4_hbm_efficiency", &InferencePart::fp4_hbm_efficiency, 1},
    {"expert_efficiency", &InferencePart::expert_efficiency, 1},
    {"attention_efficiency", &InferencePart::attention_efficiency, 1},
    {"hbm_efficiency", &InferencePart::hbm_efficiency, 1},
    {"latent_efficiency", &InferencePart::latent_efficiency, 1},
    {"cache_efficiency", &InferencePart::cache_efficiency, 1},
    {"kernel_us", &InferencePart::kernel_time, kServingMicro},
    {"host_factor", &InferencePart::host_factor, 1},
    {"idle_w", &InferencePart::idle_power, 1},
    {"limit_w", &InferencePart::power_limit, 1},
};

/// Of grouped products of experts, the format's name in front: "expert_fp8_us".
inline const NumberField<ExpertKernels> kExpertFields[] = {
    {"us", &ExpertKernels::time, kServingMicro},
    {"efficiency", &ExpertKernels::efficiency, 1},
    {"hbm", &ExpertKernels::hbm_efficiency, 1},
    {"traffic", &ExpertKernels::traffic, 1},
};

inline constexpr const char* kExpertPrefixes[kExpertFormats] = {
    "expert_bf16_", "expert_fp8_", "expert_fp8_blocks_", "expert_nvfp4_", "expert_mxfp4_"};

inline const NumberField<InferenceEngine> kEngineFields[] = {
    {"memory_share", &InferenceEngine::memory_share, 1},
    {"reserve_gb", &InferenceEngine::reserve, kServingGiga},
    {"link_reserve_gb", &InferenceEngine::link_reserve, kServingGiga},
    {"sampler_bytes", &InferenceEngine::sampler_bytes, 1},
    {"host_us", &InferenceEngine::host_time, kServingMicro},
    {"host_sequence_us", &InferenceEngine::host_sequence, kServingMicro},
    {"layer_launch_us", &InferenceEngine::layer_launch, kServingMicro},
    {"kernels", &InferenceEngine::kernels, 1},
    {"expert_kernels", &InferenceEngine::expert_kernels, 1},
    {"expert_traffic", &InferenceEngine::expert_traffic, 1},
    {"expert_align_us", &InferenceEngine::expert_align, kServingMicro},
    {"block_factor", &InferenceEngine::block_factor, 1},
    {"block_product_us", &InferenceEngine::block_product, kServingMicro},
    {"gemm_factor", &InferenceEngine::gemm_factor, 1},
    {"hbm_factor", &InferenceEngine::hbm_factor, 1},
    {"cache_factor", &InferenceEngine::cache_factor, 1},
    {"narrow_cache_factor", &InferenceEngine::narrow_cache_factor, 1},
    {"traffic", &InferenceEngine::traffic, 1},
    {"attention_factor", &InferenceEngine::attention_factor, 1},
    {"vector_attention", &InferenceEngine::vector_attention, 1},
    {"latent_factor", &InferenceEngine::latent_factor, 1},
    {"top_p_bytes", &InferenceEngine::top_p_bytes, 1},
    {"int8_factor", &InferenceEngine::int8_factor, 1},
    {"int4_factor", &InferenceEngine::int4_factor, 1},
    {"mxfp4_other_bytes", &InferenceEngine::mxfp4_other_bytes, 1},
    {"stream_us", &InferenceEngine::stream_time, kServingMicro},
    {"link_factor", &InferenceEngine::link_factor, 1},
    {"imbalance", &InferenceEngine::imbalance, 1},
    {"request_overhead_us", &InferenceEngine::request_overhead, kServingMicro},
};

struct CountField {
  const char* name;
  std::int64_t InferenceEngine::*member;
  std::int64_t least;
};

inline constexpr CountField kCounts[] = {
    {"token_budget", &InferenceEngine::token_budget, 1},
    {"batch_max", &InferenceEngine::batch_max, 1},
    {"stage_rows", &InferenceEngine::stage_rows, 0},
    {"slot_tokens", &InferenceEngine::slot_tokens, 0},
    {"page", &InferenceEngine::page, 1},
    {"adapter_slots", &InferenceEngine::adapter_slots, 1},
    {"small_token_budget", &InferenceEngine::small_token_budget, 0},
    {"small_batch_max", &InferenceEngine::small_batch_max, 0},
};

struct FlagField {
  const char* name;
  bool InferenceEngine::*member;
};

inline constexpr FlagField kFlags[] = {
    {"share_of_free", &InferenceEngine::share_of_free},
    {"packs_weights", &InferenceEngine::packs_weights},
    {"profile_context", &InferenceEngine::profile_context},
    {"reserve_whole", &InferenceEngine::reserve_whole},
    {"narrow_cache", &InferenceEngine::narrow_cache},
    {"whole_windows", &InferenceEngine::whole_windows},
    {"computes_on_host", &InferenceEngine::computes_on_host},
    {"read_by_head", &InferenceEngine::read_by_head},
    {"direct_reduce", &InferenceEngine::direct_reduce},
    {"slices_experts", &InferenceEngine::slices_experts},
    {"shared_budget", &InferenceEngine::shared_budget},
    {"overlap", &InferenceEngine::overlap},
    {"hides_host", &InferenceEngine::hides_host},
    {"outside_share", &InferenceEngine::outside_share},
    {"whole_logits", &InferenceEngine::whole_logits},
};

struct ModelField {
  const char* name;
  int InferenceModel::*member;
};

inline constexpr ModelField kModelFields[] = {
    {"layers", &InferenceModel::layers},
    {"hidden", &InferenceModel::hidden},
    {"heads", &InferenceModel::heads},
    {"kv_heads", &InferenceModel::kv_heads},
    {"head_dim", &InferenceModel::head_dim},
    {"vocabulary", &InferenceModel::vocabulary},
    {"experts", &InferenceModel::experts},
    {"experts_per_token", &InferenceModel::experts_per_token},
    {"shared_experts", &InferenceModel::shared_experts},
    {"expert_ffn", &InferenceModel::expert_ffn},
    {"dense_layers", &InferenceModel::dense_layers},
    {"kv_rank", &InferenceModel::kv_rank},
    {"q_rank", &InferenceModel::q_rank},
    {"rotary_dim", &InferenceModel::rotary_dim},
    {"value_dim", &InferenceModel::value_dim},
    {"window", &InferenceModel::window},
    {"picked", &InferenceModel::picked},
    {"indexer_heads", &InferenceModel::indexer_heads},
    {"indexer_dim", &InferenceModel::indexer_dim},
    {"context", &InferenceModel::context},
};

}  // namespace gridlock
