#include "sim/interop/hf_spelling.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/check.h"
#include "sim/base/numbers.h"
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
    // bigscience/bloom, config.json
    {"bloom", "n_embed", "hidden_size"},
    // stepfun-ai/step3, configuration_step3.py
    {"step3_text", "num_attention_groups", "num_key_value_heads"},
    // LiquidAI/LFM2-1.2B, config.json
    {"lfm2", "block_ff_dim", "intermediate_size"},
    // tiiuae/falcon-40b of 2023, configuration_RW.py: queries of a group share keys and values
    {"RefinedWeb", "n_head_kv", "num_kv_heads"},
};

// Sizes that stand in an object of their own.
struct InnerName {
  const char* type;
  const char* object;
  const char* name;
  const char* usual;
};

constexpr InnerName kInnerNames[] = {
    {"dbrx", "attn_config", "kv_n_heads", "num_key_value_heads"},
    {"dbrx", "ffn_config", "ffn_hidden_size", "intermediate_size"},
    {"dbrx", "ffn_config", "moe_num_experts", "num_experts"},
    {"dbrx", "ffn_config", "moe_top_k", "num_experts_per_tok"},
    {"mpt", "attn_config", "kv_n_heads", "num_key_value_heads"},
};

// Sizes, with the other names that classes have for them.
const std::vector<std::vector<std::string>> kSizes = {
    {"num_hidden_layers", "n_layer", "n_layers", "num_layers"},
    {"hidden_size", "n_embd", "n_embed", "d_model", "dim"},
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

void Set(JsonValue& config, const std::string& name, const JsonValue& value) {
  const auto at = std::find(config.names.begin(), config.names.end(), name);
  if (at != config.names.end()) {
    config.items[static_cast<std::size_t>(at - config.names.begin())] = value;
    return;
  }
  config.names.push_back(name);
  config.items.push_back(value);
}

void Remove(JsonValue& config, const std::string& name) {
  const auto at = std::find(config.names.begin(), config.names.end(), name);
  if (at != config.names.end()) {
    config.items.erase(config.items.begin() + (at - config.names.begin()));
    config.names.erase(at);
  }
}

void LiftInner(JsonValue& config, const std::string& type) {
  for (const InnerName& each : kInnerNames) {
    const JsonValue* const object = type == each.type ? config.Find(each.object) : nullptr;
    const JsonValue* const value = object == nullptr ? nullptr : object->Find(each.name);
    if (value != nullptr && config.Find(each.usual) == nullptr) {
      const JsonValue copy = *value;
      Set(config, each.usual, copy);
    }
  }
  for (const InnerName& each : kInnerNames) {
    if (type == each.type) {
      Remove(config, each.object);
    }
  }
}

double NumberIn(const JsonValue& object, const char* name, double otherwise) {
  const JsonValue* const value = object.Find(name);
  const bool number = value != nullptr && value->kind == JsonValue::Kind::kNumber;
  return number ? ParseNumber(value->text).value_or(otherwise) : otherwise;
}

bool SaysTrue(const JsonValue& object, const char* name) {
  const JsonValue* const value = object.Find(name);
  return value != nullptr && value->text == "true";
}

// What a list of blocks comes to.
struct Blocks {
  std::string letters;  ///< as `hybrid_override_pattern` has them: * attention, - feed-forward
  double widths = 0;    ///< of all feed-forward blocks
  double feeds = 0, kv_heads = 0, attentions = 0;
};

// Layers made one by one (nvidia/Llama-3_3-Nemotron-Super-49B-v1, modeling_decilm.py). A linear
// layer in a block's place has as many parameters as a gated block a third as wide as the stream.
Blocks BlocksOf(const JsonValue& list, double hidden, double heads) {
  constexpr double kMultiple = 256;
  Blocks out;
  for (const JsonValue& layer : list.items) {
    for (const char* const name : {"attention", "ffn"}) {
      const JsonValue* const block = layer.Find(name);
      if (block == nullptr || SaysTrue(*block, "no_op")) {
        continue;
      }
      const bool attention = std::string(name) == "attention";
      if (SaysTrue(*block, "replace_with_linear")) {
        out.letters += '-';
        out.widths += hidden / 3;
        ++out.feeds;
      } else if (attention) {
        out.letters += '*';
        out.kv_heads += heads / std::max(1.0, NumberIn(*block, "n_heads_in_group", 1));
        ++out.attentions;
      } else {
        const double width = std::floor(2 * NumberIn(*block, "ffn_mult", 0) * hidden / 3);
        out.letters += '-';
        out.widths += std::ceil(width / kMultiple) * kMultiple;
        ++out.feeds;
      }
    }
  }
  return out;
}

void SpellBlocks(JsonValue& config) {
  const JsonValue* const list = config.Find("block_configs");
  if (list == nullptr || list->kind != JsonValue::Kind::kList || list->items.empty()) {
    return;
  }
  const Blocks blocks = BlocksOf(*list, NumberIn(config, "hidden_size", 0),
                                 NumberIn(config, "num_attention_heads", 0));
  const auto written = [where = list->where](JsonValue::Kind kind, std::string text) {
    JsonValue value;
    value.kind = kind;
    value.text = std::move(text);
    value.where = where;
    return value;
  };
  const auto mean = [&](double sum, double count) {
    return written(JsonValue::Kind::kNumber,
                   std::to_string(std::lround(sum / std::max(1.0, count))));
  };
  const std::size_t whole = 2 * list->items.size();
  Set(config, "intermediate_size", mean(blocks.widths, blocks.feeds));
  Set(config, "num_key_value_heads", mean(blocks.kv_heads, blocks.attentions));
  if (blocks.letters.size() < whole) {
    Set(config, "hybrid_override_pattern", written(JsonValue::Kind::kText, blocks.letters));
  }
  Remove(config, "block_configs");
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
  LiftInner(config, written);
  if (written == "nemotron-nas") {
    SpellBlocks(config);
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
