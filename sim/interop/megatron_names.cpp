#include "sim/interop/megatron_names.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <iterator>
#include <string_view>
#include <vector>

namespace gridlock {

namespace {

// What neither changes a size nor a time that is simulated. A name that ends in "*" stands for all
// that begin so.
constexpr const char* kMegatronOfNoWeight[] = {
    "adam-*",
    "add-qkv-bias",
    "async-*",
    "attention-backend",
    "attention-dropout",
    "attention-softmax-in-fp32",
    "apply-layernorm-1p",
    "auto-detect-ckpt-*",
    "bias-*",
    "calculate-per-token-loss",
    "check-*",
    "ckpt-*",
    "clip-grad",
    "cross-entropy-*",
    "data-cache-path",
    "data-path",
    "dataloader-type",
    "dist-ckpt-*",
    "distributed-backend",
    "distributed-timeout-minutes",
    "disable-bias-linear",
    "empty-unused-memory-level",
    "ddp-*",
    "end-weight-decay",
    "eod-mask-loss",
    "eval-*",
    "exit-*",
    "finetune",
    "fp8-amax-*",
    "fp8-margin",
    "fp8-interval",
    "fp8-param-gather",
    "hidden-dropout",
    "init-method-*",
    "initial-loss-scale",
    "use-mcore-models",
    "load",
    "log-*",
    "loss-scale*",
    "lr",
    "lr-*",
    "make-vocab-size-divisible-by",
    "manual-gc*",
    "merge-file",
    "min-lr",
    "min-loss-scale",
    "mock-data",
    "moe-aux-loss-coeff",
    "moe-grouped-gemm",
    "moe-permute-fusion",
    "moe-router-bias-update-rate",
    "moe-router-dtype",
    "moe-router-enable-expert-bias",
    "moe-router-group-topk",
    "moe-router-load-balancing-type",
    "moe-router-num-groups",
    "moe-router-pre-softmax",
    "moe-router-score-function",
    "moe-router-topk-scaling-factor",
    "moe-token-dispatcher-type",
    "moe-use-legacy-grouped-gemm",
    "moe-z-loss-coeff",
    "master-addr",
    "master-port",
    "max-epochs",
    "nccl-communicator-config-path",
    "no-bias-*",
    "no-check-*",
    "no-create-attention-mask-*",
    "no-gradient-accumulation-fusion",
    "no-load-*",
    "no-masked-softmax-fusion",
    "no-mmap-bin-files",
    "no-persist-layer-norm",
    "no-rope-fusion",
    "no-save-*",
    "node-rank",
    "norm-epsilon",
    "normalization",
    "num-dataset-builder-threads",
    "num-workers",
    "override-opt_param-scheduler",
    "persist-layer-norm",
    "profile*",
    "query-in-block-prob",
    "rdzv-*",
    "rampup-batch-size",
    "rerun-mode",
    "reset-*",
    "rope-*",
    "rotary-*",
    "save",
    "save-*",
    "seed",
    "split",
    "start-weight-decay",
    "squared-relu",
    "te-*",
    "tensorboard-*",
    "test-data-path",
    "timing-*",
    "tokenizer-model",
    "train-data-path",
    "train-iters",
    "train-samples",
    "transformer-impl",
    "use-checkpoint-*",
    "use-dist-ckpt",
    "use-flash-attn",
    "valid-data-path",
    "vocab-file",
    "wandb-*",
    "weight-decay*",
    "num-experts-*",
    "local-rank",
    "tee",
    "role",
    "redirects",
    "rdzv_*",
    "sft",
    "vocab-extra-ids",
    "override-*",
    "high-priority-*",
    "mscale*",
    "moe-router-padding-for-fp8",
    "moe-token-drop-policy",
    "moe-pad-expert-input-to-capacity",
    "cuda-graph-*",
    "enable-cuda-graph",
    "external-cuda-graph",
    "iter-*",
    "start-*",
    "no-one-logger",
};

}  // namespace

std::string UnrolledStages(std::string_view text) {
  std::vector<std::string> open(1);
  std::string last;  // what a star would repeat
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '(') {
      open.emplace_back();
      last.clear();
    } else if (c == ')' && open.size() > 1) {
      last = open.back();
      open.pop_back();
      open.back() += last;
    } else if (c == '*') {
      int times = 0;
      std::from_chars(text.data() + i + 1, text.data() + text.size(), times);
      constexpr int kMostLayers = 100'000;
      for (int more = 1; more < times && more < kMostLayers; ++more) {
        open.back() += last;
      }
    } else if (std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '|') {
      last = std::string(1, c);
      open.back() += last;
    }
  }
  std::string whole;
  for (const std::string& part : open) {
    whole += part;
  }
  return whole;
}

bool IsMegatronOfNoWeight(const std::string& name) {
  return std::any_of(
      std::begin(kMegatronOfNoWeight), std::end(kMegatronOfNoWeight), [&name](const char* each) {
        const std::string_view pattern(each);
        return pattern.ends_with("*") ? name.starts_with(pattern.substr(0, pattern.size() - 1))
                                      : name == pattern;
      });
}

}  // namespace gridlock
