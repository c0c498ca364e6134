// What stands in front of the first layer of a model of Hugging Face, and layers that share their
// parameters.

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "sim/interop/hf_fields.h"

namespace gridlock {

namespace {

// Defaults of Wav2Vec2Config: 49 tokens for a second of 16,000 samples.
void ReadWaves(HfFields& fields, ModelSpec& model) {
  const std::vector<int> widths = fields.Counts("conv_dim", std::vector<int>(7, 512));
  const std::vector<int> kernels = fields.Counts("conv_kernel", {10, 3, 3, 3, 3, 2, 2});
  const std::vector<int> strides = fields.Counts("conv_stride", {5, 2, 2, 2, 2, 2, 2});
  if (widths.size() != kernels.size() || widths.size() != strides.size()) {
    fields.Miss(fmt::format("\"conv_dim\", \"conv_kernel\" and \"conv_stride\" have {}, {} and {} "
                            "convolutions",
                            widths.size(), kernels.size(), strides.size()),
                "as many in each");
    return;
  }
  for (std::size_t i = 0; i < widths.size(); ++i) {
    model.convolutions.push_back({widths[i], kernels[i], strides[i], 1});
  }
  model.convolutions.push_back({model.hidden, 1, 1, 1});
  const int positions = fields.CountOr({"num_conv_pos_embeddings"}, 128);
  const int groups = fields.CountOr({"num_conv_pos_embedding_groups"}, 16);
  model.convolutions.push_back({model.hidden, positions, 1, groups});
  model.attention = Attention::kFull;
  fields.Note(
      "convolutions make its tokens of a wave: sequence_length is that of the tokens, 50 of a "
      "second of sound; a vocabulary of characters stands for the embedding");
}

void ReadSpectra(HfFields& fields, ModelSpec& model) {
  model.channels = fields.CountOr({"num_mel_bins"}, 80);
  model.convolutions = {{model.hidden, 3, 1, 1}, {model.hidden, 3, 2, 1}};
}

}  // namespace

bool IsSoundHfKind(const std::string& type) {
  constexpr const char* kTypes[] = {"wav2vec2", "hubert", "wavlm", "unispeech", "unispeech-sat"};
  return std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes);
}

void ReadHfFront(HfFields& fields, const std::string& type, ModelSpec& model) {
  if (IsSoundHfKind(type)) {
    ReadWaves(fields, model);
  } else if (type == "whisper") {
    ReadSpectra(fields, model);
  }
  constexpr int kOfAlbert = 128;
  const bool albert = type == "albert";
  const bool narrow = albert || type == "electra" || type == "opt";
  const int width = narrow ? fields.CountOr({"embedding_size", "word_embed_proj_dim"},
                                            albert ? kOfAlbert : model.hidden)
                           : model.hidden;
  model.embedding_width = width == model.hidden ? 0 : width;
  if (albert) {
    model.distinct_layers =
        fields.CountOr({"num_hidden_groups"}, 1) * fields.CountOr({"inner_group_num"}, 1);
  }
}

}  // namespace gridlock
