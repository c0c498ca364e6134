// Recurrences of Hugging Face models: each class has its own names for the heads of a state, their
// widths, and the short convolution in front of it.

#include <algorithm>
#include <cstdlib>
#include <initializer_list>

#include "sim/interop/hf_fields.h"

namespace gridlock {

namespace {

bool IsAnyOf(const std::string& type, std::initializer_list<const char*> types) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

class RecurrenceReader {
 public:
  RecurrenceReader(HfFields& fields, const std::string& type, ModelSpec& model)
      : fields_(fields), type_(type), model_(model) {}

  void Read() {
    if (IsAnyOf(type_, {"mamba", "falcon_mamba", "jamba"})) {
      ReadMamba();
    } else if (IsAnyOf(type_, {"mamba2", "bamba", "granitemoehybrid", "falcon_h1", "nemotron_h",
                               "zamba2"})) {
      ReadMamba2();
    } else if (IsAnyOf(type_, {"qwen3_next", "qwen3_5_text", "qwen3_5_moe_text"})) {
      model_.recurrent = {Recurrence::kGatedDelta,
                          fields_.CountOr({"linear_num_value_heads"}, 32),
                          fields_.CountOr({"linear_value_head_dim"}, 128),
                          fields_.CountOr({"linear_num_key_heads"}, 16),
                          fields_.CountOr({"linear_key_head_dim"}, 128),
                          fields_.CountOr({"linear_conv_kernel_dim"}, 4),
                          64,
                          0};
    } else if (type_ == "kimi_linear") {
      ReadKimiLinear();
    } else {
      ReadOtherRecurrence();
    }
  }

 private:
  using Names = HfFields::Names;

  void ReadMamba() {
    const int expand = fields_.CountOr({"expand", "mamba_expand"}, 2);
    const int inner = type_ == "jamba"
                          ? expand * model_.hidden
                          : fields_.CountOr({"intermediate_size"}, expand * model_.hidden);
    model_.recurrent = {Recurrence::kMamba,
                        1,
                        inner,
                        1,
                        fields_.CountOr({"state_size", "mamba_d_state"}, 16),
                        fields_.CountOr({"conv_kernel", "mamba_d_conv"}, 4),
                        64,
                        RankOfSteps()};
  }

  // Linear attention with heads of such a number and width.
  static RecurrentSpec Lightning(int heads, int width, int chunk) {
    return {Recurrence::kLightning, heads, width, heads, width, 0, chunk, 0};
  }

  void ReadOtherRecurrence() {
    RecurrentSpec& r = model_.recurrent;
    if (type_ == "recurrent_gemma") {
      const int width = fields_.CountOr({"lru_width"}, model_.hidden);
      r = {Recurrence::kMamba, 1, width, 1, 1, fields_.CountOr({"conv1d_width"}, 4), 64, 1};
      fields_.Note("approximated: RG-LRU counts as a selective scan with one state a channel");
    } else if (type_ == "rwkv") {
      const int head = fields_.CountOr({"head_size", "attention_head_size"}, 64);
      r = Lightning(std::max(1, model_.hidden / head), head, 64);
      fields_.Note("approximated: RWKV counts as linear attention with an output gate");
    } else if (type_.starts_with("minimax") || type_ == "MiniMaxText01") {
      r = Lightning(model_.heads, model_.head_dim, fields_.CountOr({"block_size"}, 256));
    }
  }

  // "auto" or nothing: a sixteenth of the width.
  int RankOfSteps() {
    const JsonValue* const given = fields_.Given({"time_step_rank", "mamba_dt_rank"});
    const bool number = given != nullptr && given->kind == JsonValue::Kind::kNumber;
    return number ? fields_.CountOr({"time_step_rank", "mamba_dt_rank"}, 1)
                  : (model_.hidden + 15) / 16;
  }

  void ReadMamba2() {
    const int expand = fields_.CountOr({"expand", "mamba_expand"}, 2);
    const int inner = fields_.CountOr({"mamba_d_ssm"}, expand * model_.hidden);
    const JsonValue* const width =
        fields_.Given({"mamba_head_dim", "mamba_d_head", "mamba_headdim"});
    const bool number = width != nullptr && width->kind == JsonValue::Kind::kNumber;
    const Names heads = type_ == "mamba2"
                            ? Names{"num_heads"}
                            : Names{"mamba_num_heads", "mamba_n_heads", "n_mamba_heads"};
    RecurrentSpec& r = model_.recurrent;
    r.kind = Recurrence::kMamba2;
    const int head_dim =
        type_ == "mamba2" ? fields_.CountOr({"head_dim"}, 64)
        : number          ? fields_.CountOr({"mamba_head_dim", "mamba_d_head", "mamba_headdim"}, 64)
                          : 0;
    const int count = fields_.CountOr(heads, head_dim > 0 ? inner / head_dim : 128);
    r.heads = count;
    r.head_dim = head_dim > 0 ? head_dim : std::max(1, inner / count);
    const int groups = IsAnyOf(type_, {"mamba2", "nemotron_h"}) ? 8 : 1;
    r.key_heads = fields_.CountOr({"n_groups", "mamba_n_groups", "mamba_ngroups"}, groups);
    const int state = IsAnyOf(type_, {"mamba2", "nemotron_h"}) ? 128 : type_ == "zamba2" ? 64 : 256;
    r.state = fields_.CountOr({"state_size", "ssm_state_size", "mamba_d_state"}, state);
    r.convolution = fields_.CountOr({"conv_kernel", "mamba_d_conv"}, 4);
    r.chunk = fields_.CountOr({"chunk_size", "mamba_chunk_size"}, 256);
  }

  void ReadKimiLinear() {
    const JsonValue* const linear = fields_.Given({"linear_attn_config"});
    RecurrentSpec& r = model_.recurrent;
    r = {Recurrence::kKimiDelta, model_.heads, 128, model_.heads, 128, 4, 64, 128};
    const auto number = [&](const char* name, int otherwise) {
      const JsonValue* const value = linear == nullptr ? nullptr : linear->Find(name);
      const bool given = value != nullptr && value->kind == JsonValue::Kind::kNumber;
      return given ? std::atoi(value->text.c_str()) : otherwise;
    };
    r.heads = r.key_heads = number("num_heads", r.heads);
    r.head_dim = r.state = r.rank = number("head_dim", r.head_dim);
    r.convolution = number("short_conv_kernel_size", r.convolution);
  }

  HfFields& fields_;
  const std::string& type_;
  ModelSpec& model_;
};

}  // namespace

void ReadHfRecurrence(HfFields& fields, const std::string& type, ModelSpec& model) {
  RecurrenceReader(fields, type, model).Read();
}

bool IsRecurrentHfKind(const std::string& type) {
  return IsAnyOf(type, {"mamba", "mamba2", "falcon_mamba", "rwkv"});
}

}  // namespace gridlock
