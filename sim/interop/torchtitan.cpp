#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/interop/arguments.h"
#include "sim/interop/training_text.h"

namespace gridlock {

namespace {

struct Flavor {
  const char* model;  ///< as torchtitan calls it
  const char* flavor;
  const char* name;  ///< in the catalogue
  int layers;
};

constexpr Flavor kFlavors[] = {
    {"llama3", "8B", "llama_3.1_8b", 32},
    {"llama3", "70B", "llama_3.1_70b", 80},
    {"llama3", "405B", "llama_3.1_405b", 126},
    {"llama4", "17bx16e", "llama_4_scout", 48},
    {"llama4", "17bx128e", "llama_4_maverick", 48},
    {"deepseek_v3", "671B", "deepseek_v3", 61},
    {"qwen3", "30B-A3B", "qwen3_30b_a3b", 48},
    {"qwen3", "235B-A22B", "qwen3_235b_a22b", 94},
    {"deepseek_v3", "16B", "deepseek_v2_lite", 27},
    {"qwen3", "0.6B", "qwen3_0.6b", 28},
    {"qwen3", "1.7B", "qwen3_1.7b", 28},
    {"qwen3", "4B", "qwen3_4b", 36},
    {"qwen3", "8B", "qwen3_8b", 36},
    {"qwen3", "14B", "qwen3_14b", 40},
    {"qwen3", "32B", "qwen3_32b", 64},
};

// Sections and keys that change neither a size nor a time that is simulated.
constexpr const char* kTitanOfNoWeight[] = {"job.",
                                            "profiling.",
                                            "metrics.",
                                            "optimizer.",
                                            "lr_scheduler.",
                                            "checkpoint.",
                                            "comm.",
                                            "validation.",
                                            "fault_tolerance.",
                                            "experimental.",
                                            "debug.",
                                            "model.hf_assets_path",
                                            "model.tokenizer_path",
                                            "model.norm_type",
                                            "training.steps",
                                            "training.dataset",
                                            "training.max_norm",
                                            "training.warmup_steps",
                                            "training.seed",
                                            "training.dataset_path",
                                            "training.deterministic",
                                            "training.gc_freq",
                                            "training.gc_debug",
                                            "compile.components",
                                            "compile.backend",
                                            "activation_checkpoint.selective_ac_option",
                                            "activation_checkpoint.preserve_rng_state"};

class TorchtitanReader {
 public:
  TorchtitanReader(const std::string& file, const Arguments& given, ProblemList& problems)
      : file_(file), given_(given), problems_(problems) {}

  ImportedTraining Read(std::int64_t accelerators, const std::string& model) {
    ReadModel(model);
    ReadLayout(accelerators);
    ReadTraining();
    ReadRest();
    ListUnmapped();
    return std::move(made_);
  }

 private:
  int Or(const std::string& name, int otherwise) { return given_.Number(name).value_or(otherwise); }

  void ReadModel(const std::string& named) {
    const std::string model = given_.Text("model.name", "llama3");
    const std::string flavor = given_.Text("model.flavor");
    const auto* const found =
        std::find_if(std::begin(kFlavors), std::end(kFlavors), [&](const Flavor& each) {
          return named.empty() ? model == each.model && flavor == each.flavor : named == each.name;
        });
    if (!named.empty()) {
      made_.model = named;
      layers_ = found == std::end(kFlavors) ? 0 : found->layers;
    } else if (found != std::end(kFlavors)) {
      made_.model = found->name;
      layers_ = found->layers;
    } else {
      std::string known;
      for (const Flavor& each : kFlavors) {
        known += fmt::format("{}{} {}", known.empty() ? "" : ", ", each.model, each.flavor);
      }
      given_.Refuse("model.flavor",
                    fmt::format("the catalogue has no model {} {}", Quoted(model), Quoted(flavor)),
                    known + ", or --model NAME of this command");
    }
  }

  void ReadLayout(std::int64_t accelerators) {
    made_.tensor = Or("parallelism.tensor_parallel_degree", 1);
    made_.pipeline = Or("parallelism.pipeline_parallel_degree", 1);
    made_.context = Or("parallelism.context_parallel_degree", 1);
    made_.expert = Or("parallelism.expert_parallel_degree", 1);
    made_.expert_tensor = Or("parallelism.expert_tensor_parallel_degree", 0);
    made_.sequence_parallel = made_.tensor > 1;
    made_.pipeline_before_data = false;
    SetReplicas(accelerators, file_, made_, problems_);
    const int copies = Or("parallelism.data_parallel_replicate_degree", 1);
    const int shards = given_.Number("parallelism.data_parallel_shard_degree", -1).value_or(-1);
    const int shared = shards > 0 ? shards : std::max(1, made_.data / copies);
    if (problems_.empty() && shared * copies != made_.data) {
      given_.Refuse(
          "parallelism.data_parallel_shard_degree",
          fmt::format("{} copies of {} shards are {} replicas, and the accelerators leave "
                      "{}",
                      copies, shared, copies * shared, made_.data),
          "-1, or the right number");
    }
    made_.zero = shared > 1 ? 3 : 0;
    if (copies > 1 && shared > 1) {
      made_.shard_group = shared;
    }
    const std::string reshard = given_.Text("parallelism.fsdp_reshard_after_forward", "default");
    if (made_.zero == 3 && reshard == "never" && made_.pipeline == 1) {
      made_.notes.emplace_back(
          "approximated: parameters stay gathered from the forward to the backward pass there; "
          "here they are gathered for each (zero: 3)");
    }
    if (made_.zero == 3 && reshard == "always" && made_.pipeline > 1) {
      made_.notes.emplace_back(
          "approximated: parameters are gathered for each pass there; here a stage keeps them "
          "whole (keeps_whole_stages)");
    }
    const std::string schedule = given_.Text("parallelism.pipeline_parallel_schedule", "1F1B");
    if (made_.pipeline > 1) {
      ReadSchedule(schedule);
    }
    const int extra = ReadStages();
    if (layers_ > 0) {
      ShareLayers(layers_ + extra, given_.Where("parallelism.pipeline_parallel_degree"), made_,
                  problems_);
    }
  }

  // Names: PyTorch, torch/distributed/pipelining/schedules.py. Looped schedules have two chunks a
  // stage by torchtitan's own default.
  void ReadSchedule(const std::string& name) {
    struct Known {
      const char* name;
      const char* schedule;  ///< "": 1F1B
      int chunks;
    };

    static constexpr Known kKnown[] = {
        {"1F1B", "", 1},
        {"Interleaved1F1B", "", 2},
        {"GPipe", "GPIPE", 1},
        {"LoopedBFS", "GPIPE", 2},
        {"InterleavedZeroBubble", "ZERO_BUBBLE", 2},
        {"ZBVZeroBubble", "ZERO_BUBBLE_V", 2},
        {"DualPipeV", "DUAL_PIPE_V", 2},
    };
    for (const Known& known : kKnown) {
      if (name == known.name) {
        made_.schedule = known.schedule;
        made_.virtual_pipeline = known.chunks;
        return;
      }
    }
    made_.notes.push_back(fmt::format("approximated: the schedule {} runs as 1F1B", name));
  }

  // Stages are as many as layers_per_stage makes of the layers and of what the embedding and the
  // head count as. Returns the layers that those two count as here.
  int ReadStages() {
    const char* const per_stage = "parallelism.pipeline_parallel_layers_per_stage";
    const std::optional<int> held = given_.Number(per_stage);
    const int first = Less("first"), last = Less("last");
    if (!held || made_.pipeline == 1) {
      return 0;
    }
    if (layers_ == 0) {
      made_.notes.push_back(fmt::format(
          "approximated: {} is not read, since the layers of {} are not known here: {} chunks of a "
          "stage",
          per_stage, made_.model, made_.virtual_pipeline));
      return 0;
    }
    made_.embedding_as_layer = first == 1 && last == 1;
    if (first != last || first > 1) {
      made_.notes.push_back(fmt::format(
          "approximated: the first stage holds {} layers less there and the last {}; alike here",
          first, last));
    }
    const int stages = (layers_ + first + last + *held - 1) / *held;
    if (stages % made_.pipeline != 0) {
      given_.Refuse(per_stage,
                    fmt::format("{} layers and {} for the embedding and the head, {} of a stage, "
                                "make {} stages, which {} pipeline ranks do not share",
                                layers_, first + last, *held, stages, made_.pipeline),
                    fmt::format("a multiple of {} stages", made_.pipeline));
      return 0;
    }
    made_.virtual_pipeline = stages / made_.pipeline;
    return made_.embedding_as_layer ? 2 : 0;
  }

  int Less(const char* end) {
    const std::string name = fmt::format("parallelism.pipeline_parallel_{}_stage_less_layers", end);
    return given_.Number(name, 0).value_or(1);
  }

  void ReadTraining() {
    made_.sequence_length = Or("training.seq_len", 2048);
    made_.micro_batch = Or("training.local_batch_size", Or("training.batch_size", 8));
    const std::int64_t per_step = made_.micro_batch * made_.data;
    const std::optional<int> global = given_.Number("training.global_batch_size", -1);
    made_.global_batch = global && *global > 0 ? *global : per_step;
    if (made_.pipeline > 1) {
      made_.micro_batch = Or("parallelism.pipeline_parallel_microbatch_size", 1);
    }
    made_.precision = "BF16";
    if (given_.Text("training.mixed_precision_param", "bfloat16") == "float32") {
      made_.precision = "FP32";
    }
    ReadFormat();
  }

  // One factor for a whole tensor unless a recipe says otherwise; torchtitan's MX converter scales
  // blocks. A recipe without a converter is not read there either.
  void ReadFormat() {
    const std::string converters = given_.List("model.converters", "");
    recipe_ = given_.Text("float8.recipe_name", given_.Text("quantize.linear.float8.recipe_name"));
    (void)given_.Text("mx.recipe_name", given_.Text("quantize.linear.mx.recipe_name"));
    if (converters.find("float8") != std::string::npos ||
        given_.Flag("float8.enable_float8_linear")) {
      made_.precision = "FP8";
    } else if (converters.find("mx") != std::string::npos) {
      made_.precision = "MXFP8";
    } else if (!recipe_.empty()) {
      made_.notes.push_back(fmt::format(
          "float8.recipe_name {}: no converter is given (model.converters = [\"float8\"]), so "
          "products stay in {}",
          recipe_, made_.precision));
    }
    if (recipe_ == "rowwise_with_gw_hp") {
      made_.notes.emplace_back(
          "approximated: rowwise_with_gw_hp keeps gradients of weights in 16 bits there; all "
          "products are in FP8 here");
    }
  }

  void ReadRest() {
    const std::string mode = given_.Text("activation_checkpoint.mode", "selective");
    made_.recompute = mode == "full" ? "FULL_LAYER" : mode == "none" ? "NONE" : "SELECTIVE";
    const bool compiled = given_.Flag("compile.enable") || given_.Flag("training.compile");
    made_.stack = given_.Flag("parallelism.enable_async_tensor_parallel") ? "torchtitan_asynctp"
                  : compiled && made_.precision == "FP8" && recipe_.starts_with("rowwise")
                      ? "torchtitan_rowwise"
                  : made_.tensor > 1 ? compiled ? "torchtitan_tensor_compiled" : "torchtitan_tensor"
                  : compiled         ? "torchtitan"
                                     : "torchtitan_eager";
    made_.notes.push_back("stack: " + made_.stack);
  }

  void ListUnmapped() {
    const std::vector<std::string> asked = given_.Asked();
    for (const WrittenKey* key : given_.Unread()) {
      const bool known = std::any_of(std::begin(kTitanOfNoWeight), std::end(kTitanOfNoWeight),
                                     [key](const char* each) {
                                       return key->name.starts_with(each);
                                     });
      const bool off = key->values.size() == 1 && key->values[0].text == "false";
      if (!known && !off) {
        made_.unmapped.push_back(fmt::format("{}: {} is not mapped{}", key->where.Text(), key->name,
                                             DidYouMean(key->name, asked)));
      }
    }
  }

  const std::string& file_;
  const Arguments& given_;
  ProblemList& problems_;
  ImportedTraining made_;
  int layers_ = 0;      ///< 0: not known here
  std::string recipe_;  ///< of float8
};

}  // namespace

ImportedTraining ReadTorchtitan(const std::string& file, std::string_view text,
                                std::int64_t accelerators, const std::string& model,
                                ProblemList& problems) {
  const std::vector<WrittenKey> keys = ReadToml(file, text, problems);
  if (!problems.empty()) {
    return {};
  }
  const Arguments given(file, keys, "", problems);
  return TorchtitanReader(file, given, problems).Read(accelerators, model);
}

}  // namespace gridlock
