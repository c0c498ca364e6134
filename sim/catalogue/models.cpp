#include "sim/catalogue/parts.h"
#include "sim/schema/read_fields.h"
#include "workloads/training_fields.h"

namespace gridlock {
namespace {

/// `value`, or `otherwise` when the field was left out: the rules refuse a written zero.
template <typename T>
T Or(T value, T otherwise) {
  return value == 0 ? otherwise : value;
}

RecurrentSpec RecurrentOf(const proto::Model& model) {
  RecurrentSpec spec;
  if (!model.has_recurrent()) {
    return spec;
  }
  const proto::Recurrent& from = model.recurrent();
  spec.kind = static_cast<Recurrence>(from.kind());  // in the same order
  const bool scan = spec.kind == Recurrence::kMamba;
  const int head_dim = Or(model.head_dim(), model.hidden() / model.heads());
  spec.heads = Or(from.heads(), scan ? 1 : model.heads());
  spec.head_dim = Or(from.head_dim(), scan ? 2 * model.hidden() : head_dim);
  const bool groups = scan || spec.kind == Recurrence::kMamba2;
  spec.key_heads = Or(from.key_heads(), groups ? 1 : spec.heads);
  spec.state = Or(from.state(), scan ? 16 : 128);
  spec.convolution = from.convolution();
  spec.chunk = Or(from.chunk(), spec.kind == Recurrence::kMamba2 ? 256 : 64);
  spec.rank = Or(from.rank(), scan ? (model.hidden() + 15) / 16 : spec.head_dim);
  return spec;
}

ModelSpec ModelOf(const proto::Model& model, const std::string& path) {
  ModelSpec spec;
  spec.path = path;
  spec.name = model.name();
  spec.layers = model.layers();
  spec.hidden = model.hidden();
  spec.heads = model.heads();
  spec.kv_heads = Or(model.kv_heads(), model.heads());
  spec.head_dim = Or(model.head_dim(), model.hidden() / model.heads());
  spec.ffn = model.ffn();
  spec.gated = model.gated();
  spec.relu = model.relu();
  spec.vocabulary = model.vocabulary();
  spec.max_positions = model.max_positions();
  spec.tied_embeddings = model.tied_embeddings();
  spec.query_key_norms = model.query_key_norms();
  spec.attention = model.attention() == proto::FULL ? Attention::kFull : Attention::kCausal;
  spec.mixture = ReadFields<MixtureSpec>(model.mixture());
  spec.latent = ReadFields<LatentAttentionSpec>(model.latent_attention());
  spec.recurrent = RecurrentOf(model);
  spec.pattern = model.pattern();
  spec.window = model.window();
  spec.chunked_window = model.chunked_window();
  spec.prediction_modules = model.prediction_modules();
  spec.encoder = {model.encoder().layers(), model.encoder().tokens()};
  spec.modulations = model.modulations();
  spec.indexer = ReadFields<IndexerSpec>(model.indexer());
  spec.embedding_width = model.embedding_width();
  spec.distinct_layers = model.distinct_layers();
  spec.channels = Or(model.channels(), 1);
  for (const proto::Convolution& each : model.convolution()) {
    spec.convolutions.push_back(
        {each.width(), each.kernel(), Or(each.stride(), 1), Or(each.groups(), 1)});
  }
  return spec;
}

}  // namespace

ModelSpec MakeModel(const std::string& name, const std::string& path, const Catalogue& catalogue) {
  return ModelOf(*catalogue.models.at(name).message, path);
}

Precision MakePrecision(proto::Precision precision) {
  switch (precision) {
    case proto::FP32:
      return Precision::kFp32;
    case proto::TF32:
      return Precision::kTf32;
    case proto::FP8:
    case proto::MXFP8:
      return Precision::kFp8;
    case proto::FP4:
    case proto::NVFP4:
      return Precision::kFp4;
    case proto::INT8:
      return Precision::kInt8;
    default:
      return Precision::kBf16;  // the default of a job
  }
}

std::vector<proto::Precision> FormatsAt(Precision rate) {
  std::vector<proto::Precision> formats;
  for (int i = proto::FP32; proto::Precision_IsValid(i); ++i) {
    const auto format = static_cast<proto::Precision>(i);
    if (MakePrecision(format) == rate) {
      formats.push_back(format);
    }
  }
  return formats;
}

double ScaleBytes(proto::Precision precision) {
  return precision == proto::MXFP8 ? 1.0 / 32 : precision == proto::NVFP4 ? 1.0 / 16 : 0;
}

std::string MeaningOf(proto::Precision precision, const AcceleratorSpec& accelerator,
                      bool fp16_alone) {
  // Parts that multiply 4-bit numbers scale blocks inside the product (Blackwell, CDNA 4); older
  // ones scale outside of it.
  const bool scales =
      accelerator.rates[static_cast<int>(Precision::kFp4)].peak > FlopPerSecond(0.0);
  switch (precision) {
    case proto::PRECISION_UNSPECIFIED:
    case proto::BF16:
      return fp16_alone ? "BF16 as FP16, with a scaled loss: the units of " + accelerator.name +
                              " take no BF16, which would run in FP32"
                        : "";
    case proto::FP16:
      return "FP16 at the rate and in the bytes of BF16";
    case proto::MXFP8:
      return scales
                 ? "MXFP8 at the rate of FP8, a byte of scale for each 32 numbers, tensors written "
                   "along both dimensions"
                 : "MXFP8 as FP8: " + accelerator.name + " has no units for block scales";
    case proto::NVFP4:
      return "NVFP4 at the rate of FP4, a byte of scale for each 16 numbers";
    default:
      return "";
  }
}

}  // namespace gridlock
