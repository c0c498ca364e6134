#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/interop/arguments.h"
#include "sim/interop/megatron_model.h"
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
      : file_(file), text_(text), given_(given), problems_(problems) {}

  ImportedTraining Read(std::int64_t accelerators, int vocabulary) {
    ReadLayout();
    model_ = ReadMegatronModel(file_, text_, given_, vocabulary, made_, problems_);
    SetReplicas(accelerators, file_, made_, problems_);
    ReadBatch();
    ReadFormat();
    ReadSharding();
    ReadRecompute();
    ReadPipeline();
    ReadOffload();
    ReadCapacity();
    made_.model = model_.name;
    made_.entries = ModelEntry(model_, model_.name, "Megatron-LM arguments: " + file_, "  ");
    ReadStack();
    ListUnmapped();
    return std::move(made_);
  }

 private:
  int Or(const std::string& name, int otherwise) { return given_.Number(name).value_or(otherwise); }

  int Needed(const std::string& name) { return NeededNumber(given_, name, file_, problems_); }

  void ReadLayout() {
    made_.tensor = Or("tensor-model-parallel-size", Or("model-parallel-size", 1));
    made_.pipeline = Or("pipeline-model-parallel-size", 1);
    made_.context = Or("context-parallel-size", 1);
    made_.expert = Or("expert-model-parallel-size", 1);
    made_.expert_tensor = Or("expert-tensor-parallel-size", 0);
    made_.sequence_parallel = given_.Flag("sequence-parallel") && made_.tensor > 1;
    made_.pipeline_before_data = given_.Flag("use-tp-pp-dp-mapping");
  }

  void ReadBatch() {
    const bool decoder = model_.encoder.layers > 0 && given_.Has("decoder-seq-length");
    made_.sequence_length = Needed(decoder ? "decoder-seq-length" : "seq-length");
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
    const std::string recipe = given_.Text("fp8-recipe", "delayed");
    (void)given_.Text("fp4-recipe");
    if (given_.Has("fp4-format")) {
      made_.precision = "NVFP4";  // the one recipe of --fp4-recipe
    } else if (fp8) {
      made_.precision = recipe == "mxfp8" ? "MXFP8" : "FP8";
      if (recipe == "blockwise") {
        made_.notes.emplace_back("--fp8-recipe blockwise: FP8 at the rate of one scale a tensor");
      }
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
    ReadOptimizer();
    const std::string way = given_.Text("cp-comm-type", "p2p");
    made_.exchanges_heads = way == "a2a";
    if (made_.context > 1 && way != "p2p" && way != "a2a") {
      made_.notes.push_back(
          fmt::format("approximated: --cp-comm-type {}: keys and values go round here (p2p)", way));
    }
  }

  // Bytes of a moment by its format; Transformer Engine's FP8 has a scale for each tensor.
  int MomentBytes(const char* name) {
    const std::string format = given_.Text(name, "fp32");
    return format == "fp32" ? 4 : format == "fp8" || format == "uint8" ? 1 : 2;
  }

  // Megatron's SGD has a momentum of 0.9 unless it is told otherwise.
  void ReadOptimizer() {
    const std::string name = given_.Text("optimizer", "adam");
    const std::string momentum = given_.Text("sgd-momentum", "0.9");
    if (name.ends_with("muon")) {  // dist_muon too
      made_.optimizer = "muon";
    } else if (name == "sgd") {
      made_.optimizer = momentum == "0" || momentum == "0.0" ? "sgd" : "sgd_momentum";
    } else {
      if (name != "adam") {
        made_.notes.push_back(fmt::format("approximated: --optimizer {} counts as AdamW", name));
      }
      ReadMoments();
    }
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
    const std::string format = given_.Text("main-params-dtype", "fp32");
    if (format != "fp32") {
      made_.notes.push_back(
          fmt::format("approximated: --main-params-dtype {}: as the stack keeps them", format));
    }
  }

  // Tokens that an expert takes at most.
  void ReadCapacity() {
    const std::string capacity = given_.Text("moe-expert-capacity-factor");
    if (capacity.empty() || !model_.has_experts()) {
      return;
    }
    made_.expert_capacity = capacity;
    made_.expert_padding = given_.Flag("moe-pad-expert-input-to-capacity");
  }

  // DeepEP waits on the host for counts of tokens unless CUDA graphs replay the step.
  void ReadStack() {
    const bool graphs = given_.Text("cuda-graph-impl", "none") != "none" ||
                        given_.Flag("enable-cuda-graph") || given_.Flag("external-cuda-graph");
    const bool flex = given_.Flag("moe-enable-deepep") ||
                      given_.Has("moe-flex-dispatcher-backend") ||
                      given_.Text("moe-token-dispatcher-type") == "flex";
    const bool beside = given_.Flag("overlap-moe-expert-parallel-comm");
    if (!model_.has_experts()) {
      const bool captured = graphs && given_.Names("cuda-graph-scope", "mlp");
      made_.stack = captured ? "megatron_core_graphs" : "megatron_core";
    } else if (beside) {
      made_.stack = !flex    ? "megatron_exchange_overlap"
                    : graphs ? "megatron_core_overlap"
                             : "megatron_deepep_overlap";
    } else {
      made_.stack = !flex ? "megatron_core" : graphs ? "megatron_core_flex" : "megatron_deepep";
    }
    made_.notes.push_back(
        fmt::format("stack: {}; megatron_lm is Megatron-LM at its defaults", made_.stack));
    ReadGradients();
  }

  // Megatron-LM accumulates and reduces gradients of BF16 training in 32 bits unless it is told
  // otherwise (megatron/training/arguments.py); the entries have what NVIDIA's recipes say.
  void ReadGradients() {
    const bool asked = given_.Flag("accumulate-allreduce-grads-in-fp32");
    const bool narrow =
        given_.Flag("grad-reduce-in-bf16") || given_.Text("main-grads-dtype", "fp32") == "bf16";
    const bool half = given_.Flag("fp16") && !given_.Flag("bf16");  // widened for BF16 alone
    if ((narrow || half) && !asked) {
      return;
    }
    const std::string like = made_.stack;
    made_.stack += "_wide_gradients";
    made_.entries += fmt::format(
        "  stack {{\n    name: {}\n    title: {}\n    like: {}\n    family: \"Megatron-like\"\n"
        "    main_gradient_bytes: 4\n    optimizer_bytes: 12\n    source {{\n      text: {}\n    "
        "}}\n"
        "  }}\n",
        TextValue(made_.stack), TextValue(like + ", gradients in 32 bits"), TextValue(like),
        TextValue("NVIDIA/Megatron-LM, megatron/training/arguments.py: gradients of BF16 training "
                  "accumulate and are reduced in FP32 without --grad-reduce-in-bf16, and its "
                  "optimizer keeps 12 bytes a parameter."));
    made_.notes.push_back(
        fmt::format("gradients in 32 bits, 4 bytes each in memory and on the wire ({}); "
                    "--grad-reduce-in-bf16 halves them",
                    asked ? "--accumulate-allreduce-grads-in-fp32" : "Megatron-LM's default"));
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
  std::string_view text_;
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
  ImportedTraining made =
      MegatronReader(file, text, given, problems).Read(accelerators, vocabulary);
  made.notes.insert(made.notes.begin(), read.notes.begin(), read.notes.end());
  return made;
}

}  // namespace gridlock
