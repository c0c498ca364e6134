#include "sim/interop/hf_config.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/interop/hf_fields.h"
#include "sim/interop/hf_spelling.h"
#include "sim/interop/hybrid.h"
#include "sim/interop/json_text.h"

namespace gridlock {

namespace {

class HfReader : private HfFields {
 public:
  using HfFields::HfFields;

  HfModel Read(const std::string& name) {
    made_.model.name = name;
    if (!ChooseClass()) {
      return Done();
    }
    ReadSizes();
    ReadGate();
    ReadActivation();
    ReadHfExperts(*this, type_, made_.model);
    ReadLatentAttention();
    ReadHfLayerKinds(*this, type_, made_.model);
    ReadSeparateExperts();
    if (const std::optional<int> width = Count({"moe_latent_size"});
        width && made_.model.has_experts()) {
      Note(NarrowForLatent(made_.model, *width));
    }
    ReadIndexer();
    ReadHfFront(*this, type_, made_.model);
    RefuseUnreadHfSizes(*this, made_.model);
    NoteUnknown();
    return Done();
  }

 private:
  HfModel Done() {
    made_.notes = notes();
    return std::move(made_);
  }

  bool ChooseClass() {
    const JsonValue* const type = Given({"model_type"});
    if (type == nullptr) {
      Note("model_type is not given: read as a model like Llama");
      return true;
    }
    type_ = type->text;
    if (IsOtherHfKind(type_)) {
      problems().Add(type->where, "",
                     Refusal("models of the type " + Quoted(type_) + " are not simulated",
                             "a stack of layers of one width"));
      return false;
    }
    SetClass(FindHfClass(type_));
    if (const HfClass* const alike = chosen() == nullptr ? FindHfClassAlike(config()) : nullptr) {
      Note(fmt::format("model_type {} is not known: read as {}, whose {} it has", Quoted(type_),
                       Quoted(alike->type),
                       config().Find("architectures") == nullptr ? "fields" : "class"));
      SetClass(alike);
      type_ = alike->type;
    }
    if (chosen() == nullptr) {
      const std::string near = NearestName(type_, HfTypes());
      Note(fmt::format("model_type {} is not known{}: read as a model like Llama, without defaults",
                       Quoted(type_), near.empty() ? "" : " (nearest: " + near + ")"));
    }
    return true;
  }

  void ReadSizes() {
    const HfClass none{};
    const HfClass& defaults = chosen() == nullptr ? none : *chosen();
    ModelSpec& model = made_.model;
    model.layers = Size({"num_hidden_layers", "n_layer", "n_layers", "num_layers",
                         "num_decoder_layers", "decoder_layers"},
                        defaults.layers);
    model.hidden = Size({"hidden_size", "n_embd", "d_model", "dim"}, defaults.hidden);
    model.vocabulary = Size({"vocab_size"}, defaults.vocabulary);
    model.gated = chosen() == nullptr || chosen()->gated;
    if (IsRecurrentHfKind(type_)) {
      // No attention: heads as wide as most.
      constexpr int kHead = 64;
      model.heads = model.kv_heads = std::max(1, model.hidden / kHead);
      model.head_dim = kHead;
      ReadChannelMix();
    } else {
      model.heads =
          Size({"num_attention_heads", "n_head", "n_heads", "num_heads", "decoder_attention_heads"},
               defaults.heads);
      ReadHeads(defaults);
      ReadFeedForward(defaults);
    }
    model.query_key_norms = chosen() != nullptr && NormsQueriesAndKeys(chosen()->type);
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
    if (defaults.encoder_positions != 0) {
      ReadEncoder();
    }
    if (HasEncoderHfKind(type_)) {
      ReadEncoderInFront();
    }
  }

  void ReadActivation() {
    const JsonValue* const said =
        Given({"activation_function", "hidden_act", "dense_act_fn", "feed_forward_proj"});
    const bool by_default = type_ == "opt" || type_ == "t5";
    made_.model.relu = !made_.model.gated && (said == nullptr ? by_default : said->text == "relu");
  }

  // RWKV has a feed-forward block, Mamba has none.
  void ReadChannelMix() {
    if (type_ == "rwkv") {
      made_.model.gated = false;
      made_.model.ffn = CountOr({"intermediate_size"}, 4 * made_.model.hidden);
    }
  }

  // An encoder in front of the decoder; its tokens see each other.
  void ReadEncoderInFront() {
    ModelSpec& model = made_.model;
    constexpr int kTokens = 512;
    if (IsT5HfKind(type_)) {
      // num_layers is the encoder's, and the decoder's where nothing else is said.
      const int encoder = Count({"num_layers"}).value_or(model.layers);
      model.layers = CountOr({"num_decoder_layers"}, encoder);
      model.encoder = {encoder, kTokens};
      const JsonValue* const kind = Given({"feed_forward_proj"});
      model.gated = kind != nullptr ? kind->text.rfind("gated", 0) == 0 : type_ != "t5";
      (void)Count({"n_positions"});
    } else {
      model.encoder.layers = CountOr({"encoder_layers"}, model.layers);
      model.encoder.tokens =
          CountOr({"max_source_positions"}, std::min(kTokens, std::max(1, model.max_positions)));
      model.max_positions = CountOr({"max_target_positions"}, model.max_positions, 0);
      (void)Count({"encoder_attention_heads", "encoder_ffn_dim", "num_hidden_layers"});
    }
    Note(
        fmt::format("an encoder of {} tokens in front: sequence_length is the decoder's; change "
                    "`encoder {{ tokens }}` for another length",
                    model.encoder.tokens));
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
    Note(
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
      if (chosen() != nullptr && defaults.kv_heads > 0) {
        NoteDefault("num_key_value_heads", fmt::format("{}", model.kv_heads));
      }
    }
    const std::optional<int> head =
        Count({"head_dim", "kv_channels", "d_kv", "attention_head_dim"});
    if (problems().empty() && !head && model.hidden % model.heads != 0 && defaults.head_dim == 0) {
      problems().Add({file(), 0, 0}, "",
                     Refusal(fmt::format("{} heads do not divide the hidden size, {}", model.heads,
                                         model.hidden),
                             "head_dim"));
    }
    if (problems().empty() && model.kv_heads > 0 && model.heads % model.kv_heads != 0) {
      problems().Add({file(), 0, 0}, "",
                     Refusal(fmt::format("{} key-value heads do not divide {} heads",
                                         model.kv_heads, model.heads),
                             "num_key_value_heads that does"));
    }
    if (!head && chosen() != nullptr && defaults.head_dim > 0) {
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
    const Names names = {"intermediate_size", "n_inner", "ffn_dim",        "ffn_hidden_size",
                         "hidden_dim",        "d_ff",    "decoder_ffn_dim"};
    // Where all layers have experts, many classes have no other width.
    const bool experts_alone = chosen() == nullptr || (defaults.experts > 0 && defaults.ffn == 0);
    if (experts_alone && Given(names) == nullptr) {
      model.ffn = WidthOfHfExperts(*this).value_or(defaults.expert_ffn);
    }
    if (model.ffn > 0) {
      return;
    }
    const bool four_times = chosen() != nullptr && defaults.ffn == 0 && defaults.experts == 0;
    if (!four_times) {
      model.ffn = BuiltWidth(Size(names, defaults.ffn));
      return;
    }
    const std::optional<int> given = Count(names);
    model.ffn = given.value_or(4 * model.hidden);
    (void)Count({"expansion_ratio"});
  }

  // Two classes build another width than the one that they are given: Qwen's first one the half
  // (Qwen/Qwen-7B, modeling_qwen.py), LFM2 two thirds, up to a multiple of 256 (Lfm2MLP).
  [[nodiscard]] int BuiltWidth(int given) const {
    constexpr int kMultiple = 256;
    if (type_ == "lfm2") {
      return (given * 2 / 3 + kMultiple - 1) / kMultiple * kMultiple;
    }
    return type_ == "qwen" ? given / 2 : given;
  }

  // A class that is not known has a gate where its activation is one that has: silu in every model
  // since Llama, the others where their names say so (geglu).
  void ReadGate() {
    const JsonValue* const given = Given({"hidden_act", "hidden_activation", "mlp_hidden_act",
                                          "activation_function", "activation_func", "act_fn"});
    if (chosen() != nullptr || given == nullptr || given->kind != JsonValue::Kind::kText) {
      return;
    }
    const auto says = [given](const char* word) {
      return given->text.find(word) != std::string::npos;
    };
    made_.model.gated = says("silu") || says("swish") || says("glu");
    if (!made_.model.gated) {
      Note(
          fmt::format("the activation {} has no gate: two matrices a feed-forward block; change "
                      "`gated` where there is one",
                      given->text));
    }
  }

  // Of a model whose pattern has no dense feed-forward block its width is that of an expert.
  void ReadSeparateExperts() {
    ModelSpec& model = made_.model;
    const bool dense = model.pattern.find('F') != std::string::npos;
    const bool experts = model.pattern.find('E') != std::string::npos;
    if (experts && !dense && model.has_experts()) {
      model.ffn = model.mixture.expert_ffn;
    }
    if (!experts && dense) {
      model.mixture = {};
    }
  }

  void ReadLatentAttention() {
    const bool by_class = HasLatentsHfKind(type_);
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
    // A class that is not known has values as wide as the plain part of keys, as most have.
    latent.value_head_dim = size("v_head_dim", chosen() == nullptr ? latent.plain_head_dim : 128);
    (void)Given({"q_lora_rank"});
    const JsonValue* const query = config().Find("q_lora_rank");
    // null says that queries are not compressed; nothing leaves it to the class.
    latent.query_rank =
        query == nullptr ? size("q_lora_rank", 1536) : Count({"q_lora_rank"}).value_or(0);
    made_.model.head_dim = latent.plain_head_dim + latent.rotary_head_dim;
    (void)Count({"qk_head_dim"});
  }

  // DeepSeek-V3.2: an indexer picks the tokens that attention sees.
  void ReadIndexer() {
    if (const std::optional<int> seen = Count({"index_topk"})) {
      constexpr int kHeads = 64, kWidth = 128;
      made_.model.indexer = {CountOr({"index_n_heads"}, kHeads),
                             CountOr({"index_head_dim"}, kWidth), *seen};
    }
  }

  void NoteUnknown() {
    (void)Given({"quantization_config"});  // FormatOfCheckpoint reads them
    (void)Given({"compression_config"});
    std::string unknown;
    for (const std::string& name : config().names) {
      const bool known = WasRead(name) || IsHfFieldOfNoWeight(name);
      if (!known) {
        unknown += (unknown.empty() ? "" : ", ") + name;
      }
    }
    if (!unknown.empty()) {
      Note("not read: " + unknown);
    }
  }

  HfModel made_;
  std::string type_;
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
  made.checkpoint = FormatOfCheckpoint(nested && !HasFormat(whole) ? *inner : whole);
  if (!made.checkpoint.note.empty()) {
    made.notes.push_back(made.checkpoint.note);
  }
  if (nested) {
    made.notes.insert(made.notes.begin(), "the language model (text_config) of a larger model");
  }
  return made;
}

}  // namespace gridlock
