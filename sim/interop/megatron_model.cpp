#include "sim/interop/megatron_model.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/interop/hybrid.h"

namespace gridlock {

namespace {

class MegatronModelReader {
 public:
  MegatronModelReader(const std::string& file, std::string_view text, const Arguments& given,
                      ImportedTraining& made, ProblemList& problems)
      : file_(file),
        bert_(text.find("pretrain_bert.py") != std::string_view::npos),
        t5_(text.find("pretrain_t5.py") != std::string_view::npos),
        given_(given),
        made_(made),
        problems_(problems) {}

  ModelSpec Read(int vocabulary) {
    model_.name = "imported";
    if (t5_) {
      ReadEncoder();
    } else if (!ReadBlocks()) {
      model_.layers = Needed("num-layers");
    }
    model_.hidden = Needed("hidden-size");
    model_.heads = Needed("num-attention-heads");
    const int groups = Or("num-query-groups", model_.heads);
    model_.kv_heads = given_.Flag("group-query-attention") ? groups : model_.heads;
    model_.head_dim = Or("kv-channels", std::max(1, model_.hidden / model_.heads));
    model_.gated = given_.Flag("swiglu") || given_.Flag("quick-geglu") || given_.Flag("geglu");
    // Megatron makes a gated block as large as a plain one, in multiples of 64.
    const int plain = 4 * model_.hidden;
    model_.ffn =
        Or("ffn-hidden-size", model_.gated ? std::max(64, plain * 2 / 3 / 64 * 64) : plain);
    model_.tied_embeddings = !given_.Flag("untie-embeddings-and-output-weights");
    const std::string positions = given_.Text("position-embedding-type", "learned_absolute");
    const bool learned = positions == "learned_absolute" &&
                         !given_.Flag("use-rotary-position-embeddings") &&
                         !given_.Flag("no-position-embedding");
    const int most = Or("max-position-embeddings", Or("seq-length", 1));
    model_.max_positions = learned ? most : 0;
    model_.attention = bert_ ? Attention::kFull : Attention::kCausal;
    if (bert_) {
      made_.notes.emplace_back("pretrain_bert.py: every token sees every other");
    }
    model_.query_key_norms = given_.Flag("qk-layernorm") && !given_.Flag("multi-latent-attention");
    model_.prediction_modules = Or("mtp-num-layers", 0);
    (void)given_.Text("mtp-loss-scaling-factor");
    ReadVocabulary(vocabulary);
    ReadExperts();
    ReadLatentAttention();
    ReadRecurrence();
    ReadWindow();
    return std::move(model_);
  }

 private:
  int Or(const std::string& name, int otherwise) { return given_.Number(name).value_or(otherwise); }

  int Needed(const std::string& name) { return NeededNumber(given_, name, file_, problems_); }

  // Hybrid models, "MEM*E": each letter is a block, and as many are the layers.
  bool ReadBlocks() {
    for (const char* const name : {"hybrid-layer-pattern", "hybrid-override-pattern"}) {
      const std::string letters = given_.Text(name);
      if (letters.empty()) {
        continue;
      }
      const std::optional<std::string> pattern = PatternOfHybrid(letters);
      if (!pattern) {
        given_.Refuse(name, fmt::format("--{} is {}", name, Quoted(letters)),
                      "letters of blocks: M (Mamba), * (attention), - (feed-forward), E (experts)");
        return false;
      }
      model_.pattern = *pattern;
      model_.layers = static_cast<int>(pattern->size());
      (void)given_.Number("num-layers");
      (void)given_.Flag("is-hybrid-model");
      return true;
    }
    return false;
  }

  // Mamba-2 (MambaModel; defaults of megatron/training/arguments.py).
  void ReadRecurrence() {
    if (model_.pattern.find('R') == std::string::npos) {
      return;
    }
    constexpr int kExpansion = 2, kConvolution = 4, kChunk = 256;
    RecurrentSpec& r = model_.recurrent;
    r.kind = Recurrence::kMamba2;
    r.head_dim = Or("mamba-head-dim", 64);
    r.heads = Or("mamba-num-heads", std::max(1, kExpansion * model_.hidden / r.head_dim));
    r.key_heads = Or("mamba-num-groups", 8);
    r.state = Or("mamba-state-dim", 128);
    r.convolution = kConvolution;
    r.chunk = kChunk;
  }

  // --window-size 127,0: the tokens before and the token itself. Every so many layers see all.
  void ReadWindow() {
    const std::string written = given_.List("window-size", "");
    const std::string often = given_.List("window-attn-skip-freq", "");
    if (written.empty()) {
      return;
    }
    int before = -1;
    const std::size_t digits = written.find_first_of("0123456789-");
    if (digits == std::string::npos) {
      given_.Refuse("window-size", "--window-size is " + Quoted(written), "two numbers, 127,0");
      return;
    }
    std::from_chars(written.data() + digits, written.data() + written.size(), before);
    if (before < 0) {
      return;  // -1: all tokens
    }
    model_.window = before + 1;
    int every = 0;
    std::from_chars(often.data(), often.data() + often.size(), every);
    const std::optional<std::vector<int>> list = ZerosAndOnes(often);
    const auto windowed = [&](std::size_t layer) {
      return list ? layer < list->size() && (*list)[layer] == 1
                  : every <= 1 || (static_cast<int>(layer) + 1) % every != 0;
    };
    if (!model_.pattern.empty()) {  // of blocks one by one, those of attention
      for (std::size_t i = 0; i < model_.pattern.size(); ++i) {
        const bool local = model_.pattern[i] == 'G' && windowed(i);
        model_.pattern[i] = local ? 'L' : model_.pattern[i];
      }
      return;
    }
    const std::size_t period = list ? list->size() : static_cast<std::size_t>(std::max(1, every));
    for (std::size_t i = 0; i < period; ++i) {
      model_.pattern += windowed(i) ? 'L' : 'G';
    }
  }

  // pretrain_t5.py: --num-layers is the encoder's, and the decoder's where nothing else is said.
  void ReadEncoder() {
    const bool each = given_.Has("encoder-num-layers") || given_.Has("decoder-num-layers");
    const int both = each ? Or("num-layers", 1) : Needed("num-layers");
    model_.encoder.layers = Or("encoder-num-layers", both);
    model_.layers = Or("decoder-num-layers", model_.encoder.layers);
    model_.encoder.tokens = Or("encoder-seq-length", Or("seq-length", 1));
    made_.notes.push_back(
        fmt::format("pretrain_t5.py: an encoder of {} tokens in front; sequence_length is the "
                    "decoder's",
                    model_.encoder.tokens));
  }

  void ReadVocabulary(int vocabulary) {
    const std::string tokenizer = given_.Text("tokenizer-type");
    constexpr int kOfGpt2 = 50257, kOfLlama2 = 32000;
    const int by_tokenizer = tokenizer == "GPT2BPETokenizer"  ? kOfGpt2
                             : tokenizer == "Llama2Tokenizer" ? kOfLlama2
                                                              : 0;
    const std::optional<int> padded = given_.Number("padded-vocab-size");
    const int size = Or("vocab-size", vocabulary > 0 ? vocabulary : by_tokenizer);
    if (padded || size > 0) {
      const int multiple = Or("make-vocab-size-divisible-by", 128) * made_.tensor;
      model_.vocabulary = padded.value_or((size + multiple - 1) / multiple * multiple);
      if (!padded && model_.vocabulary != size) {
        made_.notes.push_back(fmt::format("the vocabulary of {} is padded to {}, a multiple of {}",
                                          size, model_.vocabulary, multiple));
      }
      return;
    }
    model_.vocabulary = 1;
    if (!given_.Has("vocab-size")) {
      given_.Refuse("tokenizer-type", "the size of the vocabulary stands in the tokenizer's file",
                    "--vocab-size N in the arguments, or --vocabulary N of this command");
    }
  }

  void ReadExperts() {
    const std::optional<int> experts = given_.Number("num-experts");
    if (!experts || *experts < 2) {
      return;
    }
    MixtureSpec& mixture = model_.mixture;
    mixture.experts = *experts;
    mixture.experts_per_token = Or("moe-router-topk", 2);
    mixture.expert_ffn = Or("moe-ffn-hidden-size", model_.ffn);
    const int shared = Or("moe-shared-expert-intermediate-size", 0);
    mixture.shared_experts = (shared + mixture.expert_ffn / 2) / mixture.expert_ffn;
    if (mixture.shared_experts * mixture.expert_ffn != shared) {
      made_.notes.push_back(
          fmt::format("approximated: the shared expert is {} wide, counted as {} experts of {}",
                      shared, mixture.shared_experts, mixture.expert_ffn));
    }
    ReadLayersWithExperts(given_.List("moe-layer-freq", "1"));
    if (const std::optional<int> latent = given_.Number("moe-latent-size")) {
      made_.notes.push_back(NarrowForLatent(model_, *latent));
    }
    const bool blocks = !model_.pattern.empty();
    if (blocks && model_.pattern.find('F') == std::string::npos) {
      model_.ffn = mixture.expert_ffn;  // no block is dense
    }
  }

  // A number, or a list in Python such as ([0]*3+[1]*58).
  void ReadLayersWithExperts(const std::string& text) {
    if (text == "1" || !model_.pattern.empty()) {
      return;
    }
    int every = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), every);
    if (read.ptr == text.data() + text.size() && every > 1) {
      GiveEvery(every, true);
      return;
    }
    const std::optional<std::vector<int>> list = ZerosAndOnes(text);
    if (!list || static_cast<int>(list->size()) != model_.layers ||
        std::count(list->begin(), list->end(), 1) == 0) {
      given_.Refuse("moe-layer-freq", "--moe-layer-freq is " + Quoted(text),
                    fmt::format("a number, or a list of {} zeros and ones, such as ([0]*3+[1]*58)",
                                model_.layers));
      return;
    }
    const auto dense = std::count(list->begin(), list->end(), 0);
    const bool alternate =
        std::adjacent_find(list->begin(), list->end()) == list->end() && list->size() > 2;
    if (alternate) {
      GiveEvery(2, list->front() == 1);
      return;
    }
    model_.mixture.dense_layers = static_cast<int>(dense);
    if (!std::is_sorted(list->begin(), list->end())) {
      made_.notes.push_back(
          fmt::format("approximated: --moe-layer-freq {}: the {} dense layers stand in front here",
                      text, dense));
    }
  }

  // Of each so many layers the last one has the experts; Megatron's numbers give them to the first.
  void GiveEvery(int every, bool to_first) {
    model_.mixture.every = every;
    if (to_first) {
      made_.notes.push_back(
          fmt::format("approximated: layers {}, {}, ... have the experts, where Megatron gives "
                      "them to 1, {}, ...",
                      every, 2 * every, every + 1));
    }
  }

  void ReadLatentAttention() {
    if (!given_.Flag("multi-latent-attention")) {
      return;
    }
    LatentAttentionSpec& latent = model_.latent;  // defaults of MLATransformerConfig
    latent.query_rank = Or("q-lora-rank", 0);
    latent.key_value_rank = Or("kv-lora-rank", 32);
    latent.plain_head_dim = Or("qk-head-dim", 128);
    latent.rotary_head_dim = Or("qk-pos-emb-head-dim", 64);
    latent.value_head_dim = Or("v-head-dim", 128);
    model_.head_dim = latent.plain_head_dim + latent.rotary_head_dim;
  }

  const std::string& file_;
  bool bert_, t5_;
  const Arguments& given_;
  ImportedTraining& made_;
  ProblemList& problems_;
  ModelSpec model_;
};

}  // namespace

int NeededNumber(const Arguments& given, const std::string& name, const std::string& file,
                 ProblemList& problems) {
  const std::optional<int> number = given.Number(name);
  if (!number && !given.Has(name)) {
    const WrittenKey* const near = given.Nearest(name);
    const bool slip = near != nullptr && near->name != name;
    problems.Add(slip ? near->where : Position{file, 0, 0}, "",
                 Refusal("--" + name + " is missing" +
                             (slip ? "; here stands --" + near->name : std::string()),
                         "a whole number"));
  }
  return number.value_or(1);
}

ModelSpec ReadMegatronModel(const std::string& file, std::string_view text, const Arguments& given,
                            int vocabulary, ImportedTraining& made, ProblemList& problems) {
  return MegatronModelReader(file, text, given, made, problems).Read(vocabulary);
}

}  // namespace gridlock
