#include "sim/interop/model_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

class Message {
 public:
  Message(std::string& out, std::string indent) : out_(out), indent_(std::move(indent)) {}

  template <typename T>
  void Line(const char* field, const T& value) {
    out_ += fmt::format("{}{}: {}\n", indent_, field, value);
  }

  /// Left out where it is zero.
  void Count(const char* field, int value) {
    if (value != 0) {
      Line(field, value);
    }
  }

 private:
  std::string& out_;
  std::string indent_;
};

// In the order of the enum.
constexpr const char* kRecurrences[] = {"",           "MAMBA",    "MAMBA_2", "GATED_DELTA",
                                        "KIMI_DELTA", "LIGHTNING"};

void AddRecurrent(const RecurrentSpec& recurrent, const std::string& indent, std::string& out) {
  if (recurrent.kind == Recurrence::kNone) {
    return;
  }
  out += indent + "  recurrent {\n";
  Message message(out, indent + "    ");
  message.Line("kind", kRecurrences[static_cast<int>(recurrent.kind)]);
  message.Line("heads", recurrent.heads);
  message.Line("head_dim", recurrent.head_dim);
  message.Line("key_heads", recurrent.key_heads);
  message.Line("state", recurrent.state);
  message.Count("convolution", recurrent.convolution);
  message.Count("chunk", recurrent.chunk);
  message.Count("rank", recurrent.rank);
  out += indent + "  }\n";
}

std::string Billions(double parameters) {
  return parameters >= 1e9 ? fmt::format("{:.4g} billion", parameters / 1e9)
                           : fmt::format("{:.4g} million", parameters / 1e6);
}

// Convolutions in front, and what picks the tokens that attention sees.
void AddFront(const ModelSpec& model, const std::string& indent, std::string& out) {
  if (!model.convolutions.empty()) {
    out += fmt::format("{}  channels: {}\n", indent, model.channels);
  }
  for (const ConvolutionSpec& each : model.convolutions) {
    out += fmt::format("{}  convolution {{ width: {} kernel: {} stride: {} groups: {} }}\n", indent,
                       each.width, each.kernel, each.stride, each.groups);
  }
  if (model.indexer.heads > 0) {
    out += fmt::format("{}  indexer {{ heads: {} head_dim: {} tokens: {} }}\n", indent,
                       model.indexer.heads, model.indexer.head_dim, model.indexer.tokens);
  }
}

}  // namespace

std::string ModelEntry(const ModelSpec& model, const std::string& title, const std::string& source,
                       const std::string& indent) {
  std::string out = indent + "model {\n";
  Message entry(out, indent + "  ");
  entry.Line("name", TextValue(model.name));
  entry.Line("title", TextValue(title));
  entry.Line("layers", model.layers);
  entry.Line("hidden", model.hidden);
  entry.Line("heads", model.heads);
  entry.Count("kv_heads", model.kv_heads);
  entry.Count("head_dim", model.head_dim);
  entry.Count("ffn", model.ffn);
  entry.Line("gated", model.gated);
  if (model.relu) {
    entry.Line("relu", true);
  }
  entry.Line("vocabulary", model.vocabulary);
  entry.Line("max_positions", model.max_positions);
  entry.Line("tied_embeddings", model.tied_embeddings);
  if (model.query_key_norms) {
    entry.Line("query_key_norms", true);
  }
  entry.Line("attention", model.attention == Attention::kCausal ? "CAUSAL" : "FULL");
  if (!model.pattern.empty()) {
    entry.Line("pattern", TextValue(model.pattern));
  }
  entry.Count("window", model.window);
  if (model.chunked_window) {
    entry.Line("chunked_window", true);
  }
  entry.Count("prediction_modules", model.prediction_modules);
  entry.Count("modulations", model.modulations);
  entry.Count("embedding_width", model.embedding_width);
  entry.Count("distinct_layers", model.distinct_layers);
  AddFront(model, indent, out);
  if (model.encoder.layers > 0) {
    out += fmt::format("{}  encoder {{ layers: {} tokens: {} }}\n", indent, model.encoder.layers,
                       model.encoder.tokens);
  }
  AddRecurrent(model.recurrent, indent, out);
  if (model.has_experts()) {
    out += indent + "  mixture {\n";
    Message mixture(out, indent + "    ");
    mixture.Line("experts", model.mixture.experts);
    mixture.Line("experts_per_token", model.mixture.experts_per_token);
    mixture.Line("expert_ffn", model.mixture.expert_ffn);
    mixture.Count("shared_experts", model.mixture.shared_experts);
    mixture.Count("dense_layers", model.mixture.dense_layers);
    mixture.Count("every", model.mixture.every);
    out += indent + "  }\n";
  }
  if (model.latent.key_value_rank > 0) {
    out += indent + "  latent_attention {\n";
    Message latent(out, indent + "    ");
    latent.Count("query_rank", model.latent.query_rank);
    latent.Line("key_value_rank", model.latent.key_value_rank);
    latent.Line("plain_head_dim", model.latent.plain_head_dim);
    latent.Line("rotary_head_dim", model.latent.rotary_head_dim);
    latent.Line("value_head_dim", model.latent.value_head_dim);
    out += indent + "  }\n";
  }
  out += fmt::format("{}  source {{ text: {} }}\n{}}}\n", indent, TextValue(source), indent);
  return out;
}

std::string TextValue(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(1, Utf8Length(text));
    const bool control = static_cast<unsigned char>(text.front()) < 0x20;
    if (text.front() == '"' || text.front() == '\\') {
      out += '\\';
    }
    out +=
        control || Utf8Length(text) == 0 ? std::string(" ") : std::string(text.substr(0, length));
    text.remove_prefix(length);
  }
  return out + "\"";
}

std::string ParametersText(const ModelSpec& model) {
  const std::string all = Billions(ModelParameters(model)) + " parameters";
  return model.has_experts() ? Billions(ActiveParameters(model)) + " of " + all + " for a token"
                             : all;
}

}  // namespace gridlock
