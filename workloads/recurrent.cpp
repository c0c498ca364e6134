// Recurrent blocks: state spaces (Mamba) and linear attention. A state of keys x values goes from
// token to token in each head. Kernels take `chunk` tokens at a time: within a chunk they compute
// scores as attention does, between chunks they pass the state on (Dao and Gu 2024,
// arXiv:2405.21060, section 6; Yang et al. 2024, arXiv:2406.06484, section 3). Mamba-1 scans each
// channel by itself, without products.

#include <algorithm>

#include "sim/base/check.h"
#include "workloads/layer_shape.h"

namespace gridlock {

namespace {

// Widths of a block on one tensor-parallel rank. Heads are split over the ranks; keys are repeated
// where there are more ranks than heads of keys.
struct Widths {
  double values, keys, heads;
};

Widths WidthsOf(const TrainingSpec& job) {
  const RecurrentSpec& r = job.model.recurrent;
  const double t = job.layout.tensor;
  const double key_heads = std::max(1.0, r.key_heads / t);
  return {r.values() / t, key_heads * r.state, r.heads / t};
}

bool IsDelta(const RecurrentSpec& r) {
  return r.kind == Recurrence::kGatedDelta || r.kind == Recurrence::kKimiDelta;
}

// Outputs of the projection in. state-spaces/mamba, modules/mamba_simple.py and mamba2.py;
// huggingface/transformers, modeling_qwen3_next.py; moonshotai/Kimi-Linear, modeling_kimi.py;
// MiniMax-AI/MiniMax-Text-01, modeling_minimax_text_01.py (a gate of the output stands beside).
double InWidth(const TrainingSpec& job) {
  const Widths w = WidthsOf(job);
  switch (job.model.recurrent.kind) {
    case Recurrence::kMamba:
      return 2 * w.values;
    case Recurrence::kMamba2:
      return 2 * w.values + 2 * w.keys + w.heads;
    case Recurrence::kGatedDelta:
      return 2 * w.values + 2 * w.keys + 2 * w.heads;
    case Recurrence::kKimiDelta:
      return w.values + 2 * w.keys + w.heads;
    case Recurrence::kLightning:
      return 2 * w.values + 2 * w.keys;
    case Recurrence::kNone:
      break;
  }
  CHECK(false);
  return 0;
}

// Channels of the short convolution.
double Convolved(const TrainingSpec& job) {
  const RecurrentSpec& r = job.model.recurrent;
  const Widths w = WidthsOf(job);
  return r.convolution == 0 ? 0 : w.values + (r.kind == Recurrence::kMamba ? 0 : 2 * w.keys);
}

// FLOP of chunked kernels for one token and rank. Blocks of 64 x 64 scores on and below the
// diagonal are computed. The delta rule inverts a triangular matrix of a chunk, and corrects values
// by what the state holds already (arXiv:2406.06484, section 3.2).
double ChunkFlop(const TrainingSpec& job) {
  const RecurrentSpec& r = job.model.recurrent;
  const Widths w = WidthsOf(job);
  constexpr double kBlock = 64;
  const double chunk = std::max<double>(r.chunk, kBlock);
  const double seen = (chunk + kBlock) / 2;
  // Scores are made once for heads that share keys.
  double flop = 2 * seen * w.keys + 2 * seen * w.values + 4 * r.state * w.values;
  if (IsDelta(r)) {
    flop += 2 * chunk * w.keys + w.heads * chunk * chunk +
            2 * chunk * (w.heads * r.state + w.values) + 2 * r.state * w.values;
  }
  return flop;
}

// HBM bytes of chunked kernels for one token and rank: one kernel reads keys and values and writes
// the state of each chunk, the other reads all of it and queries, and writes what comes out. Beside
// them of the delta rule two pairs of tensors of the inverse.
double ChunkBytes(const TrainingSpec& job) {
  const RecurrentSpec& r = job.model.recurrent;
  const Widths w = WidthsOf(job);
  const double states = 2 * r.state * w.values / r.chunk;
  const double delta = IsDelta(r) ? 2 * (w.heads * r.state + w.values) : 0;
  return job.activation_bytes() *
         ((w.keys + w.values) + (2 * w.keys + 2 * w.values) + states + delta);
}

// Backward over forward: five products of keys and values within a chunk where forward has two, and
// five with states where it has two (fla-org/flash-linear-attention, ops/common).
constexpr double kBackwardFlop = 2.5, kBackwardBytes = 2.5;

// Multiplications, additions and the exponential of a channel's state for one token: dA, dB x, the
// update and the read (Gu and Dao 2023, appendix D; NVIDIA/Megatron-LM, training/training.py counts
// the same seven).
constexpr double kScanSteps = 7;

// Bytes of the gate behind the recurrence, with its norm: two tensors in and one out, backward
// three in and two out.
constexpr double kGateForward = 3, kGateBackward = 5;

}  // namespace

std::vector<Matrix> RecurrentMatrices(const TrainingSpec& job, const LayerShape& s) {
  const RecurrentSpec& r = job.model.recurrent;
  const Widths w = WidthsOf(job);
  std::vector<Matrix> out{{"recurrent_in", InWidth(job), s.hidden}};
  if (r.kind == Recurrence::kMamba) {
    out.push_back({"scan_inputs", 1.0 * r.rank + 2.0 * r.state, w.values});
    out.push_back({"scan_steps", w.values, 1.0 * r.rank});
  } else if (r.kind == Recurrence::kKimiDelta) {
    out.push_back({"gates_down", 2.0 * r.rank, s.hidden, s.sequence_split});
    out.push_back({"decay_gate", w.heads * r.state, 1.0 * r.rank});
    out.push_back({"output_gate", w.values, 1.0 * r.rank});
  }
  out.push_back({"recurrent_out", s.hidden, w.values});
  return out;
}

double RecurrentExtras(const TrainingSpec& job) {
  const RecurrentSpec& r = job.model.recurrent;
  const Widths w = WidthsOf(job);
  const double convolution = Convolved(job) * (r.convolution + 1);
  if (r.kind == Recurrence::kMamba) {
    return convolution + w.values * (r.state + 2);  // A of each state; D and a bias of each channel
  }
  return convolution + 3 * w.heads + w.values;  // decay, bias and D of each head; a norm
}

double RecurrenceFlop(const TrainingSpec& job, const LayerShape& s) {
  const RecurrentSpec& r = job.model.recurrent;
  // Of each element of a head's state. Delta rule: what it holds for a key, the update of two
  // terms, and the read (NVIDIA/Megatron-LM, training/training.py).
  const double each = IsDelta(r) ? 8 : r.kind == Recurrence::kLightning ? 4 : kScanSteps;
  return each * s.tokens * r.state * WidthsOf(job).values;
}

void AddRecurrenceForward(const TrainingSpec& job, const LayerShape& s, double calls,
                          std::vector<Operation>& out) {
  if (calls <= 0) {
    return;
  }
  const RecurrentSpec& r = job.model.recurrent;
  const Widths w = WidthsOf(job);
  if (r.convolution > 0) {
    out.push_back(
        Elementwise("convolution", 2 * job.activation_bytes() * s.tokens * Convolved(job), calls));
  }
  if (r.kind == Recurrence::kMamba) {
    // One kernel with the gate in it: x, steps and gate in, one tensor out.
    out.push_back({"scan", Kernel::kVector, Flop(RecurrenceFlop(job, s)),
                   Bytes(job.activation_bytes() * s.tokens * 4 * w.values), calls, /*wide=*/true});
    return;
  }
  out.push_back({"scan", Kernel::kScan, Flop(s.tokens * ChunkFlop(job)),
                 Bytes(s.tokens * ChunkBytes(job)), calls, /*wide=*/true});
  out.push_back(
      Elementwise("gate", kGateForward * job.activation_bytes() * s.tokens * w.values, calls));
}

void AddRecurrenceBackward(const TrainingSpec& job, const LayerShape& s, double calls,
                           std::vector<Operation>& out) {
  if (calls <= 0) {
    return;
  }
  const RecurrentSpec& r = job.model.recurrent;
  const Widths w = WidthsOf(job);
  if (r.convolution > 0) {
    out.push_back(Elementwise("convolution_backward",
                              4 * job.activation_bytes() * s.tokens * Convolved(job), calls));
  }
  if (r.kind == Recurrence::kMamba) {
    out.push_back({"scan_backward", Kernel::kVector, Flop(kBackwardFlop * RecurrenceFlop(job, s)),
                   Bytes(job.activation_bytes() * s.tokens * 8 * w.values), calls, /*wide=*/true});
    return;
  }
  out.push_back({"scan_backward", Kernel::kScanBackward,
                 Flop(kBackwardFlop * s.tokens * ChunkFlop(job)),
                 Bytes(kBackwardBytes * s.tokens * ChunkBytes(job)), calls, /*wide=*/true});
  out.push_back(Elementwise("gate_backward",
                            kGateBackward * job.activation_bytes() * s.tokens * w.values, calls));
}

// Mamba's kernels keep what the projections made and what comes out of the scan, and make the rest
// once more (state-spaces/mamba: mamba_split_conv1d_scan_combined, mamba_inner_fn). Those of linear
// attention keep both sides of the convolution, the inverse of each chunk, what comes out and what
// the gate makes of it (fla-org/flash-linear-attention, layers/gated_deltanet.py).
double RecurrentKept(const TrainingSpec& job) {
  const RecurrentSpec& r = job.model.recurrent;
  const Widths w = WidthsOf(job);
  const double in = InWidth(job);
  switch (r.kind) {
    case Recurrence::kMamba:
      return in + r.rank + 2.0 * r.state + w.values;
    case Recurrence::kMamba2:
      return in + w.values;
    default: {
      const double gates =
          r.kind == Recurrence::kKimiDelta ? 2.0 * r.rank + w.heads * r.state + w.values : 0.0;
      const double inverse = IsDelta(r) ? w.heads * r.chunk : 0.0;
      return in + gates + Convolved(job) + inverse + 2 * w.values;
    }
  }
}

double RecurrentPassing(const TrainingSpec& job) {
  const Widths w = WidthsOf(job);
  const RecurrentSpec& r = job.model.recurrent;
  // Gradients of what the projection made and of what came out, and the states of all chunks.
  const double states = r.kind == Recurrence::kMamba ? 0 : 2.0 * 2 * r.state * w.values / r.chunk;
  return InWidth(job) + w.values + states;
}

// Ranks change from tokens to heads and back, each with all tokens of its heads in between
// (NVIDIA/Megatron-LM, core/ssm/mamba_context_parallel.py).
Bytes RecurrentContextBytes(const TrainingSpec& job, const LayerShape& s, double calls,
                            bool /*backward*/) {
  if (calls <= 0) {
    return Bytes(0);
  }
  const double c = job.layout.context;
  const double elements = s.tokens * (InWidth(job) + WidthsOf(job).values);
  return Bytes((c - 1) / c * job.activation_bytes() * elements * calls);
}

Bytes RecurrentStateBytes(const ModelSpec& model) {
  const RecurrentSpec& r = model.recurrent;
  const double channels = r.values() + (r.kind == Recurrence::kMamba ? 0 : 2 * r.keys());
  const double tail = r.convolution > 1 ? (r.convolution - 1) * channels : 0;
  constexpr double kWide = 4;  // states are added up in 32 bits
  return Bytes(kWide * r.values() * r.state + kHalfBytes * tail);
}

}  // namespace gridlock
