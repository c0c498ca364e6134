// Kinds of layers of Hugging Face models. Each class of configuration says in its own way which
// layers look at a window and which have a recurrence.

#include <algorithm>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/interop/hf_fields.h"
#include "sim/interop/hybrid.h"

namespace gridlock {

namespace {

bool IsOneOf(const std::string& type, std::initializer_list<const char*> types) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

// `count` letters that repeat: every `every`-th one is `last`, the others `usual`.
std::string Period(int every, char usual, char last) {
  return every <= 1 ? std::string(1, last)
                    : std::string(static_cast<std::size_t>(every) - 1, usual) + last;
}

// The shortest beginning of a pattern that repeats to the whole of it.
std::string Shortest(const std::string& pattern) {
  for (std::size_t length = 1; length < pattern.size(); ++length) {
    bool repeats = true;
    for (std::size_t i = length; i < pattern.size() && repeats; ++i) {
      repeats = pattern[i] == pattern[i % length];
    }
    if (repeats) {
      return pattern.substr(0, length);
    }
  }
  return pattern;
}

// What `layer_types` and its likes call a layer; ' ' for what is not known.
char LetterOf(const std::string& name) {
  if (IsOneOf(name, {"full_attention", "attention", "global_attention", "global"})) {
    return 'G';
  }
  if (IsOneOf(name, {"sliding_attention", "chunked_attention", "local_attention", "local"})) {
    return 'L';
  }
  if (IsOneOf(name, {"linear_attention", "mamba", "mamba2", "recurrent", "conv", "kda"})) {
    return 'R';
  }
  return name == "hybrid" ? 'P' : ' ';
}

class LayerReader {
 public:
  LayerReader(HfFields& fields, const std::string& type, ModelSpec& model)
      : fields_(fields), type_(type), model_(model) {}

  void Read() {
    ReadWindow();
    ReadHfRecurrence(fields_, type_, model_);
    ReadPattern();
    GiveRecurrence();
    DropUnused();
    ReadPredictions();
    NoteLeftOut();
  }

 private:
  using Names = HfFields::Names;

  // A list of names, one a layer.
  bool ReadNames(const Names& names) {
    const JsonValue* const list = fields_.Given(names);
    if (list == nullptr || list->items.empty()) {
      return false;
    }
    std::string pattern;
    for (const JsonValue& item : list->items) {
      const char letter = LetterOf(item.text);
      if (letter == ' ') {
        fields_.Note(fmt::format("approximated: a layer of the kind {} counts as full attention",
                                 Quoted(item.text)));
      }
      pattern += letter == ' ' ? 'G' : letter;
    }
    model_.pattern = Shortest(pattern);
    return true;
  }

  // A list of numbers, one a layer: `letter` where it is `number`, else `other`.
  bool ReadNumbers(const Names& names, const std::string& number, char letter, char other) {
    const JsonValue* const list = fields_.Given(names);
    if (list == nullptr || list->items.empty()) {
      return false;
    }
    std::string pattern;
    for (const JsonValue& item : list->items) {
      pattern += item.text == number ? letter : other;
    }
    model_.pattern = Shortest(pattern);
    return true;
  }

  // A list of the layers, from `first` on, that are `letter`; the others are `other`.
  bool ReadIndices(const JsonValue* list, int first, char letter, char other) {
    if (list == nullptr || list->kind != JsonValue::Kind::kList) {
      return false;
    }
    std::string pattern;
    for (int layer = 0; layer < model_.layers; ++layer) {
      const std::string number = fmt::format("{}", layer + first);
      const bool among =
          std::any_of(list->items.begin(), list->items.end(), [&](const JsonValue& item) {
            return item.text == number;
          });
      pattern += among ? letter : other;
    }
    model_.pattern = Shortest(pattern);
    return true;
  }

  void ReadWindow() {
    const bool off_by_default = IsOneOf(type_, {"qwen2", "qwen3", "qwen2_moe", "qwen3_moe"});
    const bool used = fields_.Truth({"use_sliding_window"}).value_or(!off_by_default);
    const bool encoder = type_ == "modernbert";
    const int by_class = IsOneOf(type_, {"gemma2", "gemma3_text", "cohere2"}) ? 4096
                         : type_ == "gpt_oss"                                 ? 128
                         : type_ == "recurrent_gemma"                         ? 2048
                         : type_ == "exaone4"                                 ? 4096
                         : type_ == "gemma3n_text"                            ? 512
                         : encoder                                            ? 128
                                                                              : 0;
    int window = fields_.CountOr(
        {"sliding_window", "sliding_window_size", "attention_window_size", "local_attention"},
        by_class, 0);
    // These classes have one of 4,096 where a file does not say null.
    if (IsOneOf(type_, {"mistral", "ministral", "exaone4"})) {
      const bool silent = fields_.config().Find("sliding_window") == nullptr;
      window = silent ? 4096 : fields_.CountOr({"sliding_window"}, 0, 0);
    }
    if (type_ == "llama4_text") {
      window = fields_.CountOr({"attention_chunk_size"}, 8192, 0);
      model_.chunked_window = window > 0;
    }
    model_.window = used ? window : 0;
  }

  void ReadPattern() {
    const bool blocks = IsOneOf(type_, {"nemotron_h", "nemotron-nas", "zamba2"});
    if ((!blocks &&
         ReadNames({"layer_types", "layers_block_type", "block_types", "_block_types"})) ||
        ReadSpecialPattern() || ReadWritten()) {
      return;
    }
    const int every = fields_.CountOr({"sliding_window_pattern", "_sliding_window_pattern"},
                                      type_ == "gemma3_text"                   ? 6
                                      : type_ == "gemma3n_text"                ? 5
                                      : IsOneOf(type_, {"cohere2", "exaone4"}) ? 4
                                                                               : 0,
                                      0);
    if (model_.window > 0 && every > 0) {
      model_.pattern = Period(every, 'L', 'G');
    } else if (model_.window > 0 && IsOneOf(type_, {"gemma2", "gpt_oss"})) {
      model_.pattern = "LG";
    }
  }

  // "LLLG", as EXAONE 4 has it.
  bool ReadWritten() {
    const JsonValue* const given = fields_.Given({"sliding_window_pattern"});
    if (given == nullptr || given->kind != JsonValue::Kind::kText || given->text.empty() ||
        given->text.find_first_not_of("LG") != std::string::npos) {
      return false;
    }
    model_.pattern = Shortest(given->text);
    return true;
  }

  // A dense block beside the experts of each layer: Arctic's is as wide as the stream
  // (Snowflake/snowflake-arctic-base, modeling_arctic.py), Grok's has intermediate_size.
  bool ReadResidual() {
    const bool arctic = type_ == "arctic" && fields_.Truth({"use_residual"}).value_or(true);
    const bool grok = fields_.Truth({"residual_moe"}).value_or(false);
    (void)fields_.Given({"parallel_attn_mlp_res"});
    if (!model_.has_experts() || (!arctic && !grok)) {
      return false;
    }
    model_.ffn = arctic ? model_.hidden : model_.ffn;
    SetBlocks("GFE", model_.layers);
    return true;
  }

  // Two blocks of attention and two dense ones a layer, and its experts (arXiv:2509.01322).
  bool ReadLongcat() {
    const int layers = fields_.config().Find("num_layers") != nullptr
                           ? fields_.CountOr({"num_layers"}, 1)
                           : std::max(1, model_.layers / 2);
    SetBlocks("GFGFE", layers);
    return true;
  }

  // Each layer is so many blocks, which count one by one.
  void SetBlocks(const char* blocks, int layers) {
    model_.pattern = blocks;
    model_.layers = layers * static_cast<int>(model_.pattern.size());
    fields_.Note(fmt::format("each of {} layers is {} blocks, {}: `layers` counts blocks", layers,
                             model_.pattern.size(), model_.pattern));
  }

  // What these classes have that is not counted.
  void NoteLeftOut() {
    const JsonValue* const cross = fields_.Given({"cross_attention_layers"});
    if (cross != nullptr && !cross->items.empty()) {
      fields_.Note(
          fmt::format("approximated: {} layers look at the tokens of a picture "
                      "(cross_attention_layers); they count as attention to all tokens "
                      "before",
                      cross->items.size()));
    }
    if (type_ == "gemma3n_text") {
      const double table = 1.0 * fields_.CountOr({"vocab_size_per_layer_input"}, 262144) *
                           fields_.CountOr({"hidden_size_per_layer_input"}, 256);
      fields_.Note(
          fmt::format("approximated: embeddings of each layer, {:.3g} billion parameters "
                      "that stay off the accelerator, are not counted, nor AltUp, LAuReL "
                      "and that layers share keys and values",
                      table * model_.layers / 1e9));
    }
    if (const std::optional<int> width = fields_.Count({"share_q_dim"})) {
      fields_.Note(
          fmt::format("approximated: queries come of a latent of {} (share_q_dim); they "
                      "count as one product",
                      *width));
    }
    if (IsOneOf(type_, {"deberta", "deberta-v2"})) {
      fields_.Note("approximated: scores of relative positions are not counted");
    }
  }

  // Classes with a way of their own.
  bool ReadSpecialPattern() {
    if (type_ == "longcat_flash") {
      return ReadLongcat();
    }
    if (ReadResidual()) {
      return true;
    }
    if (type_ == "jamba") {
      const int period = fields_.CountOr({"attn_layer_period"}, 8);
      const int offset = fields_.CountOr({"attn_layer_offset"}, 4, 0);
      model_.pattern = std::string(static_cast<std::size_t>(period), 'R');
      model_.pattern[static_cast<std::size_t>(offset % period)] = 'G';
      return true;
    }
    if (type_ == "bamba") {
      return ReadIndices(fields_.Given({"attn_layer_indices"}), 0, 'G', 'R');
    }
    if (IsOneOf(type_, {"qwen3_next", "qwen3_5_text", "qwen3_5_moe_text"})) {
      model_.pattern = Period(fields_.CountOr({"full_attention_interval"}, 4), 'R', 'G');
      return true;
    }
    if (type_ == "falcon_h1") {
      model_.pattern = "P";
      return true;
    }
    if (type_ == "kimi_linear") {
      const JsonValue* const linear = fields_.Given({"linear_attn_config"});
      return linear != nullptr && ReadIndices(linear->Find("full_attn_layers"), 1, 'G', 'R');
    }
    if (IsOneOf(type_, {"nemotron_h", "nemotron-nas"})) {
      return ReadLetters();
    }
    if (type_ == "llama4_text") {
      if (!ReadNumbers({"no_rope_layers"}, "0", 'G', 'L')) {
        model_.pattern = Period(fields_.CountOr({"no_rope_layer_interval"}, 4), 'L', 'G');
      }
      return true;
    }
    if (type_ == "modernbert") {
      const int every = fields_.CountOr({"global_attn_every_n_layers"}, 3);
      model_.pattern = "G" + std::string(static_cast<std::size_t>(every) - 1, 'L');
      return true;
    }
    if (type_ == "zamba2") {
      return ReadZamba();
    }
    if (type_ == "recurrent_gemma") {
      model_.pattern = "RRL";
      return true;
    }
    return ReadNumbers({"attn_type_list"}, "0", 'R', 'G');  // MiniMax
  }

  // M: Mamba-2, *: attention, -: feed-forward, E: experts; or their names, one a layer.
  bool ReadLetters() {
    const JsonValue* const given = fields_.Given({"hybrid_override_pattern"});
    const JsonValue* const names = fields_.Given({"layers_block_type"});
    if (given == nullptr && names == nullptr) {
      return false;
    }
    std::string letters = given == nullptr ? "" : given->text;
    for (std::size_t i = 0; given == nullptr && i < names->items.size(); ++i) {
      const std::string& name = names->items[i].text;
      letters += name == "mamba"       ? 'M'
                 : name == "attention" ? '*'
                 : name == "mlp"       ? '-'
                 : name == "moe"       ? 'E'
                                       : '?';
    }
    const std::optional<std::string> pattern = PatternOfHybrid(letters);
    if (!pattern) {
      fields_.problems().Add(
          (given == nullptr ? names : given)->where, "",
          Refusal("a layer is of another kind", "M (mamba), * (attention), - (mlp) or E (moe)"));
      return false;
    }
    model_.pattern = *pattern;
    model_.layers = static_cast<int>(pattern->size());
    // A module that predicts further tokens has a pattern of its own; it counts as a layer here.
    (void)fields_.Given({"mtp_hybrid_override_pattern", "mtp_layers_block_type"});
    return true;
  }

  // Two blocks of attention and feed-forward are shared by the layers that have them.
  bool ReadZamba() {
    const JsonValue* const hybrid = fields_.Given({"hybrid_layer_ids"});
    const JsonValue* const kinds = fields_.Given({"layers_block_type"});
    std::string pattern;
    int uses = 0;
    for (int layer = 0; layer < model_.layers; ++layer) {
      const auto place = static_cast<std::size_t>(layer);
      const bool listed =
          kinds != nullptr && place < kinds->items.size() && kinds->items[place].text == "hybrid";
      const bool among =
          hybrid != nullptr &&
          std::any_of(hybrid->items.begin(), hybrid->items.end(), [&](const JsonValue& item) {
            return item.text == fmt::format("{}", layer);
          });
      uses += listed || among ? 1 : 0;
      pattern += listed || among ? "GFR" : "R";
    }
    const int blocks = fields_.CountOr({"num_mem_blocks"}, 1);
    const double block =
        4.0 * model_.hidden * model_.heads * model_.head_dim + 3.0 * model_.hidden * model_.ffn;
    fields_.Note(
        fmt::format("approximated: {} layers share {} of attention and feed-forward, which count "
                    "in each of them: {:.3g} billion parameters more than there are; attention "
                    "sees the embedding too (attention_hidden_size) and has adapters there "
                    "(adapter_rank), not here",
                    uses, blocks == 1 ? "a block" : fmt::format("{} blocks", blocks),
                    std::max(0, uses - blocks) * block / 1e9));
    (void)fields_.Given({"attention_hidden_size"});
    (void)fields_.Given({"adapter_rank"});
    (void)fields_.Given({"use_shared_mlp_adapter"});
    (void)fields_.Given({"use_shared_attention_adapter"});
    model_.layers = static_cast<int>(pattern.size());
    model_.pattern = pattern;
    return true;
  }

  // Layers with a recurrence that the class says nothing of.
  void GiveRecurrence() {
    const bool recurrent = model_.pattern.find_first_of("RP") != std::string::npos;
    if (!recurrent || model_.recurrent.kind != Recurrence::kNone) {
      return;
    }
    constexpr int kChunk = 64;
    model_.recurrent = {Recurrence::kLightning,
                        model_.heads,
                        model_.head_dim,
                        model_.heads,
                        model_.head_dim,
                        0,
                        kChunk,
                        0};
    fields_.Note(
        "approximated: recurrent layers count as linear attention with heads like those of "
        "attention");
  }

  // What no layer has needs no size.
  void DropUnused() {
    const auto has = [this](const char* letters) {
      return model_.pattern.find_first_of(letters) != std::string::npos;
    };
    if (!model_.pattern.empty() && !has("L")) {
      model_.window = 0;
      model_.chunked_window = false;
    }
    if (has("L") && model_.window == 0) {
      // Without a window local layers see all tokens.
      std::replace(model_.pattern.begin(), model_.pattern.end(), 'L', 'G');
      model_.pattern = Shortest(model_.pattern);
    }
    if (model_.pattern == "G") {
      model_.pattern.clear();
    }
    if (!model_.pattern.empty() && !has("RP")) {
      model_.recurrent = {};
    }
  }

  void ReadPredictions() {
    model_.prediction_modules =
        fields_.CountOr({"num_nextn_predict_layers", "mtp_num_layers", "num_mtp_modules"}, 0, 0);
    if (model_.prediction_modules > 0) {
      const int modules = model_.prediction_modules;
      fields_.Note(modules == 1
                       ? std::string("1 module that predicts further tokens is trained with the "
                                     "model; take `prediction_modules` out where it is not")
                       : fmt::format("{} modules that predict further tokens are trained with the "
                                     "model; take `prediction_modules` out where they are not",
                                     modules));
    }
  }

  HfFields& fields_;
  const std::string& type_;
  ModelSpec& model_;
};

}  // namespace

void ReadHfLayerKinds(HfFields& fields, const std::string& type, ModelSpec& model) {
  LayerReader(fields, type, model).Read();
}

}  // namespace gridlock
