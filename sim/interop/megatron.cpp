#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/interop/arguments.h"
#include "sim/interop/megatron_names.h"
#include "sim/interop/model_text.h"
#include "sim/interop/training_text.h"

namespace gridlock {

namespace {

int NumberIn(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

class MegatronReader {
 public:
  /// @param text of the file, which names the program
  MegatronReader(const std::string& file, std::string_view text, const Arguments& given,
                 ProblemList& problems)
      : file_(file),
        bert_(text.find("pretrain_bert.py") != std::string_view::npos),
        t5_(text.find("pretrain_t5.py") != std::string_view::npos),
        given_(given),
        problems_(problems) {}

  ImportedTraining Read(std::int64_t accelerators, int vocabulary) {
    ReadLayout();
    ReadModel(vocabulary);
    SetReplicas(accelerators, file_, made_, problems_);
    ReadBatch();
    ReadFormat();
    ReadSharding();
    ReadRecompute();
    ReadPipeline();
    ReadOffload();
    ReadStack();
    made_.model = model_.name;
    made_.model_entry = ModelEntry(model_, model_.name, "Megatron-LM arguments: " + file_, "  ");
    ListUnmapped();
    return std::move(made_);
  }

 private:
  int Or(const std::string& name, int otherwise) { return given_.Number(name).value_or(otherwise); }

  int Needed(const std::string& name) {
    const std::optional<int> number = given_.Number(name);
    if (!number && !given_.Has(name)) {
      problems_.Add({file_, 0, 0}, "", Refusal("--" + name + " is missing", "a whole number"));
    }
    return number.value_or(1);
  }

  void ReadLayout() {
    made_.tensor = Or("tensor-model-parallel-size", Or("model-parallel-size", 1));
    made_.pipeline = Or("pipeline-model-parallel-size", 1);
    made_.context = Or("context-parallel-size", 1);
    made_.expert = Or("expert-model-parallel-size", 1);
    made_.expert_tensor = Or("expert-tensor-parallel-size", 0);
    made_.sequence_parallel = given_.Flag("sequence-parallel") && made_.tensor > 1;
    made_.pipeline_before_data = given_.Flag("use-tp-pp-dp-mapping");
  }

  void ReadModel(int vocabulary) {
    model_.name = "imported";
    if (t5_) {
      ReadEncoder();
    } else {
      model_.layers = Needed("num-layers");
    }
    model_.hidden = Needed("hidden-size");
    model_.heads = Needed("num-attention-heads");
    const int groups = Or("num-query-groups", model_.heads);
    model_.kv_heads = given_.Flag("group-query-attention") ? groups : model_.heads;
    model_.head_dim = Or("kv-channels", std::max(1, model_.hidden / model_.heads));
    model_.gated = given_.Flag("swiglu");
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
    model_.prediction_modules = Or("mtp-num-layers", 0);
    (void)given_.Text("mtp-loss-scaling-factor");
    ReadVocabulary(vocabulary);
    ReadExperts();
    ReadLatentAttention();
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
  }

  // A number, or a list in Python such as ([0]*3+[1]*58).
  void ReadLayersWithExperts(const std::string& text) {
    if (text == "1") {
      return;
    }
    if (text == "2") {
      model_.mixture.every = 2;
      made_.notes.emplace_back(
          "approximated: layers 2, 4, ... have the experts, where Megatron gives them to 1, 3, "
          "...");
    } else if (const std::optional<int> dense = ZerosInFront(text, model_.layers)) {
      model_.mixture.dense_layers = *dense;
    } else {
      given_.Refuse("moe-layer-freq", "--moe-layer-freq is " + Quoted(text),
                    "1, 2 or dense layers in front, ([0]*3+[1]*58)");
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

  void ReadBatch() {
    made_.sequence_length = t5_ && given_.Has("decoder-seq-length") ? Needed("decoder-seq-length")
                                                                    : Needed("seq-length");
    made_.micro_batch = Or("micro-batch-size", Or("batch-size", 1));
    const std::int64_t once = made_.micro_batch * made_.data;
    const std::optional<int> global = given_.Number("global-batch-size");
    made_.global_batch = global.value_or(static_cast<int>(once));
    if (!global) {
      made_.notes.push_back(fmt::format(
          "--global-batch-size is not given: {}, one micro-batch for each of {} replicas", once,
          made_.data));
    } else if (problems_.empty() && made_.global_batch % once != 0) {
      given_.Refuse("global-batch-size",
                    fmt::format("--global-batch-size {} is no multiple of micro-batch {} x {} "
                                "replicas",
                                made_.global_batch, made_.micro_batch, made_.data),
                    fmt::format("a multiple of {}", once));
    }
  }

  void ReadFormat() {
    const bool half = given_.Flag("fp16");
    const bool bf16 = given_.Flag("bf16");
    const bool fp8 =
        given_.Has("fp8-format") || given_.Flag("fp8-hybrid") || given_.Flag("fp8-e4m3");
    if (given_.Has("fp4-format")) {
      made_.precision = "FP4";
    } else if (fp8) {
      made_.precision = "FP8";
    } else {
      made_.precision = half || bf16 ? "BF16" : "FP32";
    }
    if (half) {
      made_.notes.emplace_back("--fp16: at the rates of BF16");
    }
  }

  void ReadSharding() {
    const bool fsdp = given_.Flag("use-torch-fsdp2") || given_.Flag("use-megatron-fsdp") ||
                      given_.Flag("use-custom-fsdp");
    const std::string strategy = given_.Text("data-parallel-sharding-strategy", "no_shard");
    // DeepSpeed's fork says the stage.
    made_.zero = given_.Flag("use-distributed-optimizer") ? 1 : Or("zero-stage", 0);
    if (fsdp) {
      made_.zero = given_.Flag("use-torch-fsdp2") || strategy == "optim_grads_params" ? 3
                   : strategy == "optim_grads"                                        ? 2
                                                                                      : 1;
    }
    made_.overlap_gradients = given_.Flag("overlap-grad-reduce") || fsdp;
    made_.overlap_parameters = given_.Flag("overlap-param-gather") || fsdp;
    const std::optional<int> copies = given_.Number("num-distributed-optimizer-instances");
    if (copies && *copies > 1 && made_.data % *copies == 0) {
      made_.shard_group = made_.data / *copies;
    }
    if (given_.Flag("tp-comm-overlap")) {
      made_.notes.emplace_back(
          "--tp-comm-overlap: as much as the stack hides; overlap.tensor says "
          "otherwise");
    }
  }

  void ReadRecompute() {
    std::string granularity = given_.Text("recompute-granularity");
    if (given_.Flag("recompute-activations")) {
      granularity = "selective";
    }
    if (given_.Flag("checkpoint-activations")) {
      granularity = "full";  // of DeepSpeed's fork, and of Megatron before 2022
    }
    made_.recompute = granularity == "full"        ? "FULL_LAYER"
                      : granularity == "selective" ? "SELECTIVE"
                                                   : "NONE";
    if (!granularity.empty() && made_.recompute == "NONE") {
      given_.Refuse("recompute-granularity", "--recompute-granularity is " + Quoted(granularity),
                    "full or selective");
    }
    const std::string method = given_.Text("recompute-method");
    const int layers = Or("recompute-num-layers", 1);
    const int held = std::max(1, model_.layers / made_.pipeline);
    if (granularity == "full" && method == "block" && layers < held) {
      made_.notes.push_back(fmt::format(
          "approximated: {} of {} layers of a stage are recomputed there, all of them here", layers,
          held));
    }
    if (granularity == "full" && method == "uniform" && layers > 1) {
      made_.notes.push_back(fmt::format(
          "approximated: inputs are kept every {} layers there, of every layer here", layers));
    }
    if (given_.Has("recompute-modules")) {
      made_.notes.emplace_back("--recompute-modules: SELECTIVE recomputes what the stack says");
    }
  }

  void ReadPipeline() {
    const std::optional<int> chunk = given_.Number("num-layers-per-virtual-pipeline-stage");
    const int stage = std::max(1, model_.depth() / made_.pipeline);
    made_.virtual_pipeline = Or("num-virtual-stages-per-pipeline-rank", 1);
    if (chunk && made_.pipeline > 1) {
      if (stage % *chunk != 0) {
        given_.Refuse("num-layers-per-virtual-pipeline-stage",
                      fmt::format("chunks of {} layers do not share out the {} layers of a stage",
                                  *chunk, stage),
                      fmt::format("a divisor of {}", stage));
        return;
      }
      made_.virtual_pipeline = stage / *chunk;
    }
    const bool embedding = given_.Flag("account-for-embedding-in-pipeline-split");
    const bool loss = given_.Flag("account-for-loss-in-pipeline-split");
    made_.embedding_as_layer = embedding && loss;
    ReadStages();
    for (const char* uneven :
         {"decoder-first-pipeline-num-layers", "decoder-last-pipeline-num-layers"}) {
      if (given_.Has(uneven)) {
        made_.notes.push_back(
            fmt::format("approximated: --{} {} fixes the layers of a stage; here the first chunks "
                        "hold one more",
                        uneven, given_.Text(uneven)));
      }
    }
    if (embedding != loss) {
      made_.notes.emplace_back("approximated: the embedding or the loss counts as a layer there");
    }
    ShareLayers(model_.depth() + (made_.embedding_as_layer ? 2 : 0), given_.Where("num-layers"),
                made_, problems_);
  }

  // Stages one by one, "Et*3|(tt|)*29m|L": as many chunks on a rank as there are stages for each.
  void ReadStages() {
    const std::string name = "pipeline-model-parallel-layout";
    const std::string written = given_.Text(name);
    if (written.empty()) {
      return;
    }
    const std::string stages = UnrolledStages(written);
    const auto parts = static_cast<int>(std::count(stages.begin(), stages.end(), '|')) + 1;
    const auto layers = static_cast<int>(std::count(stages.begin(), stages.end(), 't'));
    if (parts % made_.pipeline != 0) {
      given_.Refuse(name,
                    fmt::format("--{} {} has {} stages, which {} pipeline ranks do not share", name,
                                Quoted(written), parts, made_.pipeline),
                    fmt::format("a multiple of {} stages", made_.pipeline));
      return;
    }
    if (layers != model_.layers) {
      given_.Refuse(name,
                    fmt::format("--{} {} has {} layers (t), and --num-layers is {}", name,
                                Quoted(written), layers, model_.layers),
                    fmt::format("{} layers", model_.layers));
      return;
    }
    made_.virtual_pipeline = parts / made_.pipeline;
    made_.notes.push_back(fmt::format(
        "approximated: --{} {} is {} stages, {} on a rank; here layers are shared as evenly as they"
        " can be",
        name, written, parts, made_.virtual_pipeline));
  }

  void ReadOffload() {
    const std::string share = given_.Text("optimizer-offload-fraction");
    if (given_.Flag("optimizer-cpu-offload")) {
      made_.optimizer_on_host = true;
      if (!share.empty() && share != "1" && share != "1.0") {
        made_.notes.push_back(fmt::format(
            "approximated: {} of the optimizer is on the host there, all of it here", share));
      }
    }
    (void)given_.Text("mtp-loss-scaling-factor");
    const int layers = Or("cpu-offloading-num-layers", 0);
    if (given_.Flag("cpu-offloading") && layers > 0) {
      made_.offload_layers = layers;
    }
    ReadMoments();
    const std::string way = given_.Text("cp-comm-type", "p2p");
    if (made_.context > 1 && way != "p2p") {
      made_.notes.push_back(
          fmt::format("approximated: --cp-comm-type {}: keys and values go round here (p2p)", way));
    }
  }

  // Bytes of a moment by its format; Transformer Engine's FP8 has a scale for each tensor.
  int MomentBytes(const char* name) {
    const std::string format = given_.Text(name, "fp32");
    return format == "fp32" ? 4 : format == "fp8" || format == "uint8" ? 1 : 2;
  }

  // --use-precision-aware-optimizer: moments as narrow as it says.
  void ReadMoments() {
    if (!given_.Flag("use-precision-aware-optimizer")) {
      return;
    }
    const int bytes = MomentBytes("exp-avg-dtype") + MomentBytes("exp-avg-sq-dtype");
    made_.optimizer = bytes >= 8 ? "" : bytes >= 4 ? "adamw_16bit" : "adamw_8bit";
    if (bytes != 8 && bytes != 4 && bytes != 2) {
      made_.notes.push_back(fmt::format(
          "approximated: the two moments have {} bytes there, and are both in {} bits here", bytes,
          bytes >= 4 ? 16 : 8));
    }
    for (const char* const name : {"main-params-dtype", "main-grads-dtype"}) {
      const std::string format = given_.Text(name, "fp32");
      if (format != "fp32") {
        made_.notes.push_back(
            fmt::format("approximated: --{} {}: as the stack keeps them, in 32 "
                        "bits",
                        name, format));
      }
    }
  }

  // DeepEP waits on the host for counts of tokens unless CUDA graphs replay the step.
  void ReadStack() {
    const bool graphs = given_.Has("cuda-graph-impl") || given_.Flag("enable-cuda-graph") ||
                        given_.Flag("external-cuda-graph");
    const bool flex = given_.Flag("moe-enable-deepep") ||
                      given_.Has("moe-flex-dispatcher-backend") ||
                      given_.Text("moe-token-dispatcher-type") == "flex";
    const bool captured =
        graphs && model_.mixture.experts == 0 && given_.Names("cuda-graph-scope", "mlp");
    made_.stack = captured                               ? "megatron_core_graphs"
                  : !flex || model_.mixture.experts == 0 ? "megatron_core"
                  : graphs                               ? "megatron_core_flex"
                                                         : "megatron_deepep";
    made_.notes.push_back(
        fmt::format("stack: {}; megatron_lm is Megatron-LM at its defaults", made_.stack));
  }

  void ListUnmapped() {
    // torchrun's own, which LaunchedRanks reads
    for (const char* name : {"nnodes", "nproc-per-node", "num-nodes"}) {
      (void)given_.Has(name);
    }
    std::vector<std::string> asked = given_.Asked();
    for (std::string& name : asked) {
      name.insert(0, "--");
    }
    for (const WrittenKey* key : given_.Unread()) {
      if (!IsMegatronOfNoWeight(key->name)) {
        made_.unmapped.push_back(fmt::format("{}: --{} is not mapped{}", key->where.Text(),
                                             key->name, DidYouMean("--" + key->name, asked)));
      }
    }
  }

  const std::string& file_;
  bool bert_, t5_;
  const Arguments& given_;
  ProblemList& problems_;
  ModelSpec model_;
  ImportedTraining made_;
};

}  // namespace

std::int64_t LaunchedRanks(const std::string& file, std::string_view text) {
  ProblemList ignored;
  const ArgumentFile read = ReadArguments(file, text, ignored);
  const Arguments given(file, read.arguments, "--", ignored);
  const auto variable = [&read](std::initializer_list<const char*> names) {
    for (const char* name : names) {
      const auto found = read.variables.find(name);
      if (found != read.variables.end()) {
        return NumberIn(found->second);
      }
    }
    return 0;
  };
  const int nodes =
      given.Number("nnodes").value_or(variable({"NNODES", "NUM_NODES", "SLURM_NNODES"}));
  const int each = given.Number("nproc-per-node").value_or(variable({"GPUS_PER_NODE"}));
  return std::int64_t{nodes} * each;
}

ImportedTraining ReadMegatron(const std::string& file, std::string_view text,
                              std::int64_t accelerators, int vocabulary, ProblemList& problems) {
  const ArgumentFile read = ReadArguments(file, text, problems);
  if (!problems.empty()) {
    return {};
  }
  const Arguments given(file, read.arguments, "--", problems);
  return MegatronReader(file, text, given, problems).Read(accelerators, vocabulary);
}

}  // namespace gridlock
