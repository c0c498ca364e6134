#include "tests/workloads/models.h"

namespace gridlock {

ModelSpec Gpt(int layers, int hidden, int heads) {
  ModelSpec model;
  model.name = "gpt";
  model.layers = layers;
  model.hidden = hidden;
  model.heads = model.kv_heads = heads;
  model.head_dim = hidden / heads;
  model.ffn = 4 * hidden;
  model.vocabulary = 51200;
  model.max_positions = 2048;
  model.tied_embeddings = true;
  model.attention = Attention::kFull;
  return model;
}

ModelSpec Gpt3() {
  ModelSpec model = Gpt(96, 12288, 96);
  model.vocabulary = 50257;
  return model;
}

ModelSpec Llama(int layers, int hidden, int heads, int ffn) {
  ModelSpec model;
  model.name = "llama";
  model.layers = layers;
  model.hidden = hidden;
  model.heads = heads;
  model.kv_heads = 8;
  model.head_dim = 128;
  model.ffn = ffn;
  model.gated = true;
  model.vocabulary = 128256;
  return model;
}

ModelSpec Mixtral() {
  ModelSpec model = Llama(32, 4096, 32, 14336);
  model.name = "mixtral";
  model.vocabulary = 32000;
  model.mixture.experts = 8;
  model.mixture.experts_per_token = 2;
  model.mixture.expert_ffn = 14336;
  return model;
}

ModelSpec DeepSeekV3() {
  ModelSpec model = Llama(61, 7168, 128, 18432);
  model.name = "deepseek";
  model.kv_heads = 128;
  model.vocabulary = 129280;
  model.mixture.experts = 256;
  model.mixture.experts_per_token = 8;
  model.mixture.expert_ffn = 2048;
  model.mixture.shared_experts = 1;
  model.mixture.dense_layers = 3;
  model.mixture.domains_per_token = 4;
  model.latent = {1536, 512, 128, 64, 128};
  return model;
}

TrainingSpec JobOn(const ModelSpec& model) {
  TrainingSpec job;
  job.path = "job";
  job.layout.path = "job.layout";
  job.model = model;
  job.global_batch = 1;
  job.sequence_length = 2048;
  job.stack.gradient_bucket = Bytes(100e6);
  return job;
}

}  // namespace gridlock
