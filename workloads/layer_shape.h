#pragma once

// Sizes that the formulas of a layer share, and the kinds of kernel calls they are made of. For the
// files of this room that count a layer's work; others use transformer.h.

#include <array>
#include <vector>

#include "workloads/training.h"
#include "workloads/transformer.h"

namespace gridlock {

/// Of an element in 16 bits: what products in narrower formats put out.
inline constexpr double kHalfBytes = 2.0;

/// Bytes of one element of a GEMM's input: it is cast to the format of the GEMM, then gathered, and
/// kept for the weight gradient as it is (NVIDIA Transformer Engine documentation, low-precision
/// training).
double InputBytes(const TrainingSpec& job);

/// Bytes of one element of a GEMM's input that stays in HBM for the backward pass: InputBytes, or
/// the stack's `kept_activation_bytes` where that is less (1 for a stack that keeps activations in
/// FP8).
double KeptInputBytes(const TrainingSpec& job);

/// Widths of one layer and the tokens of one micro-batch on a rank, as doubles.
struct LayerShape {
  explicit LayerShape(const TrainingSpec& job);

  double tokens;       ///< of a context-parallel rank
  double sequence;     ///< tokens that attention looks at
  double hidden;       ///< residual stream
  double query;        ///< all query heads together
  double key, value;   ///< all key heads, all value heads
  double attended;     ///< output of all heads
  double ffn, ffn_in;  ///< inner width of the dense feed-forward block, and of its input matrices
  double vocabulary;   ///< of the LM head
  double embedding;    ///< width of the embedding, which the head has, too
  double heads;        ///< query heads
  double tensor;       ///< tensor-parallel ranks
  double sequence_split;  ///< ranks over which norms, residuals and dropout are split

  // Experts; zero in a dense model.
  double experts;                     ///< routed ones of a layer
  double per_token;                   ///< routed ones that a token goes through
  double expert_ffn, expert_ffn_in;   ///< inner width of one, and of its input matrices
  double shared_ffn, shared_ffn_in;   ///< of all shared experts together
  double expert_ranks, expert_width;  ///< ranks that share the experts; tensor ranks of one
  double load;                        ///< rows of the fullest rank's experts over the mean

  /// Tokens that a rank sends to experts: each rank of a tensor-parallel group sends its part.
  [[nodiscard]] double routed_tokens() const { return tokens / tensor; }

  /// Copies of tokens that the experts of the fullest rank work on.
  [[nodiscard]] double expert_rows() const {
    return load * routed_tokens() * per_token * expert_width;
  }

  /// Experts of a layer on one rank.
  [[nodiscard]] double local_experts() const { return experts / expert_ranks; }
};

/// A weight matrix of one layer and rank: (n, k) of y = x W with x of (tokens x k).
struct Matrix {
  const char* name;
  double n, k;
  /// Tensor-parallel ranks that each hold the whole matrix and share the tokens among them; 1: the
  /// matrix is split instead.
  double copies = 1;
  bool wide = false;  ///< its products stay in 16 bits when the job's format is narrower
  std::array<double, 3> beside = {};  ///< widths of the outputs of adapters beside it; 0: none
  double cast_traffic = 0;  ///< at least, of a narrow product's input, whatever the stack's is
  /// Ranks that split what goes in until it is gathered, and what comes out once it is scattered:
  /// casts to a narrow format stand on that side of the collective.
  double split_in = 1, split_out = 1;

  [[nodiscard]] bool adapted() const { return beside[0] + beside[1] + beside[2] > 0; }
};

/// FLOP of a matrix product of (m x k) and (k x n): a multiply and an add per term.
Operation Gemm(const char* name, double m, double n, double k, double element_bytes, double calls);

/// Time of a 16-bit product of a matrix (n x k) over that of one whose widths are multiples of 8.
double AlignmentSlowdown(double n, double k);

/// Copies of tensors whose sequences are split over the tensor-parallel ranks, where the stack
/// makes them (copies_split_sequences).
void AddSequenceCopies(const TrainingSpec& job, PassWork& work);

/// The stack takes norms, rotary positions and unfused attention apart into kernels of one step
/// each: its `norm_traffic_factor` says so.
bool TakesApart(const TrainingSpec& job);

/// HBM bytes of norms and sums of residuals over those of fused kernels, forward and backward
/// together. Models with gated feed-forward blocks have an RMSNorm, which such stacks take apart;
/// LayerNorm is one kernel everywhere.
double NormTrafficFactor(const TrainingSpec& job);

/// Bytes of what stands between the products of a layer, of `layers` on average: norms, sums of
/// residuals and rotary positions. A condition scales and shifts what norms make, and scales what
/// is added (adaLN), within the same kernels.
double ElementwiseForwardBytes(const TrainingSpec& job, const LayerShape& s, const Layers& layers);
double ElementwiseBackwardBytes(const TrainingSpec& job, const LayerShape& s, const Layers& layers);

/// Bytes of the activation function of a dense block.
double DenseActivationForwardBytes(const TrainingSpec& job, const LayerShape& s);
double DenseActivationBackwardBytes(const TrainingSpec& job, const LayerShape& s);

/// A kernel that HBM bounds: `bytes` read and written.
Operation Elementwise(const char* name, double bytes, double calls);

/// The GEMMs of a matrix for `rows` rows: forward, and backward for the input and the weights.
void AddMatrixForward(const TrainingSpec& job, const Matrix& matrix, double rows, double calls,
                      std::vector<Operation>& out);
void AddMatrixBackward(const TrainingSpec& job, const Matrix& matrix, double rows, double calls,
                       std::vector<Operation>& out);

// Adapters (adapters.cpp).

/// Widths of adapters: that of each bit of `target` that has one, or one of their sum where
/// adapters are joined.
std::array<double, 3> Beside(const TrainingSpec& job, std::array<int, 3> target,
                             std::array<double, 3> width);

/// Their kernels beside a matrix, for `rows` rows.
void AddAdaptersForward(const TrainingSpec& job, const Matrix& matrix, double rows, double calls,
                        std::vector<Operation>& out);
void AddAdaptersBackward(const TrainingSpec& job, const Matrix& matrix, double rows, double calls,
                         std::vector<Operation>& out);

/// Parameters of the adapters beside matrices.
double AdapterParameters(const TrainingSpec& job, const std::vector<Matrix>& matrices);

/// Bytes per row that adapters keep for the backward pass, beyond an input that products keep.
double AdaptersKept(const TrainingSpec& job, const std::vector<Matrix>& matrices);

/// Whether what goes into a matrix stays in HBM for the backward pass: for its own gradient, or for
/// that of an adapter in 16 bits. One in 32 bits keeps a copy of its own.
bool KeepsInput(const TrainingSpec& job, const Matrix& matrix);

/// Selective recomputation is about matrix products.
bool RepeatsProducts(const TrainingSpec& job);

/// The products of a dense feed-forward block that it does again: of the way in.
std::vector<Matrix> RepeatedDense(const TrainingSpec& job, const LayerShape& s);

/// Matrices of the dense feed-forward block: the way in, and the way out.
std::vector<Matrix> DenseMatrices(const TrainingSpec& job, const LayerShape& s);

// Beside blocks (prediction.cpp).

/// The product of a prediction module, its outputs split over tensor-parallel ranks.
Matrix Projection(const LayerShape& s);

void AddPredictionsForward(const TrainingSpec& job, const LayerShape& s, double modules,
                           std::vector<Operation>& out);
void AddPredictionsBackward(const TrainingSpec& job, const LayerShape& s, double modules,
                            std::vector<Operation>& out);

/// The product that makes of a condition what a layer gets from it (adaLN).
Matrix Modulation(const TrainingSpec& job, const LayerShape& s);

// Attention (attention.cpp).

/// Projections of queries, keys, values and output.
std::vector<Matrix> AttentionMatrices(const TrainingSpec& job, const LayerShape& s);

/// The projections that selective recomputation does again: those of keys and of the output where
/// it is about every second product; else latent attention keeps the narrow latents and projects
/// them up once more (DeepSeek-V3, arXiv:2412.19437, section 3.2.3).
std::vector<Matrix> RecomputedMatrices(const TrainingSpec& job, const LayerShape& s);

/// Share of all pairs of tokens whose scores attention is about, as MFU counts them: half under a
/// causal mask; those of the window in a block of kind kWindow.
double CountedShare(const TrainingSpec& job, Block block);

/// Share of them that its kernel computes.
double ComputedShare(const TrainingSpec& job, const LayerShape& s, Block block);

/// Forward FLOP of QK^T and PV of one layer and rank, `share` of the scores computed.
double AttentionFlop(const LayerShape& s, double share);

/// Elements of the score matrices of one layer and rank.
double ScoreElements(const LayerShape& s);

/// The kernels of a block, kAttention or kWindow.
void AddAttentionForward(const TrainingSpec& job, const LayerShape& s, Block block, double calls,
                         std::vector<Operation>& out);
void AddAttentionBackward(const TrainingSpec& job, const LayerShape& s, Block block, double calls,
                          std::vector<Operation>& out);

/// Keys and values that a rank sends around its context-parallel group; 0 where heads are
/// exchanged.
Bytes ContextBytes(const TrainingSpec& job, const LayerShape& s, double layers, bool backward);

/// The all-to-alls of `layers` attention blocks, in one direction, where heads are exchanged.
AllToAllTraffic HeadExchange(const TrainingSpec& job, const LayerShape& s, double layers);

/// Elements per token that attention keeps for the backward pass on one rank.
double AttentionKept(const TrainingSpec& job, const LayerShape& s);

/// Attention of one layer and rank to what an encoder made.
struct CrossAttention {
  std::vector<Matrix> query;  ///< of the decoder's tokens: to queries, and back
  Matrix key_value;           ///< of the encoder's
  double rows = 0;            ///< tokens of the encoder
  double flop = 0;            ///< forward, of both products
  double kept = 0;            ///< elements kept for the backward pass
};

CrossAttention CrossAttentionOf(const TrainingSpec& job, const LayerShape& s);

void AddCrossForward(const TrainingSpec& job, const LayerShape& s, double calls,
                     std::vector<Operation>& out);
void AddCrossBackward(const TrainingSpec& job, const LayerShape& s, double calls,
                      std::vector<Operation>& out);

/// The job as its encoder sees it: tokens of its own sequence, which all see each other.
TrainingSpec EncoderJob(const TrainingSpec& job);

/// Parameters of matrices.
double SizeOf(const std::vector<Matrix>& matrices);

// Attention to the tokens that an indexer picks (sparse_attention.cpp).

/// Projections of the indexer's queries, key and weights.
std::vector<Matrix> IndexerMatrices(const TrainingSpec& job, const LayerShape& s);

/// Of all pairs of tokens, what attention to the picked ones is about; all where none are picked.
double PickedShare(const TrainingSpec& job);

/// FLOP of a kernel that reads the picked tokens over those of one that computes a mask over all
/// of them: the less of both runs. 1 where none are picked.
double PickedOverMasked(const TrainingSpec& job, const LayerShape& s);

/// Forward FLOP of the scores of an indexer in one layer, before it picks.
double IndexFlop(const TrainingSpec& job, const LayerShape& s);

/// Its kernels beside products, in `calls` layers.
void AddIndexerForward(const TrainingSpec& job, const LayerShape& s, double calls,
                       std::vector<Operation>& out);
void AddIndexerBackward(const TrainingSpec& job, const LayerShape& s, double calls,
                        std::vector<Operation>& out);

/// Bytes that one layer's indexer keeps for the backward pass. Its scores are made in parts.
double IndexerKeptBytes(const TrainingSpec& job, const LayerShape& s);

// Convolutions in front (front_end.cpp).

void AddFrontForward(const TrainingSpec& job, const LayerShape& s, std::vector<Operation>& out);
void AddFrontBackward(const TrainingSpec& job, const LayerShape& s, std::vector<Operation>& out);
double FrontParameters(const ModelSpec& model);

/// Forward FLOP for the tokens of `s`.
double FrontFlop(const TrainingSpec& job, const LayerShape& s);

/// Bytes that they keep for the backward pass of a micro-batch.
double FrontKeptBytes(const TrainingSpec& job, const LayerShape& s);

// Recurrent blocks (recurrent.cpp).

/// Projections in and out, and the narrow ones of steps and gates.
std::vector<Matrix> RecurrentMatrices(const TrainingSpec& job, const LayerShape& s);

/// Parameters of one block on one rank that are in no product: the short convolution, decays, a
/// norm.
double RecurrentExtras(const TrainingSpec& job);

/// Forward FLOP of the recurrence for the tokens of `s`, as MFU counts it.
double RecurrenceFlop(const TrainingSpec& job, const LayerShape& s);

/// The kernels of `calls` blocks: convolution, scan, gate and norm. Products are not in it.
void AddRecurrenceForward(const TrainingSpec& job, const LayerShape& s, double calls,
                          std::vector<Operation>& out);
void AddRecurrenceBackward(const TrainingSpec& job, const LayerShape& s, double calls,
                           std::vector<Operation>& out);

/// Elements per token that a block keeps for the backward pass on one rank.
double RecurrentKept(const TrainingSpec& job);

/// Elements per token that come and go in its backward pass: gradients of what it keeps.
double RecurrentPassing(const TrainingSpec& job);

/// Bytes that a rank exchanges with its context-parallel group in `calls` blocks.
Bytes RecurrentContextBytes(const TrainingSpec& job, const LayerShape& s, double calls,
                            bool backward);

/// Bytes of the state of one sequence in one block: what decoding keeps instead of a cache.
Bytes RecurrentStateBytes(const ModelSpec& model);

// Experts (mixture.cpp).

/// Weights of the router and the shared experts of one layer on one rank.
std::vector<Matrix> SharedMatrices(const TrainingSpec& job, const LayerShape& s);

/// Weights of one routed expert on one rank.
std::vector<Matrix> ExpertMatrices(const TrainingSpec& job, const LayerShape& s);

/// The feed-forward blocks of `layers` layers with experts: router, permutation, experts, shared
/// experts, and back. Norms and residuals are not in it.
void AddMixtureForward(const TrainingSpec& job, const LayerShape& s, double layers,
                       std::vector<Operation>& out);
void AddMixtureBackward(const TrainingSpec& job, const LayerShape& s, double layers,
                        std::vector<Operation>& out);

/// Tensor-parallel collectives of these blocks; needs sequence parallelism.
void AddMixtureTraffic(const TrainingSpec& job, const LayerShape& s, double layers, bool backward,
                       TensorTraffic& traffic);

/// All-to-alls of these blocks, in one direction of the step.
AllToAllTraffic MixtureExchange(const TrainingSpec& job, const LayerShape& s, double layers);

/// Bytes that one of these blocks keeps per micro-batch and rank for the backward pass.
double MixtureKeptBytes(const TrainingSpec& job, const LayerShape& s);

/// Forward FLOP of one of these blocks for the tokens of `s`: only the experts of each token count.
/// And of the adapters in it.
double MixtureFlop(const TrainingSpec& job, const LayerShape& s);
double MixtureAdapterFlop(const TrainingSpec& job, const LayerShape& s);

}  // namespace gridlock
