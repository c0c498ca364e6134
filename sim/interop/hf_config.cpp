#include "sim/interop/hf_config.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/interop/hf_spelling.h"
#include "sim/interop/json_text.h"

namespace gridlock {

namespace {

using Names = std::vector<const char*>;

class HfReader {
 public:
  HfReader(const std::string& file, const JsonValue& config, ProblemList& problems)
      : file_(file), config_(config), problems_(problems) {}

  HfModel Read(const std::string& name) {
    made_.model.name = name;
    if (!ChooseClass()) {
      return std::move(made_);
    }
    ReadSizes();
    ReadExperts();
    ReadLatentAttention();
    NoteAttention();
    NoteUnknown();
    return std::move(made_);
  }

 private:
  // The first of the names that the file gives, and gives something.
  const JsonValue* Given(const Names& names) {
    const JsonValue* given = nullptr;
    for (const char* name : names) {
      const JsonValue* const value = config_.Find(name);
      read_.insert(name);
      if (given == nullptr && value != nullptr && value->kind != JsonValue::Kind::kNull) {
        given = value;
        given_ = name;
      }
    }
    return given;
  }

  std::optional<int> Count(const Names& names, int least = 1) {
    const JsonValue* const value = Given(names);
    if (value == nullptr) {
      return std::nullopt;
    }
    std::int64_t number = -1;
    const std::string& text = value->text;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    constexpr std::int64_t kMost = 100'000'000;
    const bool whole = value->kind == JsonValue::Kind::kNumber && read.ec == std::errc() &&
                       read.ptr == text.data() + text.size();
    if (!whole || number < least || number > kMost) {
      problems_.Add(value->where, "",
                    Refusal(fmt::format("{} is {}", Quoted(given_), Written(*value)),
                            fmt::format("a whole number from {} to {}", least, kMost)));
      return least;
    }
    return static_cast<int>(number);
  }

  static std::string Written(const JsonValue& value) {
    switch (value.kind) {
      case JsonValue::Kind::kText:
        return Quoted(value.text);
      case JsonValue::Kind::kList:
        return "a list";
      case JsonValue::Kind::kObject:
        return "an object";
      case JsonValue::Kind::kNull:
        return "null";
      default:
        return value.text;
    }
  }

  // The default of the class, and a note that says so. Without one the size is missing.
  int Size(const Names& names, int otherwise) {
    if (const std::optional<int> given = Count(names)) {
      return *given;
    }
    if (class_ == nullptr || otherwise == 0) {
      problems_.Add(
          {file_, 0, 0}, "",
          Refusal(fmt::format("{} is missing, and its class has no default", Quoted(names.front())),
                  "a whole number"));
      return 1;
    }
    NoteDefault(names.front(), fmt::format("{}", otherwise));
    return otherwise;
  }

  void NoteDefault(const char* name, const std::string& value) {
    made_.notes.push_back(fmt::format("{} is not given: {}, the default of {}", name, value,
                                      class_ == nullptr ? "LlamaConfig" : class_->name));
  }

  std::optional<bool> Truth(const Names& names) {
    const JsonValue* const value = Given(names);
    if (value == nullptr) {
      return std::nullopt;
    }
    if (value->kind != JsonValue::Kind::kTruth) {
      problems_.Add(
          value->where, "",
          Refusal(fmt::format("{} is {}", Quoted(given_), Written(*value)), "true or false"));
      return std::nullopt;
    }
    return value->text == "true";
  }

  bool ChooseClass() {
    const JsonValue* const type = Given({"model_type"});
    if (type == nullptr) {
      made_.notes.emplace_back("model_type is not given: read as a model like Llama");
      return true;
    }
    type_ = type->text;
    if (IsOtherHfKind(type_)) {
      problems_.Add(type->where, "",
                    Refusal("models of the type " + Quoted(type_) + " are not simulated",
                            "a decoder or an encoder with self-attention in every layer"));
      return false;
    }
    class_ = FindHfClass(type_);
    if (class_ == nullptr) {
      const std::string near = NearestName(type_, HfTypes());
      made_.notes.push_back(
          fmt::format("model_type {} is not known{}: read as a model like Llama, without defaults",
                      Quoted(type_), near.empty() ? "" : " (nearest: " + near + ")"));
    }
    return true;
  }

  void ReadSizes() {
    const HfClass none{};
    const HfClass& defaults = class_ == nullptr ? none : *class_;
    ModelSpec& model = made_.model;
    model.layers =
        Size({"num_hidden_layers", "n_layer", "n_layers", "num_layers"}, defaults.layers);
    model.hidden = Size({"hidden_size", "n_embd", "d_model", "dim"}, defaults.hidden);
    model.heads = Size({"num_attention_heads", "n_head", "n_heads"}, defaults.heads);
    model.vocabulary = Size({"vocab_size"}, defaults.vocabulary);
    ReadHeads(defaults);
    ReadFeedForward(defaults);
    model.gated = class_ == nullptr || class_->gated;
    model.query_key_norms = class_ != nullptr && NormsQueriesAndKeys(class_->type);
    const std::optional<bool> tied = Truth({"tie_word_embeddings"});
    model.tied_embeddings = tied.value_or(defaults.tied);
    if (!tied) {
      NoteDefault("tie_word_embeddings", model.tied_embeddings ? "true" : "false");
    }
    const std::optional<int> positions = Count({"n_positions", "max_position_embeddings"}, 0);
    if (defaults.learned_positions) {
      constexpr int kOfGpt2 = 1024, kOfOpt = 2048;
      const int decoder = type_ == "opt" ? kOfOpt : kOfGpt2;
      const int by_class = defaults.encoder_positions > 0 ? defaults.encoder_positions : decoder;
      if (!positions) {
        NoteDefault("max_position_embeddings", fmt::format("{}", by_class));
      }
      model.max_positions = positions.value_or(by_class);
    }
    (void)Count({"word_embed_proj_dim"});
    if (defaults.encoder_positions != 0) {
      ReadEncoder();
    }
  }

  // Every token sees every other one. Those of pictures are patches, with one more for the class.
  void ReadEncoder() {
    ModelSpec& model = made_.model;
    model.attention = Attention::kFull;
    if (!IsPictureHfKind(type_)) {
      return;
    }
    const std::optional<int> picture = Count({"image_size"});
    const std::optional<int> patch = Count({"patch_size"});
    (void)Count({"num_channels"});
    const JsonValue* const labels = Given({"id2label"});
    if (labels != nullptr && !labels->items.empty()) {
      model.vocabulary = static_cast<int>(labels->items.size());
    }
    if (picture && patch) {
      const int side = *picture / *patch;
      model.max_positions = side * side + 1;
    }
    made_.notes.push_back(
        fmt::format("an encoder of pictures: sequence_length is that of its patches, {}; its "
                    "classes, {}, stand "
                    "for a vocabulary, and the embedding of patches counts as one of them",
                    model.max_positions, model.vocabulary));
  }

  void ReadHeads(const HfClass& defaults) {
    ModelSpec& model = made_.model;
    const std::optional<int> given = Count({"num_key_value_heads", "num_kv_heads", "n_head_kv"});
    const std::optional<bool> single = Truth({"multi_query"});
    const bool grouped = Truth({"new_decoder_architecture"}).value_or(false);
    const bool falcon = type_ == "falcon" || type_ == "gpt_bigcode";
    if (falcon && !grouped) {
      model.kv_heads = single.value_or(true) ? 1 : model.heads;
    } else if (given) {
      model.kv_heads = *given;
    } else {
      model.kv_heads = defaults.kv_heads == 0 ? model.heads : defaults.kv_heads;
      if (class_ != nullptr && defaults.kv_heads > 0) {
        NoteDefault("num_key_value_heads", fmt::format("{}", model.kv_heads));
      }
    }
    const std::optional<int> head = Count({"head_dim", "kv_channels"});
    if (problems_.empty() && !head && model.hidden % model.heads != 0 && defaults.head_dim == 0) {
      problems_.Add({file_, 0, 0}, "",
                    Refusal(fmt::format("{} heads do not divide the hidden size, {}", model.heads,
                                        model.hidden),
                            "head_dim"));
    }
    if (!head && class_ != nullptr && defaults.head_dim > 0) {
      NoteDefault("head_dim", fmt::format("{}", defaults.head_dim));
    }
    model.head_dim =
        head.value_or(defaults.head_dim > 0 ? defaults.head_dim : model.hidden / model.heads);
  }

  void ReadFeedForward(const HfClass& defaults) {
    ModelSpec& model = made_.model;
    if (type_ == "llama4_text") {  // its intermediate_size is that of an expert
      constexpr int kDense = 16384;
      const std::optional<int> dense = Count({"intermediate_size_mlp"});
      if (!dense) {
        NoteDefault("intermediate_size_mlp", fmt::format("{}", kDense));
      }
      model.ffn = dense.value_or(kDense);
      return;
    }
    const Names names = {"intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size",
                         "hidden_dim"};
    const bool four_times = class_ != nullptr && defaults.ffn == 0;
    if (!four_times) {
      model.ffn = Size(names, defaults.ffn);
      return;
    }
    const std::optional<int> given = Count(names);
    model.ffn = given.value_or(4 * model.hidden);
    (void)Count({"expansion_ratio"});
  }

  void ReadExperts() {
    const HfClass none{};
    const HfClass& defaults = class_ == nullptr ? none : *class_;
    const std::optional<int> experts =
        Count({"num_local_experts", "num_experts", "n_routed_experts"}, 0);
    if (experts.value_or(defaults.experts) < 2) {
      return;
    }
    MixtureSpec& mixture = made_.model.mixture;
    mixture.experts = experts.value_or(defaults.experts);
    if (!experts) {
      NoteDefault("num_experts", fmt::format("{}", mixture.experts));
    }
    mixture.experts_per_token =
        Size({"num_experts_per_tok", "experts_per_token", "num_experts_per_token", "moe_topk"},
             defaults.experts_per_token);
    // Mixtral and those like it have no dense block: intermediate_size is that of an expert.
    const bool own_width = defaults.expert_ffn > 0 || class_ == nullptr;
    const std::optional<int> width = Count({"moe_intermediate_size"});
    if (width) {
      mixture.expert_ffn = *width;
    } else if (own_width && class_ != nullptr) {
      mixture.expert_ffn = defaults.expert_ffn;
      NoteDefault("moe_intermediate_size", fmt::format("{}", mixture.expert_ffn));
    } else {
      mixture.expert_ffn = Count({"intermediate_size"}).value_or(made_.model.ffn);
    }
    ReadSharedExperts();
    ReadDenseLayers();
  }

  void ReadSharedExperts() {
    MixtureSpec& mixture = made_.model.mixture;
    mixture.shared_experts = Count({"n_shared_experts", "num_shared_experts"}, 0).value_or(0);
    if (type_ == "llama4_text") {
      mixture.shared_experts = 1;
    }
    std::optional<int> width = Count({"shared_expert_intermediate_size"}, 0);
    if (!width && type_ == "qwen2_moe") {
      width = 5632;
      NoteDefault("shared_expert_intermediate_size", "5632");
    }
    if (width && *width > 0) {
      mixture.shared_experts = std::max(1, (*width + mixture.expert_ffn / 2) / mixture.expert_ffn);
      if (mixture.shared_experts * mixture.expert_ffn != *width) {
        made_.notes.push_back(
            fmt::format("approximated: the shared expert is {} wide, counted as {} experts of {}",
                        *width, mixture.shared_experts, mixture.expert_ffn));
      }
    }
  }

  void ReadDenseLayers() {
    MixtureSpec& mixture = made_.model.mixture;
    const std::optional<int> dense = Count({"first_k_dense_replace"}, 0);
    mixture.dense_layers = dense.value_or(type_ == "deepseek_v3" ? 3 : 0);
    if (!dense && type_ == "deepseek_v3") {
      NoteDefault("first_k_dense_replace", "3");
    }
    const Names steps = {"decoder_sparse_step", "interleave_moe_layer_step", "moe_layer_freq"};
    const std::optional<int> every = Count(steps);
    if (every.value_or(1) == 2) {
      mixture.dense_every_second = true;
    } else if (every.value_or(1) > 2) {
      problems_.Add(
          Given(steps)->where, "",
          Refusal(fmt::format("experts in every layer number {} are not simulated", *every),
                  "1 or 2"));
    }
    if (mixture.dense_every_second && mixture.dense_layers > 0) {
      problems_.Add(Given(steps)->where, "",
                    Refusal(fmt::format("experts in every second layer behind {} dense layers are "
                                        "not simulated",
                                        mixture.dense_layers),
                            "1, or no dense layers in front"));
    }
    const JsonValue* const plain = Given({"mlp_only_layers"});
    const int leading = plain == nullptr ? 0 : static_cast<int>(plain->items.size());
    for (int i = 0; i < leading; ++i) {
      if (plain->items[static_cast<std::size_t>(i)].text != fmt::format("{}", i)) {
        problems_.Add(plain->where, "",
                      Refusal("dense layers between layers with experts are not simulated",
                              "the first layers, [0, 1, ...]"));
        break;
      }
    }
    mixture.dense_layers = std::max(mixture.dense_layers, leading);
    (void)Given({"moe_layers"});
  }

  void ReadLatentAttention() {
    const bool by_class = type_ == "deepseek_v2" || type_ == "deepseek_v3" || type_ == "kimi_k2";
    const std::optional<int> rank = Count({"kv_lora_rank"});
    if (!rank && !by_class) {
      return;
    }
    LatentAttentionSpec& latent = made_.model.latent;
    const auto size = [this](const char* name, int otherwise) {
      const std::optional<int> given = Count({name});
      if (!given) {
        NoteDefault(name, fmt::format("{}", otherwise));
      }
      return given.value_or(otherwise);
    };
    latent.key_value_rank = size("kv_lora_rank", 512);
    latent.plain_head_dim = size("qk_nope_head_dim", 128);
    latent.rotary_head_dim = size("qk_rope_head_dim", 64);
    latent.value_head_dim = size("v_head_dim", 128);
    read_.insert("q_lora_rank");
    const JsonValue* const query = config_.Find("q_lora_rank");
    // null says that queries are not compressed; nothing leaves it to the class.
    latent.query_rank =
        query == nullptr ? size("q_lora_rank", 1536) : Count({"q_lora_rank"}).value_or(0);
    made_.model.head_dim = latent.plain_head_dim + latent.rotary_head_dim;
    (void)Count({"qk_head_dim"});
  }

  // What attention or training does otherwise, and is not simulated.
  void NoteAttention() {
    const bool used = Truth({"use_sliding_window"}).value_or(true);
    const std::optional<int> window = Count({"sliding_window"}, 0);
    const JsonValue* const layers = Given({"layer_types"});
    (void)Given({"sliding_window_pattern", "_sliding_window_pattern"});
    bool linear = false;
    for (std::size_t i = 0; layers != nullptr && i < layers->items.size(); ++i) {
      linear = linear || layers->items[i].text == "linear_attention";
    }
    if (linear) {
      problems_.Add(layers->where, "",
                    Refusal("layers of linear attention are not simulated",
                            "\"full_attention\" and \"sliding_attention\""));
    }
    if (used && window.value_or(0) > 0) {
      made_.notes.push_back(fmt::format(
          "not simulated: a sliding window of {} tokens; every layer attends to all tokens before",
          *window));
    }
    const int ahead = Count({"num_nextn_predict_layers"}, 0).value_or(0);
    if (ahead > 0) {
      made_.notes.push_back(fmt::format("not simulated: {} {} that {} tokens further ahead", ahead,
                                        ahead == 1 ? "layer" : "layers",
                                        ahead == 1 ? "predicts" : "predict"));
    }
    if (Given({"quantization_config"}) != nullptr) {
      made_.notes.emplace_back(
          "quantization_config: the format of weights is the job's `precision`, not the model's");
    }
  }

  void NoteUnknown() {
    std::string unknown;
    for (const std::string& name : config_.names) {
      const bool known = read_.contains(name) || IsHfFieldOfNoWeight(name);
      if (!known) {
        unknown += (unknown.empty() ? "" : ", ") + name;
      }
    }
    if (!unknown.empty()) {
      made_.notes.push_back("not read: " + unknown);
    }
  }

  const std::string& file_;
  const JsonValue& config_;
  ProblemList& problems_;
  HfModel made_;
  const HfClass* class_ = nullptr;
  std::string type_;
  std::string given_;           ///< the name under which the last value stood
  std::set<std::string> read_;  ///< names that were asked for
};

// What the model is called in the file itself, else the folder's or the file's name.
std::string TitleOf(const std::string& file, const JsonValue& config) {
  const JsonValue* const path = config.Find("_name_or_path");
  if (path != nullptr && !path->text.empty()) {
    return std::filesystem::path(path->text).filename().string();
  }
  const std::filesystem::path place(file);
  const bool plain = place.stem() == "config" && !place.parent_path().filename().empty();
  return plain ? place.parent_path().filename().string() : place.stem().string();
}

}  // namespace

HfModel ReadHfConfig(const std::string& file, std::string_view text, const std::string& name,
                     ProblemList& problems) {
  const std::size_t before = problems.size();
  const JsonValue whole = InUsualNames(ReadJson(file, text, problems));
  if (problems.size() != before) {
    return {};
  }
  if (whole.kind != JsonValue::Kind::kObject) {
    problems.Add(whole.where, "",
                 Refusal("this is no object", "{ \"model_type\": ... } as config.json has it"));
    return {};
  }
  // Models that also take pictures keep their language model in here.
  const JsonValue* const inner = whole.Find("text_config");
  const bool nested = inner != nullptr && inner->kind == JsonValue::Kind::kObject;
  RefuseSlips(nested ? *inner : whole, problems);
  const std::string title = TitleOf(file, whole);
  HfModel made = HfReader(file, nested ? *inner : whole, problems)
                     .Read(name.empty() ? (title.empty() ? "model" : title) : name);
  made.title = title.empty() ? made.model.name : title;
  if (nested) {
    made.notes.insert(made.notes.begin(), "the language model (text_config) of a larger model");
  }
  return made;
}

}  // namespace gridlock
