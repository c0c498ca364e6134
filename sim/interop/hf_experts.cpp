// Experts of Hugging Face models. Each class of configuration has its own names for how many there
// are, how wide they are, and which layers have them.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <string_view>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/interop/hf_fields.h"

namespace gridlock {

namespace {

const HfFields::Names kExperts = {"num_local_experts", "num_experts", "n_routed_experts",
                                  "moe_num_experts", "num_routed_experts"};
const HfFields::Names kPerToken = {"num_experts_per_tok",
                                   "experts_per_token",
                                   "num_experts_per_token",
                                   "moe_topk",
                                   "moe_top_k",
                                   "moe_k"};
const HfFields::Names kWidths = {"moe_intermediate_size", "expert_ffn_hidden_size",
                                 "moe_ffn_hidden_size", "expert_ffn_dim"};
const HfFields::Names kShared = {"n_shared_experts", "num_shared_experts", "num_shared_expert",
                                 "moe_num_shared_experts"};
const HfFields::Names kSharedWidths = {"shared_expert_intermediate_size",
                                       "shared_intermediate_size",
                                       "moe_shared_expert_intermediate_size", "share_expert_dim"};
const HfFields::Names kDense = {"first_k_dense_replace", "moe_layer_start_index",
                                "num_dense_layers"};
const HfFields::Names kEvery = {"decoder_sparse_step", "interleave_moe_layer_step",
                                "moe_layer_freq",      "expert_layer_period",
                                "moe_layer_interval",  "moe_layer_frequency"};

class ExpertReader {
 public:
  ExpertReader(HfFields& fields, const std::string& type, ModelSpec& model)
      : fields_(fields), type_(type), model_(model), mixture_(model.mixture) {}

  void Read() {
    const HfClass none{};
    const HfClass& defaults = fields_.chosen() == nullptr ? none : *fields_.chosen();
    const std::optional<int> experts = fields_.Count(kExperts, 0);
    if (experts.value_or(defaults.experts) < 2) {
      return;
    }
    mixture_.experts = experts.value_or(defaults.experts);
    if (!experts) {
      fields_.NoteDefault("num_experts", fmt::format("{}", mixture_.experts));
    }
    mixture_.experts_per_token = fields_.Size(kPerToken, defaults.experts_per_token);
    ReadEmptyExperts();
    ReadWidth(defaults);
    ReadShared();
    ReadDenseLayers();
  }

 private:
  // Experts that hand a token back as it is (LongCat): a router that picks among all of them alike
  // picks so many with weights on average.
  void ReadEmptyExperts() {
    const int empty = fields_.CountOr({"zero_expert_num"}, 0, 0);
    if (empty == 0) {
      return;
    }
    const double share = 1.0 * mixture_.experts / (mixture_.experts + empty);
    const int picked = mixture_.experts_per_token;
    mixture_.experts_per_token = std::max(1, static_cast<int>(std::lround(picked * share)));
    fields_.Note(
        fmt::format("approximated: of {} experts that a token goes to, {} have weights on "
                    "average: {} of {} have none",
                    picked, mixture_.experts_per_token, empty, mixture_.experts + empty));
  }

  // Mixtral and those like it have no dense block: intermediate_size is that of an expert.
  void ReadWidth(const HfClass& defaults) {
    if (const std::optional<int> width = fields_.Count(kWidths)) {
      mixture_.expert_ffn = *width;
    } else if (defaults.expert_ffn > 0) {
      mixture_.expert_ffn = defaults.expert_ffn;
      fields_.NoteDefault("moe_intermediate_size", fmt::format("{}", mixture_.expert_ffn));
    } else {
      const int otherwise = type_ == "llama4_text" ? defaults.ffn : model_.ffn;
      mixture_.expert_ffn = fields_.Count({"intermediate_size"}).value_or(otherwise);
    }
  }

  void ReadShared() {
    mixture_.shared_experts = fields_.CountOr(kShared, type_ == "llama4_text" ? 1 : 0, 0);
    std::optional<int> width = fields_.Count(kSharedWidths, 0);
    if (!width && type_ == "qwen2_moe") {
      width = 5632;
      fields_.NoteDefault("shared_expert_intermediate_size", "5632");
    }
    if (width && *width > 0) {
      mixture_.shared_experts =
          std::max(1, (*width + mixture_.expert_ffn / 2) / mixture_.expert_ffn);
      if (mixture_.shared_experts * mixture_.expert_ffn != *width) {
        fields_.Note(
            fmt::format("approximated: the shared expert is {} wide, counted as {} experts of {}",
                        *width, mixture_.shared_experts, mixture_.expert_ffn));
      }
    }
  }

  void ReadDenseLayers() {
    const bool third = type_ == "deepseek_v3" || type_ == "deepseek_v32";
    const std::optional<int> dense = fields_.Count(kDense, 0);
    mixture_.dense_layers = dense.value_or(third ? 3 : type_ == "ernie4_5_moe" ? 1 : 0);
    if (!dense && mixture_.dense_layers > 0) {
      fields_.NoteDefault(third ? "first_k_dense_replace" : "moe_layer_start_index",
                          fmt::format("{}", mixture_.dense_layers));
    }
    const int every = fields_.CountOr(kEvery, type_ == "jamba" ? 2 : 1);
    mixture_.every = every > 1 ? every : 0;
    (void)fields_.Count({"expert_layer_offset"}, 0);
    ReadLastLayer();
    ReadListed();
    (void)fields_.Given({"moe_layers"});
  }

  // -1: the last one of all.
  void ReadLastLayer() {
    const JsonValue* const given = fields_.Given({"moe_layer_end_index"});
    const std::optional<int> last = given == nullptr || given->text == "-1"
                                        ? std::nullopt
                                        : fields_.Count({"moe_layer_end_index"}, 0);
    if (last && *last < model_.layers - 1) {
      AddDense(model_.layers - 1 - *last, "behind the last experts");
    }
  }

  // Lists of the layers without experts, or with them ("4,5,6").
  void ReadListed() {
    const JsonValue* const plain = fields_.Given({"mlp_only_layers"});
    const int leading = plain == nullptr ? 0 : static_cast<int>(plain->items.size());
    for (int i = 0; i < leading; ++i) {
      if (plain->items[static_cast<std::size_t>(i)].text != fmt::format("{}", i)) {
        fields_.Note("approximated: mlp_only_layers, dense layers between others, stand in front");
        break;
      }
    }
    mixture_.dense_layers = std::max(mixture_.dense_layers, leading);
    const JsonValue* const mixed = fields_.Given({"moe_layers_enum"});
    if (mixed == nullptr || mixed->kind != JsonValue::Kind::kText) {
      return;
    }
    int first = model_.layers;
    (void)std::from_chars(mixed->text.data(), mixed->text.data() + mixed->text.size(), first);
    const auto listed = std::count(mixed->text.begin(), mixed->text.end(), ',') + 1;
    mixture_.dense_layers = std::clamp(first, 0, model_.layers);
    if (const int more = model_.layers - first - static_cast<int>(listed); more > 0) {
      AddDense(more, "behind the first experts");
    }
  }

  void AddDense(int layers, const char* where) {
    mixture_.dense_layers += layers;
    fields_.Note(
        fmt::format("approximated: dense layers {}, {} of them, stand in front", where, layers));
  }

  HfFields& fields_;
  const std::string& type_;
  ModelSpec& model_;
  MixtureSpec& mixture_;
};

bool HasOneOf(std::string_view name, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [name](std::string_view word) {
    return name.find(word) != std::string_view::npos;
  });
}

}  // namespace

void ReadHfExperts(HfFields& fields, const std::string& type, ModelSpec& model) {
  ExpertReader(fields, type, model).Read();
}

std::optional<int> WidthOfHfExperts(HfFields& fields) {
  return fields.Count(kWidths);
}

void RefuseUnreadHfSizes(HfFields& fields, const ModelSpec& model) {
  if (fields.chosen() != nullptr) {
    return;
  }
  const bool unread = !model.has_experts() && fields.Given(kExperts) != nullptr;
  const JsonValue& config = fields.config();
  for (std::size_t i = 0; i < config.names.size(); ++i) {
    const std::string& name = config.names[i];
    const JsonValue& value = config.items[i];
    const bool experts = !unread && HasOneOf(name, {"expert", "moe_"});
    const bool size = HasOneOf(name, {"size", "dim", "ffn", "intermediate", "hidden"});
    const bool recurrent = model.recurrent.kind != Recurrence::kLightning &&
                           HasOneOf(name, {"mamba", "ssm_", "linear_num_", "lru_"});
    const bool number = value.kind == JsonValue::Kind::kNumber && value.text.size() < 9 &&
                        value.text.find_first_not_of("0123456789") == std::string::npos &&
                        std::atoi(value.text.c_str()) > 1;
    const bool known = fields.WasRead(name) || IsHfFieldOfNoWeight(name);
    if (!number || known) {
      continue;
    }
    if (experts && (size || !model.has_experts())) {
      fields.problems().Add(
          value.where, "",
          Refusal(fmt::format("{} is {}, and how a class that is not known calls its experts "
                              "cannot be told",
                              Quoted(name), value.text),
                  "num_experts, num_experts_per_tok and moe_intermediate_size"));
    } else if (recurrent) {
      fields.problems().Add(
          value.where, "",
          Refusal(fmt::format("{} is {}, and which layers of a class that is not known have a "
                              "recurrence cannot be told",
                              Quoted(name), value.text),
                  "the model_type of a class that is known, such as \"jamba\""));
    }
  }
}

}  // namespace gridlock
