// Classes of Hugging Face models that are not known by name, but are like one that is.

#include <algorithm>
#include <string_view>
#include <vector>

#include "sim/interop/hf_fields.h"

namespace gridlock {

namespace {

// "Jamba" of "JambaForCausalLM" and of "JambaConfig".
std::string_view StemOf(std::string_view name) {
  return name.substr(0, std::min(name.find("For"), name.find("Config")));
}

struct Sign {
  std::vector<const char*> fields;  ///< that no other class has together
  const char* type;
};

}  // namespace

const HfClass* FindHfClassAlike(const JsonValue& config) {
  const JsonValue* const names = config.Find("architectures");
  if (names != nullptr && !names->items.empty() && !names->items.front().text.empty()) {
    const std::string_view stem = StemOf(names->items.front().text);
    for (const std::string& type : HfTypes()) {
      const HfClass* const each = FindHfClass(type);
      if (StemOf(each->name) == stem) {
        return each;
      }
    }
  }
  const Sign signs[] = {{{"hybrid_override_pattern", "mamba_num_heads"}, "nemotron_h"},
                        {{"layers_block_type", "mamba_num_heads"}, "nemotron_h"},
                        {{"attn_layer_period", "mamba_d_state"}, "jamba"},
                        {{"attn_layer_indices", "mamba_n_heads"}, "bamba"},
                        {{"mamba_d_ssm", "mamba_n_heads"}, "falcon_h1"},
                        {{"layer_types", "mamba_n_heads"}, "granitemoehybrid"},
                        {{"linear_num_value_heads", "linear_key_head_dim"}, "qwen3_next"}};
  for (const Sign& sign : signs) {
    const bool all = std::all_of(sign.fields.begin(), sign.fields.end(), [&](const char* field) {
      return config.Find(field) != nullptr;
    });
    if (all) {
      return FindHfClass(sign.type);
    }
  }
  return nullptr;
}

}  // namespace gridlock
