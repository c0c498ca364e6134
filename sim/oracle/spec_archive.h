#pragma once

// Specs as bytes and back: to send a situation to another process, and to tell whether two
// situations are the same. Every struct names all of its members in one structured binding, so
// that a member that is added does not compile until it stands here too.

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "sim/base/check.h"
#include "topologies/machine.h"
#include "topologies/placement.h"
#include "workloads/training.h"

namespace gridlock {

template <typename T>
concept Scalar = std::is_arithmetic_v<T> || std::is_enum_v<T>;

template <typename T, typename Spec>
concept Is = std::is_same_v<std::remove_const_t<T>, Spec>;

// Fields: archive.All for what bears on a simulated step, archive.Aside for what does not.

void Fields(auto& archive, Is<EfficiencyPoint> auto& spec) {
  auto& [flop, efficiency] = spec;
  archive.All(flop, efficiency);
}

void Fields(auto& archive, Is<MatrixRate> auto& spec) {
  auto& [peak, gemm, attention, attention_backward] = spec;
  archive.All(peak, gemm, attention, attention_backward);
}

void Fields(auto& archive, Is<PowerSpec> auto& spec) {
  auto& [idle, limit, per_flop, per_hbm_byte, per_link_byte, estimate] = spec;
  archive.All(idle, limit, per_flop, per_hbm_byte, per_link_byte, estimate);
}

void Fields(auto& archive, Is<AcceleratorSpec> auto& spec) {
  auto& [path, name, rates, hbm_capacity, hbm_bandwidth, hbm_efficiency, sustained_clock,
         scale_up_bandwidth, power] = spec;
  archive.Aside(path, name);
  for (auto& rate : rates) {
    archive.All(rate);
  }
  archive.All(hbm_capacity, hbm_bandwidth, hbm_efficiency, sustained_clock, scale_up_bandwidth,
              power);
}

void Fields(auto& archive, Is<CollectiveFit> auto& spec) {
  auto& [all_reduce, all_gather, reduce_scatter, send, step_latency, base_latency,
         low_latency_efficiency, bulk_latency, local_copy, all_to_all, in_switch] = spec;
  archive.All(all_reduce, all_gather, reduce_scatter, send, step_latency, base_latency,
              low_latency_efficiency, bulk_latency, local_copy, all_to_all, in_switch);
}

void Fields(auto& archive, Is<ServerSpec> auto& spec) {
  auto& [path, name, accelerator, accelerators, scale_up, nics, nic_bandwidth, fabric_nic_bandwidth,
         scale_out, overhead_power, direct] = spec;
  archive.Aside(path, name);
  archive.All(accelerator, accelerators, scale_up, nics, nic_bandwidth, fabric_nic_bandwidth,
              scale_out, overhead_power, direct);
}

void Fields(auto& archive, Is<SwitchSpec> auto& spec) {
  auto& [name, ports, port_bandwidth, latency, power] = spec;
  archive.Aside(name, power);
  archive.All(ports, port_bandwidth, latency);
}

void Fields(auto& archive, Is<ClosSpec> auto& spec) {
  auto& [path, rail_optimized, servers_per_leaf, leaves_per_pod, leaf_oversubscription,
         spine_oversubscription, tiers, leaf, spine, core, routing] = spec;
  archive.Aside(path);
  archive.All(rail_optimized, servers_per_leaf, leaves_per_pod, leaf_oversubscription,
              spine_oversubscription, tiers, leaf, spine, core, routing);
}

void Fields(auto& archive, Is<TorusSpec> auto& spec) {
  auto& [path, size, block, hop_latency, optical_switches, optical_switch] = spec;
  archive.Aside(path, optical_switches, optical_switch);
  archive.All(size, block, hop_latency);
}

void Fields(auto& archive, Is<SiteSpec> auto& spec) {
  auto& [path, name, server, servers, fabric, pue, power_cap, power_policy, storage_bandwidth,
         electricity, carbon] = spec;
  archive.Aside(path, name, pue, power_cap, power_policy, storage_bandwidth, electricity, carbon);
  archive.All(server, servers, fabric);
}

void Fields(auto& archive, Is<WanSpec> auto& spec) {
  auto& [path, from, to, bandwidth, latency] = spec;
  archive.Aside(path);
  archive.All(from, to, bandwidth, latency);
}

void Fields(auto& archive, Is<MixtureSpec> auto& spec) {
  auto& [experts, experts_per_token, expert_ffn, shared_experts, dense_layers, dense_every_second,
         domains_per_token] = spec;
  archive.All(experts, experts_per_token, expert_ffn, shared_experts, dense_layers,
              dense_every_second, domains_per_token);
}

void Fields(auto& archive, Is<LatentAttentionSpec> auto& spec) {
  auto& [query_rank, key_value_rank, plain_head_dim, rotary_head_dim, value_head_dim] = spec;
  archive.All(query_rank, key_value_rank, plain_head_dim, rotary_head_dim, value_head_dim);
}

void Fields(auto& archive, Is<ModelSpec> auto& spec) {
  auto& [path, name, layers, hidden, heads, kv_heads, head_dim, ffn, gated, vocabulary,
         max_positions, tied_embeddings, attention, mixture, latent] = spec;
  archive.Aside(path, name);
  archive.All(layers, hidden, heads, kv_heads, head_dim, ffn, gated, vocabulary, max_positions,
              tied_embeddings, attention, mixture, latent);
}

void Fields(auto& archive, Is<Layout> auto& spec) {
  auto& [path, tensor, context, pipeline, virtual_pipeline, data, shard_group, expert,
         expert_tensor, sequence_parallel, embedding_as_layer, uneven_layers, rank_order, schedule,
         domain_ranks] = spec;
  archive.Aside(path);
  archive.All(tensor, context, pipeline, virtual_pipeline, data, shard_group, expert, expert_tensor,
              sequence_parallel, embedding_as_layer, uneven_layers, rank_order, schedule,
              domain_ranks);
}

void Fields(auto& archive, Is<StackSpec> auto& spec) {
  auto& [name, launch_floor_forward, launch_floor_backward, step_overhead, hbm_traffic_factor,
         tensor_overlap, gradient_bucket, overlap_gradients, overlap_parameters,
         main_gradient_bytes, fused_attention, saves_elementwise_outputs, narrow_parameters,
         attention_speed, expert_wait_forward, expert_wait_backward, expert_overlap,
         expert_compute_share, kept_activation_bytes, dispatch_bytes, dispatch_once_per_domain] =
      spec;
  archive.Aside(name);
  archive.All(launch_floor_forward, launch_floor_backward, step_overhead, hbm_traffic_factor,
              tensor_overlap, gradient_bucket, overlap_gradients, overlap_parameters,
              main_gradient_bytes, fused_attention, saves_elementwise_outputs, narrow_parameters,
              attention_speed, expert_wait_forward, expert_wait_backward, expert_overlap,
              expert_compute_share, kept_activation_bytes, dispatch_bytes,
              dispatch_once_per_domain);
}

void Fields(auto& archive, Is<TrainingSpec> auto& spec) {
  auto& [path, model, layout, stack, global_batch, micro_batch, sequence_length, precision, zero,
         recompute] = spec;
  archive.Aside(path);
  archive.All(model, layout, stack, global_batch, micro_batch, sequence_length, precision, zero,
              recompute);
}

void Fields(auto& archive, Is<ServerRun> auto& spec) {
  auto& [site, first, count] = spec;
  archive.All(site, first, count);
}

/// Writes specs.
class SpecWriter {
 public:
  enum class What {
    kEverything,
    kBearing,  ///< only what bears on a simulated step: equal bytes, equal steps
  };

  explicit SpecWriter(What what) : what_(what) {}

  template <typename... T>
  void All(const T&... values) {
    (One(values), ...);
  }

  template <typename... T>
  void Aside(const T&... values) {
    if (what_ == What::kEverything) {
      (One(values), ...);
    }
  }

  std::string bytes;

 private:
  template <Scalar T>
  void One(const T& value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);  // NOLINT: the format
  }

  template <int D, int T, int W, int E>
  void One(const Quantity<D, T, W, E>& value) {
    One(value.si());
  }

  void One(const std::string& text) {
    One(text.size());
    bytes += text;
  }

  template <typename T>
  void One(const std::vector<T>& items) {
    One(items.size());
    for (const T& item : items) {
      One(item);
    }
  }

  // Which alternative, then the alternative.
  template <typename... T>
  void One(const std::variant<T...>& spec) {
    One(spec.index());
    std::visit(
        [this](const auto& alternative) {
          One(alternative);
        },
        spec);
  }

  template <typename T>
  requires std::is_aggregate_v<T>

  void One(const T& spec) { Fields(*this, spec); }

  What what_;
};

/// Reads what a SpecWriter of kEverything has written, in the same order.
class SpecReader {
 public:
  explicit SpecReader(std::string bytes) : bytes_(std::move(bytes)) {}

  template <typename... T>
  void All(T&... values) {
    (One(values), ...);
  }

  template <typename... T>
  void Aside(T&... values) {
    (One(values), ...);
  }

 private:
  template <Scalar T>
  void One(T& value) {
    CHECK(at_ + sizeof value <= bytes_.size());
    std::memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
  }

  template <int D, int T, int W, int E>
  void One(Quantity<D, T, W, E>& value) {
    double si = 0;
    One(si);
    value = Quantity<D, T, W, E>(si);
  }

  std::size_t Count() {
    std::size_t count = 0;
    One(count);
    CHECK(count <= bytes_.size() - at_);
    return count;
  }

  void One(std::string& text) {
    const std::size_t count = Count();
    text = bytes_.substr(at_, count);
    at_ += count;
  }

  template <typename T>
  void One(std::vector<T>& items) {
    items.resize(Count());
    for (T& item : items) {
      One(item);
    }
  }

  template <typename... T>
  void One(std::variant<T...>& spec) {
    const std::size_t alternative = Count();
    std::size_t next = 0;
    ((next++ == alternative ? One(spec.template emplace<T>()) : void()), ...);
    CHECK(alternative < sizeof...(T));
  }

  template <typename T>
  requires std::is_aggregate_v<T>

  void One(T& spec) { Fields(*this, spec); }

  std::string bytes_;
  std::size_t at_ = 0;
};

}  // namespace gridlock
