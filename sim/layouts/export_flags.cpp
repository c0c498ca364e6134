#include "sim/layouts/export_flags.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/layouts/export_model.h"
#include "workloads/schedule.h"

namespace gridlock {

namespace {

using Argument = MegatronArgument;

// Names: NVIDIA/Megatron-LM, megatron/training/arguments.py.
std::vector<Argument> MegatronSizes(const TrainingSpec& job) {
  const Layout& layout = job.layout;
  std::vector<Argument> out;
  const auto add = [&](const char* name, std::int64_t value) {
    out.emplace_back(name, std::to_string(value));
  };
  add("tensor-model-parallel-size", layout.tensor);
  add("pipeline-model-parallel-size", layout.pipeline);
  if (layout.virtual_pipeline > 1) {
    add("num-virtual-stages-per-pipeline-rank", layout.virtual_pipeline);
  }
  add("context-parallel-size", layout.context);
  if (layout.exchanges_heads()) {
    out.emplace_back("cp-comm-type", "a2a");
  }
  if (job.model.has_experts()) {
    add("expert-model-parallel-size", layout.expert);
    add("expert-tensor-parallel-size", layout.expert_width());
  }
  if (layout.sequence_parallel && layout.tensor > 1) {
    out.emplace_back("sequence-parallel", "");
  }
  if (layout.embedding_as_layer) {
    out.emplace_back("account-for-embedding-in-pipeline-split", "");
    out.emplace_back("account-for-loss-in-pipeline-split", "");
  }
  if (layout.rank_order == RankOrder::kTensorPipelineData && layout.pipeline > 1) {
    out.emplace_back("use-tp-pp-dp-mapping", "");
  }
  add("micro-batch-size", job.micro_batch);
  add("global-batch-size", job.global_batch);
  add("seq-length", job.sequence_length);
  return out;
}

void AddMegatronStates(const TrainingSpec& job, std::vector<Argument>& out) {
  if (job.zero == 1) {
    out.emplace_back("use-distributed-optimizer", "");
  } else if (job.zero >= 2) {
    out.emplace_back("use-distributed-optimizer", "");
    out.emplace_back("use-megatron-fsdp", "");
    out.emplace_back("no-gradient-accumulation-fusion", "");
    out.emplace_back("ckpt-format", "fsdp_dtensor");
    out.emplace_back("data-parallel-sharding-strategy",
                     job.zero == 2 ? "optim_grads" : "optim_grads_params");
  }
  if (job.stack.overlap_gradients) {
    out.emplace_back("overlap-grad-reduce", "");
  }
  if (job.stack.overlap_parameters && job.zero >= 1) {
    out.emplace_back("overlap-param-gather", "");
  }
  if (job.recompute == Recompute::kSelective) {
    out.emplace_back("recompute-granularity", "selective");
  } else if (job.recompute == Recompute::kFull) {
    out.emplace_back("recompute-granularity", "full");
    out.emplace_back("recompute-method", "uniform");
    out.emplace_back("recompute-num-layers", "1");
  }
}

// Blocks of 32 numbers have a scale in MXFP8, of 16 in NVFP4.
void AddMegatronFormat(const TrainingSpec& job, std::vector<Argument>& out) {
  const bool scaled = job.scale_bytes > 0;
  if (job.precision == Precision::kBf16 || job.precision == Precision::kFp8 ||
      job.precision == Precision::kFp4) {
    out.emplace_back("bf16", "");
  }
  if (job.precision == Precision::kFp8) {
    out.emplace_back("fp8-format", scaled ? "e4m3" : "hybrid");
    out.emplace_back("fp8-recipe", scaled ? "mxfp8" : "delayed");
  } else if (job.precision == Precision::kFp4) {
    out.emplace_back("fp4-format", "e2m1");
    out.emplace_back("fp4-recipe", "nvfp4");
  }
  constexpr double kWide = 4;
  out.emplace_back(job.stack.main_gradient_bytes < kWide ? "grad-reduce-in-bf16"
                                                         : "accumulate-allreduce-grads-in-fp32",
                   "");
}

// How tokens come to their experts.
void AddMegatronDispatch(const TrainingSpec& job, std::vector<Argument>& out) {
  if (!job.model.has_experts()) {
    return;
  }
  const StackSpec& stack = job.stack;
  out.emplace_back("moe-token-dispatcher-type",
                   stack.dispatch_once_per_domain ? "flex" : "alltoall");
  if (stack.dispatch_once_per_domain) {
    out.emplace_back("moe-enable-deepep", "");
    if (stack.expert_wait_forward <= Seconds(0)) {
      out.emplace_back("cuda-graph-impl", "transformer_engine");
    }
  }
  if (stack.expert_overlap > 0) {
    out.emplace_back("overlap-moe-expert-parallel-comm", "");
  }
  if (job.expert_load.capacity > 0) {
    out.emplace_back("moe-expert-capacity-factor", fmt::format("{}", job.expert_load.capacity));
    if (job.expert_load.padded) {
      out.emplace_back("moe-pad-expert-input-to-capacity", "");
    }
  }
}

// Optimizers that Megatron has under a name of its own.
bool SaysOptimizer(const TrainingSpec& job) {
  const std::string& name = job.optimizer.name;
  return name == "muon" || name == "sgd" || name == "sgd_momentum" || name == "adamw_16bit" ||
         name == "adamw_8bit";
}

void AddMegatronOptimizer(const TrainingSpec& job, std::vector<Argument>& out) {
  const std::string& name = job.optimizer.name;
  if (name == "muon") {
    out.emplace_back("optimizer", "muon");
  } else if (name == "sgd" || name == "sgd_momentum") {
    out.emplace_back("optimizer", "sgd");
    out.emplace_back("sgd-momentum", name == "sgd" ? "0.0" : "0.9");
  } else if (name == "adamw_16bit" || name == "adamw_8bit") {
    const char* const format = name == "adamw_16bit" ? "bf16" : "fp8";
    out.emplace_back("use-precision-aware-optimizer", "");
    out.emplace_back("exp-avg-dtype", format);
    out.emplace_back("exp-avg-sq-dtype", format);
  }
}

std::vector<Argument> MegatronArguments(const TrainingSpec& job) {
  std::vector<Argument> out;
  AddMegatronModel(job.model, out);
  const std::vector<Argument> sizes = MegatronSizes(job);
  out.insert(out.end(), sizes.begin(), sizes.end());
  AddMegatronStates(job, out);
  AddMegatronFormat(job, out);
  AddMegatronOptimizer(job, out);
  AddMegatronDispatch(job, out);
  return out;
}

// What Megatron's arguments do not say of the job.
std::vector<std::string> MegatronGaps(const TrainingSpec& job) {
  std::vector<std::string> gaps = MegatronModelGaps(job.model);
  const Layout& layout = job.layout;
  if (layout.uneven_layers) {
    gaps.emplace_back(
        "uneven layers: say which stage holds how many, e.g. with "
        "--pipeline-model-parallel-layout");
  }
  if (layout.schedule != Schedule::kOneForwardOneBackward) {
    gaps.push_back(fmt::format("the schedule {}", NamesOf(layout.schedule).field));
  }
  if (layout.shard_group > 0) {
    gaps.push_back(fmt::format("copies over {} replicas: --num-distributed-optimizer-instances {}",
                               layout.shard_group, layout.data / layout.shard_group));
  }
  if (layout.domain_ranks > 0) {
    gaps.push_back(
        fmt::format("{} accelerators of each scale-up domain are used: start so many "
                    "ranks on each server",
                    layout.domain_ranks));
  }
  if (job.offload_activations) {
    gaps.emplace_back("activations in host memory, e.g. --cpu-offloading of Transformer Engine");
  }
  if (job.precision == Precision::kTf32 || job.precision == Precision::kInt8) {
    gaps.emplace_back("the number format");
  }
  return gaps;
}

// What no trainer's flags of layout say.
std::vector<std::string> TuningGaps(const TrainingSpec& job, bool says_optimizer) {
  std::vector<std::string> gaps;
  if (!job.trains_base()) {
    gaps.push_back(
        fmt::format("adapters of rank {}: see gridlock export --to peft", job.adapters.rank));
  }
  if (job.frozen.layers > 0 || job.frozen.tables) {
    gaps.push_back(fmt::format("frozen parts: {} leading layers{}", job.frozen.layers,
                               job.frozen.tables ? ", embedding and LM head" : ""));
  }
  if (!job.copies.empty()) {
    gaps.push_back(fmt::format("{} frozen {} beside the model", job.copies.size(),
                               job.copies.size() == 1 ? "copy" : "kinds of copies"));
  }
  if (job.optimizer.in_backward) {
    gaps.emplace_back("updates in the backward pass");
  }
  const bool other = job.optimizer.name != "adamw" && !says_optimizer;
  if (other || job.optimizer.place != StatesPlace::kHbm) {
    gaps.push_back(fmt::format("the optimizer: {}{}", job.optimizer.name,
                               job.optimizer.place == StatesPlace::kHbm ? "" : ", not in HBM"));
  }
  return gaps;
}

std::string Head(const TrainingSpec& job, std::vector<std::string> gaps, bool says_optimizer) {
  const std::vector<std::string> more = TuningGaps(job, says_optimizer);
  gaps.insert(gaps.end(), more.begin(), more.end());
  std::string text =
      fmt::format("# {}, {} accelerators: {} replicas (data-parallel size follows)\n",
                  job.model.name, job.layout.accelerators(), job.layout.data);
  for (const std::string& gap : gaps) {
    text += "# not said here: " + gap + "\n";
  }
  return text;
}

std::string Megatron(const TrainingSpec& job) {
  std::string text = Head(job, MegatronGaps(job), SaysOptimizer(job));
  for (const auto& [name, value] : MegatronArguments(job)) {
    text += "--" + name + (value.empty() ? "" : " " + value) + "\n";
  }
  return text;
}

// Primus hands Megatron's arguments on, with underscores, as overrides of a trainer (AMD-AIG-AIMA/
// Primus, examples/megatron/configs).
std::string Primus(const TrainingSpec& job) {
  std::string text = Head(job, MegatronGaps(job), SaysOptimizer(job));
  text +=
      "modules:\n  pre_trainer:\n    framework: megatron\n    config: pre_trainer.yaml\n"
      "    overrides:\n";
  for (auto [name, value] : MegatronArguments(job)) {
    std::replace(name.begin(), name.end(), '-', '_');
    text += fmt::format("      {}: {}\n", name, value.empty() ? "true" : value);
  }
  return text;
}

std::vector<std::string> TorchtitanGaps(const TrainingSpec& job) {
  std::vector<std::string> gaps;
  if (job.layout.uneven_layers) {
    gaps.emplace_back(
        "how layers are split: see pipeline_parallel_first_stage_less_layers and "
        "pipeline_parallel_last_stage_less_layers");
  }
  // Between micro-batches of a pipeline FSDP2 neither reduces gradients nor drops parameters
  // (PyTorch, distributed/pipelining/stage.py, backward_maybe_with_nosync).
  const bool stages = job.layout.pipeline > 1;
  if (job.zero == 1 && !stages) {
    gaps.emplace_back("ZeRO 1: gradients are sharded too (ZeRO 2)");
  } else if (job.zero >= 2 && stages) {
    gaps.push_back(
        fmt::format("ZeRO {}: with pipeline stages gradients stay whole until the last "
                    "micro-batch, so that memory is that of zero: 1",
                    job.zero));
  }
  if (job.layout.rank_order == RankOrder::kTensorDataPipeline && job.layout.pipeline > 1) {
    gaps.emplace_back("the rank order: pipeline ranks are outermost there, as here");
  } else if (job.layout.pipeline > 1) {
    gaps.emplace_back("the rank order: replicas are outermost here, pipeline ranks there");
  }
  if (job.offload_activations) {
    gaps.emplace_back("activations in host memory");
  }
  if (job.layout.exchanges_heads()) {
    gaps.emplace_back("that context ranks exchange heads (ALL_TO_ALL)");
  }
  if (job.precision != Precision::kBf16) {
    gaps.emplace_back("the number format: see model.converters");
  }
  return gaps;
}

// Names: PyTorch, torch/distributed/pipelining/schedules.py.
const char* TorchtitanSchedule(const Layout& layout) {
  switch (layout.schedule) {
    case Schedule::kZeroBubble:
      return "InterleavedZeroBubble";
    case Schedule::kGPipe:
      return layout.virtual_pipeline > 1 ? "LoopedBFS" : "GPipe";
    case Schedule::kZeroBubbleV:
      return "ZBVZeroBubble";
    case Schedule::kDualPipeV:
      return "DualPipeV";
    case Schedule::kOneForwardOneBackward:
      break;
  }
  return layout.virtual_pipeline > 1 ? "Interleaved1F1B" : "1F1B";
}

// Names: pytorch/torchtitan, torchtitan/config/job_config.py.
std::string Torchtitan(const TrainingSpec& job) {
  const Layout& layout = job.layout;
  const int sharing = job.zero == 0 ? 1 : layout.sharing_replicas();
  std::string text = Head(job, TorchtitanGaps(job), false);
  text +=
      fmt::format("[training]\nlocal_batch_size = {}\nglobal_batch_size = {}\nseq_len = {}\n\n",
                  job.micro_batch *
                      (layout.pipeline > 1 ? job.global_batch / layout.data / job.micro_batch : 1),
                  job.global_batch, job.sequence_length);
  text += fmt::format(
      "[parallelism]\ndata_parallel_replicate_degree = {}\ndata_parallel_shard_degree = {}\n"
      "fsdp_reshard_after_forward = \"{}\"\ntensor_parallel_degree = {}\n"
      "pipeline_parallel_degree = {}\n",
      layout.data / sharing, sharing, job.zero == 3 ? "always" : "never", layout.tensor,
      layout.pipeline);
  if (layout.pipeline > 1) {
    // It has ceil((layers + both less_layers) / layers_per_stage) stages.
    const int chunks = layout.pipeline * layout.virtual_pipeline;
    const int less = layout.embedding_as_layer ? 1 : 0;
    text += fmt::format(
        "pipeline_parallel_schedule = \"{}\"\npipeline_parallel_microbatch_size = {}\n"
        "pipeline_parallel_layers_per_stage = {}\n"
        "pipeline_parallel_first_stage_less_layers = {}\n"
        "pipeline_parallel_last_stage_less_layers = {}\n",
        TorchtitanSchedule(layout), job.micro_batch,
        (job.model.layers + 2 * less + chunks - 1) / chunks, less, less);
  }
  text += fmt::format("context_parallel_degree = {}\n", layout.context);
  if (job.model.has_experts()) {
    text += fmt::format("expert_parallel_degree = {}\nexpert_tensor_parallel_degree = {}\n",
                        layout.expert, layout.expert_width());
  }
  const bool full = job.recompute == Recompute::kFull;
  const bool selective = job.recompute == Recompute::kSelective;
  text += fmt::format("\n[activation_checkpoint]\nmode = \"{}\"\n",
                      full ? "full" : (selective ? "selective" : "none"));
  return text + (selective ? "selective_ac_option = \"op\"\n" : "");
}

// adapter_config.json (huggingface/peft, tuners/lora/config.py).
std::string Peft(const TrainingSpec& job) {
  using namespace adapter_target;
  if (job.trains_base()) {
    throw UserError("", "the job has no adapters; expected adapters { rank: 16 } or another rank");
  }

  struct Module {
    int bit;
    const char* name;
  };

  constexpr Module kModules[] = {
      {kQuery, "q_proj"},   {kKey, "k_proj"}, {kValue, "v_proj"},  {kAttentionOut, "o_proj"},
      {kGate, "gate_proj"}, {kUp, "up_proj"}, {kDown, "down_proj"}};
  std::vector<std::string> names;
  for (const Module& module : kModules) {
    if (job.adapters.on(module.bit)) {
      names.push_back(Quoted(module.name));
    }
  }
  const std::string dropout = job.adapters.dropout > 0
                                  ? fmt::format("  \"lora_dropout\": {},\n", job.adapters.dropout)
                                  : "";
  return fmt::format(
      "{{\n  \"peft_type\": \"LORA\",\n  \"task_type\": \"CAUSAL_LM\",\n  \"r\": {},\n"
      "  \"lora_alpha\": {},\n{}  \"target_modules\": [{}]\n}}\n",
      job.adapters.rank, job.adapters.rank, dropout, fmt::join(names, ", "));
}

struct Target {
  const char* name;
  std::string (*text)(const TrainingSpec& job);
};

constexpr Target kTargets[] = {
    {"megatron", &Megatron}, {"torchtitan", &Torchtitan}, {"primus", &Primus}, {"peft", &Peft}};

}  // namespace

std::vector<std::string> ExportTargets() {
  std::vector<std::string> names;
  for (const Target& target : kTargets) {
    names.emplace_back(target.name);
  }
  return names;
}

std::string ExportText(const TrainingSpec& job, const std::string& target) {
  for (const Target& each : kTargets) {
    if (target == each.name) {
      return each.text(job);
    }
  }
  throw UserError(
      "", fmt::format("no framework {} is known{}; expected one of {}", Quoted(target),
                      DidYouMean(target, ExportTargets()), fmt::join(ExportTargets(), ", ")));
}

}  // namespace gridlock
