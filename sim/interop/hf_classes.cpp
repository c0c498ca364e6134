// Defaults of configuration classes, as of Transformers 4.5x (the __init__ of each class). A class
// that leaves `tie_word_embeddings` to its base has True.

#include <algorithm>
#include <iterator>
#include <span>

#include "sim/interop/hf_config.h"

namespace gridlock {

namespace {

constexpr bool kTied = true, kUntied = false, kGated = true, kPlain = false, kLearned = true;

// type, class, vocabulary, hidden, ffn, layers, heads, kv_heads, head_dim
constexpr HfClass kClasses[] = {
    {"llama", "LlamaConfig", 32000, 4096, 11008, 32, 32, 0, 0, kUntied, kGated},
    {"mistral", "MistralConfig", 32000, 4096, 14336, 32, 32, 8, 0, kUntied, kGated},
    {"ministral", "MinistralConfig", 32000, 4096, 14336, 32, 32, 8, 0, kUntied, kGated},
    {"mixtral", "MixtralConfig", 32000, 4096, 14336, 32, 32, 8, 0, kUntied, kGated, false, 8, 2, 0},
    {"qwen2", "Qwen2Config", 151936, 4096, 22016, 32, 32, 32, 0, kUntied, kGated},
    {"qwen3", "Qwen3Config", 151936, 4096, 22016, 32, 32, 32, 128, kUntied, kGated},
    {"qwen2_moe", "Qwen2MoeConfig", 151936, 2048, 5632, 24, 16, 16, 0, kUntied, kGated, false, 60,
     4, 1408},
    {"qwen3_moe", "Qwen3MoeConfig", 151936, 2048, 6144, 24, 32, 4, 0, kUntied, kGated, false, 128,
     8, 768},
    {"deepseek_v2", "DeepseekV2Config", 32000, 4096, 11008, 32, 32, 0, 0, kUntied, kGated, false,
     64, 0, 1407},
    {"deepseek_v3", "DeepseekV3Config", 129280, 7168, 18432, 61, 128, 128, 0, kUntied, kGated,
     false, 256, 8, 2048},
    {"deepseek_v32", "DeepseekV32Config", 129280, 7168, 18432, 61, 128, 128, 0, kUntied, kGated,
     false, 256, 8, 2048},
    {"longcat_flash", "LongcatFlashConfig", 131072, 6144, 12288, 28, 64, 0, 0, kUntied, kGated,
     false, 512, 12, 2048},
    {"kimi_k2", "DeepseekV3Config", 163840, 7168, 18432, 61, 64, 64, 0, kUntied, kGated, false, 384,
     8, 2048},
    {"gemma", "GemmaConfig", 256000, 3072, 24576, 28, 16, 16, 256, kTied, kGated},
    {"gemma2", "Gemma2Config", 256000, 2304, 9216, 26, 8, 4, 256, kTied, kGated},
    {"gemma3_text", "Gemma3TextConfig", 262208, 2304, 9216, 26, 8, 4, 256, kTied, kGated},
    {"phi", "PhiConfig", 51200, 2048, 8192, 24, 32, 0, 0, kUntied, kPlain},
    {"phi3", "Phi3Config", 32064, 3072, 8192, 32, 32, 0, 0, kUntied, kGated},
    {"phimoe", "PhimoeConfig", 32064, 4096, 6400, 32, 32, 8, 0, kUntied, kGated, false, 16, 2, 0},
    {"gpt2", "GPT2Config", 50257, 768, 0, 12, 12, 0, 0, kTied, kPlain, kLearned},
    {"gpt_bigcode", "GPTBigCodeConfig", 50257, 768, 0, 12, 12, 0, 0, kTied, kPlain, kLearned},
    {"gpt_neox", "GPTNeoXConfig", 50432, 6144, 24576, 44, 64, 0, 0, kUntied, kPlain},
    {"gptj", "GPTJConfig", 50400, 4096, 0, 28, 16, 0, 0, kUntied, kPlain},
    {"falcon", "FalconConfig", 65024, 4544, 0, 32, 71, 0, 0, kTied, kPlain},
    {"opt", "OPTConfig", 50272, 768, 3072, 12, 12, 0, 0, kTied, kPlain, kLearned},
    {"bloom", "BloomConfig", 250880, 64, 0, 2, 8, 0, 0, kTied, kPlain},
    {"mpt", "MptConfig", 50368, 2048, 0, 24, 16, 0, 0, kTied, kPlain},
    {"gpt_oss", "GptOssConfig", 201088, 2880, 2880, 36, 64, 8, 64, kUntied, kGated, false, 128, 4,
     0},
    {"llama4_text", "Llama4TextConfig", 202048, 5120, 8192, 48, 40, 8, 128, kUntied, kGated, false,
     16, 1, 0},
    {"cohere", "CohereConfig", 256000, 8192, 22528, 40, 64, 0, 0, kTied, kGated},
    {"starcoder2", "Starcoder2Config", 49152, 3072, 12288, 30, 24, 2, 0, kTied, kPlain},
    {"stablelm", "StableLmConfig", 50304, 2560, 6912, 32, 32, 32, 0, kUntied, kGated},
    {"olmo", "OlmoConfig", 50304, 4096, 11008, 32, 32, 0, 0, kUntied, kGated},
    {"olmo2", "Olmo2Config", 50304, 4096, 11008, 32, 32, 0, 0, kUntied, kGated},
    {"olmoe", "OlmoeConfig", 50304, 2048, 2048, 16, 16, 0, 0, kUntied, kGated, false, 64, 8, 0},
    {"granite", "GraniteConfig", 32000, 4096, 11008, 32, 32, 0, 0, kUntied, kGated},
    {"smollm3", "SmolLM3Config", 128256, 2048, 11008, 36, 16, 4, 0, kTied, kGated},
    {"internlm2", "InternLM2Config", 103168, 4096, 11008, 32, 32, 0, 0, kUntied, kGated},
    {"glm4", "Glm4Config", 151552, 4096, 13696, 40, 32, 2, 128, kUntied, kGated},
    {"glm4_moe", "Glm4MoeConfig", 151552, 4096, 10944, 46, 96, 8, 128, kUntied, kGated, false, 128,
     8, 1408},
    {"ernie4_5_moe", "Ernie4_5_MoeConfig", 103424, 2560, 12288, 28, 20, 4, 0, kTied, kGated, false,
     64, 6, 1536},
    {"ernie4_5", "Ernie4_5Config", 103424, 1024, 3072, 18, 16, 2, 128, kTied, kGated},
    {"step3_text", "Step3TextConfig", 128815, 7168, 18432, 61, 64, 1, 256, kUntied, kGated, false,
     48, 3, 5120},
    {"arctic", "ArcticConfig", 32000, 4096, 14336, 32, 32, 0, 0, kUntied, kGated, false, 8, 1, 0},
    {"dbrx", "DbrxConfig", 32000, 2048, 3584, 24, 16, 1, 0, kUntied, kGated, false, 4, 1, 0},
    {"hunyuan_v1_moe", "HunYuanMoEV1Config", 290943, 4096, 11008, 32, 32, 0, 0, kUntied, kGated},
    {"hunyuan_v1_dense", "HunYuanDenseV1Config", 290943, 4096, 11008, 32, 32, 0, 0, kUntied,
     kGated},
    {"nemotron", "NemotronConfig", 256000, 6144, 24576, 32, 48, 0, 0, kUntied, kPlain},
    {"nemotron-nas", "DeciLMConfig", 128256, 8192, 28672, 80, 64, 8, 0, kUntied, kGated},
    {"arcee", "ArceeConfig", 32000, 2560, 18432, 32, 32, 0, 0, kUntied, kPlain},
    {"qwen", "QWenConfig", 151936, 4096, 22016, 32, 32, 0, 0, kUntied, kGated},
    {"exaone4", "Exaone4Config", 102400, 4096, 16384, 32, 32, 32, 0, kUntied, kGated},
    {"gemma3n_text", "Gemma3nTextConfig", 262400, 2048, 16384, 35, 8, 2, 256, kTied, kGated},
    {"mllama_text_model", "MllamaTextConfig", 128256, 4096, 14336, 40, 32, 8, 0, kUntied, kGated},
    // Recurrences, alone and with attention.
    {"lfm2", "Lfm2Config", 65536, 2560, 12288, 32, 32, 8, 0, kTied, kGated},
    {"qwen3_5_text", "Qwen3_5TextConfig", 248320, 4096, 12288, 32, 16, 4, 256, kUntied, kGated},
    {"qwen3_5_moe_text", "Qwen3_5MoeTextConfig", 248320, 2048, 0, 40, 16, 2, 256, kUntied, kGated,
     false, 256, 8, 512},
    {"mamba", "MambaConfig", 50280, 768, 0, 32, 12, 0, 0, kTied, kPlain},
    {"falcon_mamba", "FalconMambaConfig", 50280, 768, 0, 32, 12, 0, 0, kTied, kPlain},
    {"mamba2", "Mamba2Config", 32768, 4096, 0, 64, 64, 0, 0, kUntied, kPlain},
    {"rwkv", "RwkvConfig", 50277, 4096, 0, 32, 64, 0, 0, kUntied, kPlain},
    {"jamba", "JambaConfig", 65536, 4096, 14336, 32, 32, 8, 0, kUntied, kGated, false, 16, 2, 0},
    {"bamba", "BambaConfig", 128000, 4096, 14336, 32, 32, 8, 0, kUntied, kGated},
    {"falcon_h1", "FalconH1Config", 128000, 4096, 14336, 32, 32, 8, 0, kUntied, kGated},
    {"granitemoehybrid", "GraniteMoeHybridConfig", 32000, 4096, 11008, 32, 32, 0, 0, kUntied,
     kGated},
    {"nemotron_h", "NemotronHConfig", 131072, 4096, 21504, 52, 32, 8, 128, kUntied, kPlain},
    {"zamba2", "Zamba2Config", 32000, 2560, 0, 54, 32, 0, 160, kTied, kGated},
    {"recurrent_gemma", "RecurrentGemmaConfig", 256000, 2560, 7680, 26, 10, 0, 0, kTied, kGated},
    {"qwen3_next", "Qwen3NextConfig", 151936, 2048, 5632, 48, 16, 2, 256, kUntied, kGated, false,
     512, 10, 512},
    {"kimi_linear", "KimiLinearConfig", 163840, 2304, 9216, 27, 32, 0, 0, kUntied, kGated, false,
     256, 8, 1024},
    {"minimax", "MiniMaxConfig", 32000, 4096, 14336, 32, 32, 8, 0, kUntied, kGated, false, 8, 2, 0},
    {"cohere2", "Cohere2Config", 256000, 8192, 22528, 40, 64, 0, 0, kTied, kGated},
    // Encoders with decoders.
    {"t5", "T5Config", 32128, 512, 2048, 6, 8, 0, 64, kTied, kPlain},
    {"mt5", "MT5Config", 250112, 512, 1024, 8, 6, 0, 64, kUntied, kGated},
    {"umt5", "UMT5Config", 250112, 512, 1024, 8, 6, 0, 64, kUntied, kGated},
    {"bart", "BartConfig", 50265, 1024, 4096, 12, 16, 0, 0, kTied, kPlain, kLearned, 0, 0, 0},
    {"mbart", "MBartConfig", 50265, 1024, 4096, 12, 16, 0, 0, kTied, kPlain, kLearned, 0, 0, 0},
    {"pegasus", "PegasusConfig", 50265, 1024, 4096, 12, 16, 0, 0, kTied, kPlain},
    {"marian", "MarianConfig", 58101, 1024, 4096, 12, 16, 0, 0, kTied, kPlain},
    {"whisper", "WhisperConfig", 51865, 384, 1536, 4, 6, 0, 0, kTied, kPlain, kLearned, 0, 0, 0},
    // Encoders of sound, whose vocabulary is of characters.
    {"wav2vec2", "Wav2Vec2Config", 32, 768, 3072, 12, 12, 0, 0, kUntied, kPlain, false, 0, 0, 0,
     -1},
    {"hubert", "HubertConfig", 32, 768, 3072, 12, 12, 0, 0, kUntied, kPlain, false, 0, 0, 0, -1},
    {"wavlm", "WavLMConfig", 32, 768, 3072, 12, 12, 0, 0, kUntied, kPlain, false, 0, 0, 0, -1},
    {"unispeech", "UniSpeechConfig", 32, 768, 3072, 12, 12, 0, 0, kUntied, kPlain, false, 0, 0, 0,
     -1},
    {"unispeech-sat", "UniSpeechSatConfig", 32, 768, 3072, 12, 12, 0, 0, kUntied, kPlain, false, 0,
     0, 0, -1},
    // Encoders. The vocabulary of those of pictures is their classes (ImageNet).
    {"bert", "BertConfig", 30522, 768, 3072, 12, 12, 0, 0, kTied, kPlain, kLearned, 0, 0, 0, 512},
    {"roberta", "RobertaConfig", 50265, 768, 3072, 12, 12, 0, 0, kTied, kPlain, kLearned, 0, 0, 0,
     512},
    {"xlm-roberta", "XLMRobertaConfig", 30522, 768, 3072, 12, 12, 0, 0, kTied, kPlain, kLearned, 0,
     0, 0, 512},
    {"camembert", "CamembertConfig", 30522, 768, 3072, 12, 12, 0, 0, kTied, kPlain, kLearned, 0, 0,
     0, 512},
    {"distilbert", "DistilBertConfig", 30522, 768, 3072, 6, 12, 0, 0, kTied, kPlain, kLearned, 0, 0,
     0, 512},
    {"albert", "AlbertConfig", 30000, 4096, 16384, 12, 64, 0, 0, kTied, kPlain, kLearned, 0, 0, 0,
     512},
    {"electra", "ElectraConfig", 30522, 256, 1024, 12, 4, 0, 0, kTied, kPlain, kLearned, 0, 0, 0,
     512},
    {"modernbert", "ModernBertConfig", 50368, 768, 1152, 22, 12, 0, 0, kTied, kGated, false, 0, 0,
     0, -1},
    {"deberta", "DebertaConfig", 50265, 768, 3072, 12, 12, 0, 0, kTied, kPlain, false, 0, 0, 0, -1},
    {"deberta-v2", "DebertaV2Config", 128100, 1536, 6144, 24, 24, 0, 0, kTied, kPlain, false, 0, 0,
     0, -1},
    {"vit", "ViTConfig", 1000, 768, 3072, 12, 12, 0, 0, kUntied, kPlain, kLearned, 0, 0, 0, 197},
    {"deit", "DeiTConfig", 1000, 768, 3072, 12, 12, 0, 0, kUntied, kPlain, kLearned, 0, 0, 0, 198},
    {"dinov2", "Dinov2Config", 1000, 768, 0, 12, 12, 0, 0, kUntied, kPlain, kLearned, 0, 0, 0, 257},
    {"clip_vision_model", "CLIPVisionConfig", 512, 768, 3072, 12, 12, 0, 0, kUntied, kPlain,
     kLearned, 0, 0, 0, 50},
    {"siglip_vision_model", "SiglipVisionConfig", 768, 768, 3072, 12, 12, 0, 0, kUntied, kPlain,
     kLearned, 0, 0, 0, 196},
};

// What changes neither a size nor the work of a step.
constexpr const char* kOfNoWeight[] = {
    "_name_or_path",
    "alibi",
    "apply_residual_connection_post_layernorm",
    "architectures",
    "attention_bias",
    "attention_dropout",
    "attn_logit_softcapping",
    "attn_pdrop",
    "auto_map",
    "aux_loss_alpha",
    "bias",
    "bos_token_id",
    "cache_implementation",
    "classifier_dropout",
    "do_layer_norm_before",
    "dropout",
    "dtype",
    "embd_pdrop",
    "enable_bias",
    "eos_token_id",
    "experts_bias",
    "final_logit_softcapping",
    "hidden_act",
    "hidden_activation",
    "hidden_dropout",
    "hidden_dropout_prob",
    "activation_function",
    "init_std",
    "initial_context_length",
    "initializer_range",
    "layer_norm_elementwise_affine",
    "layer_norm_eps",
    "layer_norm_epsilon",
    "layer_norm_rms_eps",
    "layerdrop",
    "mlp_bias",
    "model_type",
    "moe_aux_loss_coeff",
    "n_ctx",
    "n_group",
    "norm_topk_prob",
    "output_router_logits",
    "pad_token_id",
    "parallel_attn",
    "partial_rotary_factor",
    "pretraining_tp",
    "query_pre_attn_scalar",
    "ep_size",
    "resid_pdrop",
    "rms_norm_eps",
    "rope_interleave",
    "rope_local_base_freq",
    "rope_parameters",
    "rope_scaling",
    "rope_theta",
    "rotary_emb_base",
    "rotary_pct",
    "router_aux_loss_coef",
    "routed_scaling_factor",
    "router_jitter_noise",
    "scoring_func",
    "seq_aux",
    "seq_length",
    "slow_but_exact",
    "summary_activation",
    "summary_first_dropout",
    "summary_proj_to_labels",
    "summary_type",
    "summary_use_proj",
    "swiglu_limit",
    "task_specific_params",
    "topk_group",
    "topk_method",
    "torch_dtype",
    "transformers_version",
    "use_bias",
    "use_cache",
    "use_parallel_residual",
    "use_qk_norm",
    "scale_attn_weights",
    "original_max_position_embeddings",
    "embedding_initializer_range",
    "qk_layernorm",
    "reorder_and_upcast_attn",
    "scale_attn_by_inverse_layer_idx",
    "attention_softmax_in_fp32",
    "unk_token_id",
    "prefix",
    "sep_token_id",
    "max_window_layers",
    "rope_scaling_factor",
    "A_initializer_range",
    "activation_dropout",
    "attn_implementation",
    "attention_probs_dropout_prob",
    "classifier_activation",
    "classifier_pooling",
    "drop_path_rate",
    "embedding_size",
    "encoder_stride",
    "gradient_checkpointing",
    "id2label",
    "label2id",
    "layerscale_value",
    "mlp_dropout",
    "pooler_act",
    "position_embedding_type",
    "projection_dim",
    "qa_dropout",
    "qkv_bias",
    "seq_classif_dropout",
    "sinusoidal_pos_embds",
    "summary_last_dropout",
    "tie_weights_",
    "type_vocab_size",
    "attn_rotary_emb",
    "conv_bias",
    "hidden_dropout_probability",
    "mamba_chunk_scan",
    "mamba_conv_bias",
    "mamba_norm_before_gate",
    "mamba_proj_bias",
    "mamba_rms_norm",
    "mamba_inner_layernorms",
    "mamba_use_mlp",
    "mamba_hidden_act",
    "mlp_hidden_act",
    "mlp_expansion_factor",
    "norm_before_gate",
    "num_logits_to_keep",
    "relative_attention_max_distance",
    "relative_attention_num_buckets",
    "rescale_prenorm_residual",
    "residual_in_fp32",
    "rms_norm",
    "sliding_window_attention",
    "ssm_cfg",
    "time_step_floor",
    "time_step_init_scheme",
    "time_step_limit",
    "time_step_max",
    "time_step_min",
    "time_step_scale",
    "use_conv_bias",
    "use_mamba_kernels",
    "use_mambapy",
    "use_bcdt_rms",
    "layer_norm_epsilon_",
    // Of experts: how tokens are sent, and of attention: positions and biases.
    "moe_capacity",
    "moe_capacity_factor",
    "moe_gate",
    "moe_group",
    "moe_norm_min",
    "moe_use_aux_free",
    "moe_token_dropping",
    "moe_router_scaling_factor",
    "moe_aux_loss_lambda",
    "moe_z_loss_lambda",
    "use_mixed_mlp_moe",
    "no_bias",
    "norm_eps",
    "attention_out_bias",
    "pos_att_type",
    "norm_rel_ebd",
    "position_biased_input",
    "share_att_key",
    "max_relative_positions",
    "position_buckets",
};

// Kinds of model that are no stack of layers of one width: two towers, and pictures in stages.
constexpr const char* kOtherKinds[] = {"clip", "swin"};

constexpr const char* kT5Kinds[] = {"t5", "mt5", "umt5"};
constexpr const char* kEncoderKinds[] = {"bart", "mbart", "pegasus", "marian", "whisper"};

bool Has(std::span<const char* const> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool NormsQueriesAndKeys(std::string_view type) {
  constexpr std::string_view kTypes[] = {
      "qwen3",   "qwen3_moe",    "gemma3_text",      "olmo2",          "olmoe",
      "exaone4", "qwen3_5_text", "qwen3_5_moe_text", "hunyuan_v1_moe", "hunyuan_v1_dense"};
  return std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes);
}

bool HasLatentsHfKind(std::string_view type) {
  constexpr std::string_view kTypes[] = {"deepseek_v2",   "deepseek_v3", "deepseek_v32",
                                         "longcat_flash", "kimi_k2",     "kimi_linear"};
  return std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes);
}

bool IsHfFieldOfNoWeight(std::string_view name) {
  return Has(kOfNoWeight, name);
}

bool IsPictureHfKind(std::string_view type) {
  constexpr std::string_view kTypes[] = {"vit", "deit", "dinov2", "clip_vision_model",
                                         "siglip_vision_model"};
  return std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes);
}

bool IsT5HfKind(std::string_view type) {
  return Has(kT5Kinds, type);
}

bool HasEncoderHfKind(std::string_view type) {
  return IsT5HfKind(type) || Has(kEncoderKinds, type);
}

bool IsOtherHfKind(std::string_view type) {
  return Has(kOtherKinds, type);
}

const HfClass* FindHfClass(const std::string& type) {
  const auto* const found =
      std::find_if(std::begin(kClasses), std::end(kClasses), [&type](const HfClass& each) {
        return type == each.type;
      });
  return found == std::end(kClasses) ? nullptr : found;
}

std::vector<std::string> HfTypes() {
  std::vector<std::string> types;
  for (const HfClass& each : kClasses) {
    types.emplace_back(each.type);
  }
  return types;
}

}  // namespace gridlock
