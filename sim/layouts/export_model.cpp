#include "sim/layouts/export_model.h"

#include <algorithm>

#include <fmt/format.h>

namespace gridlock {

namespace {

class ModelArguments {
 public:
  ModelArguments(const ModelSpec& model, std::vector<MegatronArgument>& out)
      : model_(model), out_(out) {}

  void Add() {
    if (blocks()) {
      Say("hybrid-override-pattern", Letters());
      AddRecurrence();
    }
    Say("num-layers", model_.layers);
    Say("hidden-size", model_.hidden);
    Say("ffn-hidden-size", model_.ffn);
    Say("num-attention-heads", model_.heads);
    if (model_.kv_heads != model_.heads) {
      Say("group-query-attention");
      Say("num-query-groups", model_.kv_heads);
    }
    if (model_.latent.key_value_rank > 0) {
      AddLatents();
    } else {
      Say("kv-channels", model_.head_dim);
    }
    if (model_.gated) {
      Say("swiglu");
    }
    if (model_.query_key_norms) {
      Say("qk-layernorm");
    }
    if (!model_.tied_embeddings) {
      Say("untie-embeddings-and-output-weights");
    }
    Say("position-embedding-type", model_.max_positions > 0 ? "learned_absolute" : "rope");
    if (model_.max_positions > 0) {
      Say("max-position-embeddings", model_.max_positions);
    }
    Say("vocab-size", model_.vocabulary);
    Say("padded-vocab-size", model_.vocabulary);
    AddWindow();
    AddExperts();
    if (model_.prediction_modules > 0) {
      Say("mtp-num-layers", model_.prediction_modules);
    }
  }

  // Layers that are single blocks.
  [[nodiscard]] bool blocks() const {
    return model_.pattern.find_first_of("RFE") != std::string::npos;
  }

 private:
  void Say(const char* name, std::string value = "") { out_.emplace_back(name, std::move(value)); }

  void Say(const char* name, int value) { Say(name, std::to_string(value)); }

  // "MEM*": one letter for each layer.
  [[nodiscard]] std::string Letters() const {
    std::string letters;
    for (int layer = 0; layer < model_.layers; ++layer) {
      const char block = model_.pattern[static_cast<std::size_t>(layer) % model_.pattern.size()];
      letters += block == 'R' ? 'M' : block == 'F' ? '-' : block == 'E' ? 'E' : '*';
    }
    return letters;
  }

  void AddRecurrence() {
    const RecurrentSpec& r = model_.recurrent;
    if (r.kind == Recurrence::kMamba2) {
      Say("is-hybrid-model");
      Say("mamba-num-heads", r.heads);
      Say("mamba-head-dim", r.head_dim);
      Say("mamba-num-groups", r.key_heads);
      Say("mamba-state-dim", r.state);
    }
  }

  void AddLatents() {
    const LatentAttentionSpec& latent = model_.latent;
    Say("multi-latent-attention");
    if (latent.query_rank > 0) {
      Say("q-lora-rank", latent.query_rank);
    }
    Say("kv-lora-rank", latent.key_value_rank);
    Say("qk-head-dim", latent.plain_head_dim);
    Say("qk-pos-emb-head-dim", latent.rotary_head_dim);
    Say("v-head-dim", latent.value_head_dim);
  }

  void AddWindow() {
    if (model_.window == 0 || model_.pattern.find('L') == std::string::npos) {
      return;
    }
    Say("window-size", fmt::format("{},0", model_.window - 1));
    std::string list;
    for (const char layer : model_.pattern) {
      list += layer == 'L' ? ",1" : ",0";
    }
    if (model_.pattern != "L") {
      Say("window-attn-skip-freq", "[" + list.substr(1) + "]");
    }
  }

  void AddExperts() {
    const MixtureSpec& mixture = model_.mixture;
    if (!model_.has_experts()) {
      return;
    }
    Say("num-experts", mixture.experts);
    Say("moe-router-topk", mixture.experts_per_token);
    Say("moe-ffn-hidden-size", mixture.expert_ffn);
    if (mixture.shared_experts > 0) {
      Say("moe-shared-expert-intermediate-size", mixture.shared_experts * mixture.expert_ffn);
    }
    if (blocks()) {
      return;  // the pattern says which
    }
    const int dense = mixture.dense_layers;
    if (mixture.every == 2 && model_.layers % 2 == 0) {
      Say("moe-layer-freq", fmt::format("[0,1]*{}", model_.layers / 2));
    } else if (dense > 0) {
      Say("moe-layer-freq", fmt::format("[0]*{}+[1]*{}", dense, model_.layers - dense));
    }
  }

  const ModelSpec& model_;
  std::vector<MegatronArgument>& out_;
};

}  // namespace

void AddMegatronModel(const ModelSpec& model, std::vector<MegatronArgument>& out) {
  ModelArguments(model, out).Add();
}

std::vector<std::string> MegatronModelGaps(const ModelSpec& model) {
  std::vector<std::string> gaps;
  const auto add = [&gaps](bool holds, const char* what) {
    if (holds) {
      gaps.emplace_back(what);
    }
  };
  add(model.encoder.layers > 0, "the encoder: pretrain_t5.py has --encoder-num-layers");
  add(model.attention == Attention::kFull, "that every token sees every other: pretrain_bert.py");
  const bool recurrent = model.recurrent.kind != Recurrence::kNone;
  add(recurrent && model.recurrent.kind != Recurrence::kMamba2,
      "layers with a recurrence other than Mamba-2");
  add(model.chunked_window, "windows in chunks");
  add(model.indexer.heads > 0, "the indexer that picks tokens");
  add(!model.convolutions.empty(), "convolutions in front");
  add(model.distinct_layers > 0, "layers that share their parameters");
  add(model.embedding_width > 0, "a narrow embedding");
  add(model.modulations > 0, "modulated layers");
  add(model.relu, "ReLU");
  add(model.mixture.every > 2, "which layers have the experts");
  return gaps;
}

}  // namespace gridlock
