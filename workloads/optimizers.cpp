// Optimizers: what they keep of a parameter, and what an update moves and computes.

#include <algorithm>
#include <iterator>

#include "workloads/adapters.h"
#include "workloads/layer_shape.h"

namespace gridlock {

namespace {

// Moments in 8 bits have a scale of 32 bits for each block of 256 (bitsandbytes-foundation/
// bitsandbytes, functional.py, optimizer_update_8bit_blockwise; Dettmers et al. 2021,
// arXiv:2110.02861).
constexpr double kByteMoment = 1 + 4.0 / 256;

// Moments in 16 bits beside weights in 32: DeepSeek-V3 (arXiv:2412.19437, section 3.3.3).
//
// Adafactor keeps a row and a column of a matrix (Shazeer and Stern 2018, arXiv:1804.04235): next
// to nothing, without momentum. Lion has one moment (Chen et al. 2023, arXiv:2302.06675), Muon one
// of matrices (Jordan et al. 2024, kellerjordan.github.io/posts/muon). Paged states are in memory
// that the driver moves to the host where HBM is short (arXiv:2305.14314, section 3).
//
// LOMO is SGD that updates in the backward pass (Lv et al. 2023, arXiv:2306.09782). GaLore keeps
// two moments of gradients of rank r, and what projects them (Zhao et al. 2024, arXiv:2403.03507,
// section 4.2): with r a quarter of the width, as its largest model has, of seven matrices of
// widths 1 and 2.7 that is 2 / 4 and 0.145 of the weights. Embedding and head have AdamW.
constexpr double kGalore = 2.0 / 4 + 0.145;

const OptimizerSpec kOptimizers[] = {
    {"adamw", 2, 0, false, false},
    {"adam", 2, 0, false, false},
    {"adamw_16bit", 2, kHalfBytes, false, false},
    {"adamw_8bit", 2, kByteMoment, false, false},
    {"paged_adamw", 2, 0, true, false},
    {"paged_adamw_8bit", 2, kByteMoment, true, false},
    {"adafactor", 0, 0, false, false},
    {"lion", 1, 0, false, false},
    {"galore", kGalore, 0, false, false, StatesPlace::kHbm, false, 2},
    {"lion_8bit", 1, kByteMoment, false, false},
    {"lomo", 0, 0, false, false, StatesPlace::kHbm, true},
    {"muon", 1, 0, false, true, StatesPlace::kHbm, false, 2},
    {"sgd", 0, 0, false, false},
    {"sgd_momentum", 1, 0, false, false},
};

}  // namespace

StackSpec InSinglePrecision(StackSpec stack) {
  constexpr double kSingle = 4, kMoments = 8;
  stack.main_gradient_bytes = stack.kept_activation_bytes = stack.dispatch_bytes = kSingle;
  stack.optimizer_bytes = kMoments;
  stack.keeps_narrow_gradients = stack.narrow_parameters = stack.master_weights_only = false;
  // Logits come in 32 bits and stay beside what the loss makes of them.
  stack.logit_bytes += kHalfBytes;
  stack.activation_kept_bytes *= kSingle / kHalfBytes;
  return stack;
}

const OptimizerSpec* OptimizerByName(const std::string& name) {
  const auto* const found =
      std::find_if(std::begin(kOptimizers), std::end(kOptimizers), [&](const OptimizerSpec& row) {
        return name == row.name;
      });
  return found == std::end(kOptimizers) ? nullptr : found;
}

std::vector<std::string> OptimizerNames() {
  std::vector<std::string> names;
  for (const OptimizerSpec& row : kOptimizers) {
    names.push_back(row.name);
  }
  return names;
}

// A stack's `optimizer_bytes` is a master copy and two moments of AdamW: moments of 4 bytes each
// where there is room for both, else all of it is moments.
StateBytes StatesOf(const TrainingSpec& job) {
  constexpr double kWideMoments = 8;
  const bool wide = job.adapters.wide() && !job.trains_base();
  const double both = wide ? kWideMoments : job.stack.optimizer_bytes;
  const double moments = std::min(both, kWideMoments);
  const OptimizerSpec& optimizer = job.optimizer;
  const double each = optimizer.moment_bytes > 0 ? optimizer.moment_bytes : moments / 2;
  return {both - moments, optimizer.moments * each,
          (optimizer.table_moments > 0 ? optimizer.table_moments : optimizer.moments) * each};
}

bool KeepsMasterWeightsOnly(const TrainingSpec& job) {
  constexpr double kMaster = 4;
  return job.stack.master_weights_only && job.trains_base() && StatesOf(job).master >= kMaster;
}

// Adam reads the gradient and reads and writes the master weight and two moments; it writes the
// 16-bit weight, and reads that one too where there is no master weight (states of 4 bytes: both
// moments in 16 bits). Where all is in 32 bits, weights are read and written themselves.
double UpdateTraffic(const TrainingSpec& job) {
  constexpr double kGradient = 4, kNarrowMoments = 4;
  const bool single = job.activation_bytes() > kHalfBytes;
  const double weight = single ? 2 * job.activation_bytes() : kHalfBytes;
  const StateBytes states = StatesOf(job);
  if (!job.trains_base()) {
    return job.adapters.bytes + 2 * (states.total() + job.adapters.bytes);
  }
  return job.stack.optimizer_bytes > kNarrowMoments
             ? kGradient + 2 * states.total() + weight
             : job.stack.main_gradient_bytes + 2 * states.total() + 2 * kHalfBytes;
}

// Five rounds of Newton-Schulz on a matrix of n x k, n <= k, in 16 bits: X X^T (2 n^2 k), its
// square (2 n^3) and their product with X (2 n^2 k). That is 4 n + 2 n^2 / k FLOP a parameter and
// round; n is taken as the residual stream, k as four times that.
Flop OrthogonalFlop(const TrainingSpec& job, double parameters) {
  if (!job.optimizer.orthogonal || !job.trains_base()) {
    return Flop(0);
  }
  constexpr double kRounds = 5;
  const double n = job.model.hidden;
  return Flop(kRounds * (4 * n + 0.5 * n) * parameters);
}

// Ren et al. 2021 (ZeRO-Offload, arXiv:2101.06840), table 4: CPU-Adam on 10 billion parameters
// takes 2.57 s on two Xeon 8168, with all of both processors. Disks: an NVMe of 3.2 GB/s to read
// and to write (DeepSpeed's nvme tutorial measures 3.3 and 3.1), a drive for each accelerator;
// states are read and written whole. Gradients and weights of 16 bits cross the host's link at
// the rate of copies; gradients leave beside the backward pass. Where the stack keeps all states on
// the host, weights come back before they are used.
Seconds UpdateElsewhere(const TrainingSpec& job, double parameters, BytesPerSecond host) {
  constexpr double kSecondsEach = 0.257e-9;
  constexpr double kServer = 8;  // accelerators that share the two processors
  constexpr double kDisk = 3.2e9;
  const double sharing = std::min(kServer, static_cast<double>(job.layout.accelerators()));
  const double weights =
      job.stack.offloads_states ? 0 : job.activation_bytes() * parameters / host.si();
  const double update = kSecondsEach * sharing * parameters + weights;
  const double states = 2 * StatesOf(job).total() * parameters / kDisk;
  return Seconds(job.optimizer.place == StatesPlace::kNvme ? std::max(update, states) : update);
}

}  // namespace gridlock
