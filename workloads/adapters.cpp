// Low-rank adapters beside frozen matrices (LoRA, Hu et al. 2021, arXiv:2106.09685): y = W x + B A
// x, with A of rank x k and B of n x rank.

#include "workloads/adapters.h"

#include <algorithm>
#include <iterator>

#include "workloads/layer_shape.h"

namespace gridlock {

namespace {

struct TargetName {
  const char* name;
  int bits;
};

using namespace adapter_target;

// huggingface/peft, utils/constants.py; NVIDIA-NeMo/Megatron-Bridge, peft/lora.py; names of blocks
// are ours.
constexpr TargetName kTargets[] = {
    {"all-linear", kAttention | kFeedForward},
    {"attention", kAttention},
    {"ffn", kFeedForward},
    {"q_proj", kQuery},
    {"k_proj", kKey},
    {"v_proj", kValue},
    {"o_proj", kAttentionOut},
    {"gate_proj", kGate},
    {"up_proj", kUp},
    {"down_proj", kDown},
    {"output_proj", kAttentionOut},
    {"mlp", kFeedForward},
    {"q_a_proj", kQuery},
    {"q_b_proj", kQuery},
    {"kv_a_proj_with_mqa", kKey | kValue},
    {"kv_b_proj", kKey | kValue},
    {"linear_qkv", kQuery | kKey | kValue | kJoined},
    {"linear_proj", kAttentionOut},
    {"linear_fc1", kGate | kUp | kJoined},
    {"linear_fc2", kDown},
    {"qkv_proj", kQuery | kKey | kValue | kJoined},
    {"gate_up_proj", kGate | kUp | kJoined},
    {"query_key_value", kQuery | kKey | kValue | kJoined},
    {"dense", kAttentionOut},
    {"dense_h_to_4h", kGate | kUp | kJoined},
    {"dense_4h_to_h", kDown},
    {"c_attn", kQuery | kKey | kValue | kJoined},
    {"c_fc", kGate | kUp | kJoined},
    {"fc_in", kGate | kUp | kJoined},
    {"fc_out", kDown},
    {"fc1", kGate | kUp | kJoined},
    {"fc2", kDown},
    {"out_proj", kAttentionOut},
    {"w1", kGate},
    {"w2", kDown},
    {"w3", kUp},
};

struct FrozenFormat {
  const char* name;
  double bytes;
  bool keeps_inputs = false;  // products with such weights keep what they got
};

// Scales: NF4 has one of 32 bits for 64 weights, and with double quantisation one of 8 bits, and
// one of 32 bits for 256 of these (Dettmers et al. 2023, arXiv:2305.14314, section 3). GPTQ: 16
// bits of scale and of zero for 128 weights. bitsandbytes keeps the inputs of its products for the
// backward pass, though the weights are frozen (autograd/_functions.py, MatMul4Bit: ctx.tensors).
constexpr double kNf4 = 0.5 + 4.0 / 64;
constexpr double kNf4Double = 0.5 + (1 + 4.0 / 256) / 64;
constexpr double kGroupsOf128 = 0.5 + 2 * 2.0 / 128;

constexpr FrozenFormat kFrozenFormats[] = {{"bf16", 0},         {"fp8", 1},
                                           {"int8", 1},         {"int4", kGroupsOf128},
                                           {"nf4", kNf4, true}, {"nf4_double", kNf4Double, true}};

bool KeepsFrozenInputs(const TrainingSpec& job) {
  return std::any_of(std::begin(kFrozenFormats), std::end(kFrozenFormats),
                     [&](const FrozenFormat& format) {
                       return format.keeps_inputs && format.bytes == job.adapters.base_bytes;
                     });
}

// Stacks that compile a layer make one kernel of neighbours that move a tensor.
bool Fuses(const TrainingSpec& job) {
  constexpr double kNotFused = 2;
  return !TakesApart(job) && job.stack.hbm_traffic_factor < kNotFused;
}

// Adapters in 32 bits compute in 32 bits, but under autocast.
bool Single(const TrainingSpec& job) {
  return job.adapters.wide() && !job.stack.casts_weights;
}

// Kernels work on tiles: a product as narrow as an adapter takes the time of one this wide. Of 32
// and 64, what fits LoRA steps of Transformers measured on one H200 (tools/calibration/measured).
constexpr double kTile = 32;

Operation Product(const TrainingSpec& job, const char* name, double m, double n, double k,
                  double calls) {
  const double bytes = Single(job) ? job.adapters.bytes : job.activation_bytes();
  Operation operation = Gemm(name, m, n, k, bytes, calls);
  operation.hbm = Bytes(bytes * (m * k + k * n + m * n));
  operation.wide = true;
  operation.single = Single(job);
  operation.slowdown = std::max(1.0, kTile / job.adapters.rank);
  return operation;
}

}  // namespace

int AdapterTargetByName(const std::string& name) {
  const auto* const found =
      std::find_if(std::begin(kTargets), std::end(kTargets), [&](const TargetName& target) {
        return name == target.name;
      });
  return found == std::end(kTargets) ? 0 : found->bits;
}

std::vector<std::string> AdapterTargetNames() {
  std::vector<std::string> names;
  for (const TargetName& target : kTargets) {
    names.emplace_back(target.name);
  }
  return names;
}

int ServedTargetByName(const std::string& name) {
  return name == "experts" ? adapter_target::kExperts : AdapterTargetByName(name);
}

std::vector<std::string> ServedTargetNames() {
  std::vector<std::string> names = AdapterTargetNames();
  names.emplace_back("experts");
  return names;
}

double FrozenFormatBytes(const std::string& name) {
  for (const FrozenFormat& format : kFrozenFormats) {
    if (name == format.name) {
      return format.bytes;
    }
  }
  return -1;
}

std::vector<std::string> FrozenFormatNames() {
  std::vector<std::string> names;
  for (const FrozenFormat& format : kFrozenFormats) {
    names.emplace_back(format.name);
  }
  return names;
}

const char* FrozenFormatName(int number) {
  return kFrozenFormats[number].name;
}

double FrozenFormatBytes(int number) {
  return kFrozenFormats[number].bytes;
}

std::array<double, 3> Beside(const TrainingSpec& job, std::array<int, 3> target,
                             std::array<double, 3> width) {
  std::array<double, 3> out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = job.adapters.on(target[i]) ? width[i] : 0;
  }
  if (job.adapters.on(kJoined)) {
    out = {out[0] + out[1] + out[2], 0, 0};
  }
  return out;
}

// Where nothing is fused, as huggingface/peft does it (tuners/lora/layer.py): the input is cast to
// the adapter's format, the output scaled, added, and cast back. In 32 bits the sum is in 32 bits.
void AddAdaptersForward(const TrainingSpec& job, const Matrix& matrix, double rows, double calls,
                        std::vector<Operation>& out) {
  const double rank = job.adapters.rank;
  const double b = Single(job) ? job.adapters.bytes : job.activation_bytes();
  for (const double width : matrix.beside) {
    if (width <= 0) {
      continue;
    }
    out.push_back(Product(job, "adapter_in", rows, rank, matrix.k, calls));
    out.push_back(Product(job, "adapter_out", rows, width, rank, calls));
    double moved = rows * width * (job.activation_bytes() + b + job.activation_bytes());
    if (!Fuses(job)) {
      moved += rows * width * 2 * b;                      // scaled apart
      moved += Single(job) ? rows * width * 2 * b : 0.0;  // the sum, cast apart
    }
    if (job.adapters.wide()) {
      moved += rows * matrix.k * (job.activation_bytes() + job.adapters.bytes);
      moved += Single(job) ? 0.0 : rows * matrix.k * (job.adapters.bytes + job.activation_bytes());
    }
    out.push_back(Elementwise("adapter_sum", moved, calls));
  }
}

// Mirrored, and the gradient of the input is added to that of the frozen product.
void AddAdaptersBackward(const TrainingSpec& job, const Matrix& matrix, double rows, double calls,
                         std::vector<Operation>& out) {
  const double rank = job.adapters.rank;
  const double b = Single(job) ? job.adapters.bytes : job.activation_bytes();
  for (const double width : matrix.beside) {
    if (width <= 0) {
      continue;
    }
    out.push_back(Product(job, "adapter_out_input_gradient", rows, rank, width, calls));
    out.push_back(Product(job, "adapter_in_input_gradient", rows, matrix.k, rank, calls));
    out.push_back(Product(job, "adapter_out_weight_gradient", width, rank, rows, calls));
    out.back().of_weights = true;
    out.push_back(Product(job, "adapter_in_weight_gradient", rank, matrix.k, rows, calls));
    out.back().of_weights = true;
    double moved = rows * matrix.k * 3 * job.activation_bytes();
    moved += Fuses(job) ? 0.0 : rows * width * 2 * b;
    if (job.adapters.wide()) {
      const double casts = job.activation_bytes() + job.adapters.bytes;
      moved += rows * matrix.k * casts * (Single(job) ? 1 : 2);
      moved += Single(job) ? rows * width * 2 * casts : 0.0;
    }
    out.push_back(Elementwise("adapter_sum_backward", moved, calls));
  }
}

double AdapterParameters(const TrainingSpec& job, const std::vector<Matrix>& matrices) {
  double sum = 0;
  for (const Matrix& matrix : matrices) {
    for (const double width : matrix.beside) {
      sum += width > 0 ? job.adapters.rank * (matrix.k + width) : 0.0;
    }
  }
  return sum;
}

double AdaptersKept(const TrainingSpec& job, const std::vector<Matrix>& matrices) {
  double kept = 0;
  for (const Matrix& matrix : matrices) {
    for (const double width : matrix.beside) {
      if (width <= 0) {
        continue;
      }
      const double b = Single(job) ? job.adapters.bytes : job.activation_bytes();
      const bool drops = job.adapters.dropout > 0;
      const double copy = job.adapters.wide() || drops ? b * matrix.k : 0.0;
      const double mask = drops ? matrix.k : 0.0;
      kept += (copy + mask + b * job.adapters.rank) / matrix.copies;
    }
  }
  return kept;
}

bool KeepsInput(const TrainingSpec& job, const Matrix& matrix) {
  const bool own_input = job.adapters.wide() || job.adapters.dropout > 0;
  return job.trains_base() || (matrix.adapted() && !own_input) || KeepsFrozenInputs(job);
}

}  // namespace gridlock
