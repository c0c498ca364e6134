#include "sim/interop/hf_spelling.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/check.h"
#include "sim/interop/hf_config.h"

namespace gridlock {

namespace {

struct OtherName {
  const char* type;  ///< model_type as the file has it
  const char* name;
  const char* usual;
};

constexpr OtherName kOtherNames[] = {
    // THUDM/chatglm3-6b, configuration_chatglm.py
    {"chatglm", "padded_vocab_size", "vocab_size"},
    {"chatglm", "multi_query_group_num", "num_key_value_heads"},
    {"chatglm", "multi_query_attention", "use_qk_norm"},
    {"chatglm", "seq_length", "max_position_embeddings"},
    // tiiuae/falcon-40b of 2023, configuration_RW.py: queries of a group share keys and values
    {"RefinedWeb", "n_head_kv", "num_kv_heads"},
};

// Sizes, with the other names that classes have for them.
const std::vector<std::vector<std::string>> kSizes = {
    {"num_hidden_layers", "n_layer", "n_layers", "num_layers"},
    {"hidden_size", "n_embd", "d_model", "dim"},
    {"num_attention_heads", "n_head", "n_heads"},
    {"num_key_value_heads", "num_kv_heads", "n_head_kv"},
    {"intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size", "hidden_dim"},
    {"vocab_size"},
    {"head_dim"},
    {"num_local_experts", "num_experts", "n_routed_experts"},
    {"n_shared_experts", "num_shared_experts"},
    {"num_experts_per_tok", "experts_per_token", "num_experts_per_token", "moe_topk"},
    {"moe_intermediate_size"},
    {"kv_lora_rank"},
    {"q_lora_rank"},
};

void Rename(JsonValue& config, const std::string& from, const std::string& to) {
  if (config.Find(to) == nullptr) {
    std::replace(config.names.begin(), config.names.end(), from, to);
  }
}

void AddTruth(JsonValue& config, const std::string& name) {
  JsonValue truth;
  truth.kind = JsonValue::Kind::kTruth;
  truth.text = "true";
  truth.where = config.where;
  config.names.push_back(name);
  config.items.push_back(truth);
}

/// A size by one of its names.
bool IsSize(const std::string& name) {
  return std::any_of(kSizes.begin(), kSizes.end(), [&](const std::vector<std::string>& size) {
    return std::find(size.begin(), size.end(), name) != size.end();
  });
}

/// Letters that would have to change, at most three.
bool IsSlip(const std::string& name, const std::string& size) {
  const std::vector<std::string> one = {size};
  const std::size_t longer = std::max(name.size(), size.size());
  const std::size_t shorter = std::min(name.size(), size.size());
  constexpr std::size_t kShortest = 6;  // "dim" and "d_model" have too many neighbours
  return shorter >= kShortest && longer - shorter <= 2 && NearestName(name, one) == size &&
         name.substr(0, 3) == size.substr(0, 3);
}

}  // namespace

JsonValue InUsualNames(JsonValue config) {
  const JsonValue* const type = config.Find("model_type");
  if (config.kind != JsonValue::Kind::kObject || type == nullptr) {
    return config;
  }
  const std::string written = type->text;
  for (const OtherName& each : kOtherNames) {
    if (written == each.type) {
      Rename(config, each.name, each.usual);
    }
  }
  if (written == "RefinedWeb" || written == "RefinedWebModel") {
    if (config.Find("num_kv_heads") != nullptr) {
      AddTruth(config, "new_decoder_architecture");
    }
    const auto at = std::find(config.names.begin(), config.names.end(), "model_type");
    config.items[static_cast<std::size_t>(at - config.names.begin())].text = "falcon";
  }
  return config;
}

void RefuseSlips(const JsonValue& config, ProblemList& problems) {
  for (std::size_t i = 0; i < config.names.size(); ++i) {
    const std::string& name = config.names[i];
    for (const std::vector<std::string>& size : kSizes) {
      const bool given = std::any_of(size.begin(), size.end(), [&](const std::string& each) {
        return config.Find(each) != nullptr;
      });
      if (!given && !IsSize(name) && !IsHfFieldOfNoWeight(name) && IsSlip(name, size.front())) {
        problems.Add(config.items[i].where, "",
                     Refusal("no size is called " + Quoted(name), "", size.front()));
      }
    }
  }
}

}  // namespace gridlock
