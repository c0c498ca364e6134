#include "workloads/pass_builder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "sim/base/check.h"
#include "workloads/adapters.h"

namespace gridlock {

namespace {

// What a grouped kernel reaches of the efficiency of one product with all of its work. In 16 bits
// of 8 to 64 experts of 256 to 2,048 tokens, measured on one H100 SXM (PyTorch 2.11): median error
// 5.6 %, at most 23 %; by the efficiency of single products it is 10.5 and 66 %. In 8 bits of the
// contiguous layouts of DeepGEMM on H800: 0.78 to 0.92. Where a stack's tiles are counted, nothing
// else is lost: 0.87 to 0.9 of the peak of one TPU v5p, as of single products (mixture.cpp).
double GroupedShare(const StackSpec& stack, Precision precision) {
  if (stack.expert_tile_rows > 0) {
    return 1;
  }
  return PrecisionBytes(precision) < PrecisionBytes(Precision::kBf16) ? 0.85 : 0.8;
}

// Of the 16-bit rate of matrix units, what chunked kernels of recurrences reach by the FLOP that
// recurrent.cpp counts: retention of 32 heads of 128 over 1,024 to 16,384 tokens on one A100 takes
// 5.49 ms forward and 23.95 ms in all for 65,536 tokens (fla-org/flash-linear-attention, README,
// Benchmarks). Other parts and kernels are taken to reach as much: of Mamba-2 the scan within
// chunks alone reaches 0.14 on one H800 (tile-ai/tilelang, benchmark/mamba2).
constexpr double kScanShare = 0.12, kScanBackwardShare = 0.09;

// Of the 32-bit rate, what the scan of Mamba-1 reaches, an estimate: steps of a model of 1.3
// billion parameters on one H100 take 22 us a token longer with it than with attention
// (fla-org/flash-linear-attention issue 32).
constexpr double kVectorShare = 0.05;

double Efficiency(const Operation& operation, const MatrixRate& rate, const StackSpec& stack,
                  double attention_speed, Precision precision) {
  switch (operation.kernel) {
    case Kernel::kGemm:
      return operation.grouped > 1 ? GroupedShare(stack, precision) *
                                         GemmEfficiency(rate, operation.flop * operation.grouped)
                                   : GemmEfficiency(rate, operation.flop);
    case Kernel::kAttention:
      return rate.attention_efficiency * attention_speed;
    case Kernel::kAttentionBackward:
      return rate.attention_backward_efficiency * attention_speed;
    case Kernel::kScan:
      return kScanShare;
    case Kernel::kScanBackward:
      return kScanBackwardShare;
    case Kernel::kVector:
      return kVectorShare;
    case Kernel::kElementwise:
      return 1.0;
  }
  return 1.0;
}

// Voltage over that of the full clock. The energy of switching goes with its square (Rabaey,
// Digital Integrated Circuits, section 5.5), and it falls with a power of the clock down to a
// floor. The floor is an estimate: curves of recent GPUs flatten between 0.65 and 0.75 of the
// highest voltage.
double VoltageAt(double clock, double slope) {
  constexpr double kFloor = 0.7;
  return std::max(std::pow(clock, slope), kFloor);
}

// At a board's own limit, as the clocks of the catalogue were fitted with.
constexpr double kOwnSlope = 1;

// Below it. The same die at two limits: the best GEMMs of B200 (1,000 W) reach 0.958 of those of
// GB200 (1,200 W) in BF16 and 0.949 in FP8 (stas00/ml-engineering, compute/accelerator), with 0.83
// of the power above idle. So power goes with the clock to the 4.3 and 3.6; a slope of 1.5 is the
// fourth power.
constexpr double kCappedSlope = 1.5;

// The highest clock, (0, 1], at which what takes `flops` and `hbm` at the full clock stays within
// `budget`, all for the time that it takes at the full clock.
double ClockWithin(Joules budget, Joules flops, Joules hbm, double slope) {
  const auto drawn = [&](double clock) {
    const double voltage = VoltageAt(clock, slope);
    return (flops * (voltage * voltage) + hbm) * clock;
  };
  if (drawn(1) <= budget) {
    return 1;
  }
  double low = 0, high = 1;
  constexpr int kHalvings = 50;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (low + high) / 2;
    (drawn(middle) <= budget ? low : high) = middle;
  }
  return std::max(low, 1e-6);
}

// Of the bandwidth of streams that an update reaches: fused AdamW of PyTorch 2.11, 537 million
// parameters in 32 bits on one H100 (0.88) and two H200 (0.81, 0.80), 470 million in 16 bits on one
// H200 (0.63).
double UpdateShare(const StackSpec& stack) {
  constexpr double kNarrowStates = 4, kNarrow = 0.63, kWide = 0.84;
  return stack.optimizer_bytes > kNarrowStates ? kWide : kNarrow;
}

// Of the bandwidth of their NICs that gathers and scatters of tensor-parallel groups over several
// servers reach, over that of all-reduces. Read off five calibration rows of groups of 16 and 32
// without a pipeline (nanotron on H100), whose steps are paced by them; gathers over 32 servers of
// H100 were seen at 200 of 400 GB/s (NVIDIA/nccl issue 1218), and gathers of sharded parameters at
// 0.4 to 0.5 (gather_bandwidth of stacks). Links of a torus are no NICs: every group of one is
// wider than its "domain" of one accelerator, and its rings reach what the transport says.
constexpr double kWideShare = 0.4;

}  // namespace

double GemmEfficiency(const MatrixRate& rate, Flop flop) {
  const auto& points = rate.gemm;
  CHECK(!points.empty());
  if (flop <= points.front().flop) {
    return points.front().efficiency;
  }
  for (std::size_t i = 1; i < points.size(); ++i) {
    if (flop <= points[i].flop) {
      const double x =
          std::log(flop / points[i - 1].flop) / std::log(points[i].flop / points[i - 1].flop);
      return points[i - 1].efficiency + x * (points[i].efficiency - points[i - 1].efficiency);
    }
  }
  return points.back().efficiency;
}

Pass PassBuilder::Build(std::string name, const PassWork& work, Seconds floor) const {
  Pass pass;
  pass.name = std::move(name);
  pass.floor = floor;
  for (const Operation& operation : work.operations) {
    Add(operation, pass);
  }
  AddTensorTraffic(work.tensor, pass);
  const bool inside = job_.layout.group() <= server_.domain();
  pass.context = work.context / (inside ? server_.scale_up : server_.across()).send_efficiency;
  pass.exchanges = work.experts.calls > 0 || work.heads.calls > 0;
  if (work.experts.calls > 0) {
    // What moves the tokens beside the compute takes some of its units.
    pass.compute_time = pass.compute_time / job_.stack.expert_compute_share;
  }
  ApplyPowerLimit(pass);
  return pass;
}

// What gathers lose beside compute is time of their kernels, not of NICs: 1 / gather_bandwidth - 1
// of what NICs of 200 Gbps take, on which it was read off. So slow NICs are filled: at 50 Gbps
// gathers that reach 0.75 of 200 reach 0.92.
double PassBuilder::GatherBandwidth() const {
  if (job_.zero != 3) {
    return 1;
  }
  constexpr BytesPerSecond kReadOff(25e9);
  const bool inside = job_.layout.shards() * job_.layout.tensor <= server_.domain();
  const BytesPerSecond each = server_.nic_bandwidth * (1.0 * server_.nics / server_.accelerators);
  const double slower = inside || server_.direct ? 1 : std::min(1.0, each / kReadOff);
  return 1 / (1 + (1 / job_.stack.gather_bandwidth - 1) * slower);
}

ParameterBytes PassBuilder::GatheredBytes(const ModelPart& part) const {
  if (job_.zero < 3) {
    // What the update has changed.
    return TrainedBytes(job_, part);
  }
  const ParameterBytes bytes = WeightBytes(job_, part);
  return {bytes.common / GatherBandwidth(), bytes.experts / GatherBandwidth()};
}

Bytes PassBuilder::GradientBytes(double parameters) const {
  return Bytes(job_.stack.main_gradient_bytes * parameters) / GatherBandwidth();
}

void PassBuilder::ShareUnits(const ModelPart& part, bool backward, Pass& pass) const {
  const double lost = 1 - job_.stack.gather_compute_share;
  if (job_.zero < 3 || lost <= 0 || !job_.stack.overlap_parameters) {
    return;
  }
  Seconds beside = AloneOverShards(CollectiveKind::kAllGather, GatheredBytes(part).common);
  if (backward) {
    const Bytes gradients = GradientBytes(TrainedPerRank(job_, part).common);
    beside += AloneOverShards(CollectiveKind::kReduceScatter, gradients);
  }
  const Seconds hbm = pass.memory_bytes / (chip_.hbm_bandwidth * chip_.hbm_efficiency);
  const Seconds alone = pass.compute_time + std::max(hbm, pass.memory_time);
  pass.compute_time += std::min(beside * lost, alone * (lost / (1 - lost)));
}

Seconds PassBuilder::AloneOverShards(CollectiveKind kind, Bytes payload) const {
  const int ranks = job_.layout.shards();
  const int inside = std::clamp(server_.domain() / job_.layout.tensor, 1, ranks);
  const GroupShape group{ranks, std::max(1, ranks / inside), inside};
  const CollectiveCall call{kind, payload, group, server_};
  return TimeAlone(FittedCost(call), call);
}

Pass PassBuilder::Optimizer(double parameters, Seconds floor) const {
  PassWork work;
  if (job_.optimizer.place == StatesPlace::kHbm && !job_.stack.offloads_states) {
    work.operations.push_back({"optimizer", Kernel::kElementwise, Flop(0),
                               Bytes(UpdateTraffic(job_) * parameters / UpdateShare(job_.stack)),
                               1});
  } else {
    floor = std::max(floor, UpdateElsewhere(job_, parameters, chip_.host_bandwidth));
  }
  const Flop orthogonal = OrthogonalFlop(job_, parameters);
  if (orthogonal.si() > 0) {
    work.operations.push_back({"orthogonalise", Kernel::kGemm, orthogonal, Bytes(0), 1});
    work.operations.back().wide = true;
  }
  return Build("optimizer", work, floor);
}

// Format that an operation runs in: attention and the LM head stay in 16 bits when the job's
// format is narrower.
Precision PassBuilder::PrecisionOf(const Operation& operation) const {
  const bool single = operation.single || operation.kernel == Kernel::kVector;
  if (single && chip_.rates[static_cast<int>(Precision::kFp32)].peak.si() > 0) {
    return Precision::kFp32;
  }
  const bool narrow = PrecisionBytes(job_.precision) < PrecisionBytes(Precision::kBf16);
  const bool has_wide = chip_.rates[static_cast<int>(Precision::kBf16)].peak.si() > 0;
  return operation.wide && narrow && has_wide ? Precision::kBf16 : job_.precision;
}

// What a stack's attention kernels reach of an accelerator's efficiencies. Those in 32 bits are
// PyTorch's everywhere.
double PassBuilder::AttentionSpeed(Precision precision) const {
  if (PrecisionBytes(precision) > PrecisionBytes(Precision::kBf16)) {
    return 1;
  }
  return job_.stack.attention_speed *
         (job_.stack.portable_attention ? chip_.portable_attention : 1.0);
}

bool PassBuilder::OnVectorUnits(Precision precision) const {
  return precision == Precision::kFp32 &&
         chip_.rates[static_cast<int>(Precision::kBf16)].peak > FlopPerSecond(0.0);
}

// Products in FP32 do not heat matrix units: steps kept the full clock of 1,980 MHz on one H200
// where 16 bits had 1,550 to 1,950 (PyTorch 2.11). Jobs of many parts lose what others lose beyond
// the clock of one.
double PassBuilder::Clock(Precision precision) const {
  const bool alone = job_.layout.accelerators() == 1;
  if (OnVectorUnits(precision)) {
    return alone ? 1 : std::min(1.0, chip_.sustained_clock / chip_.solo_clock);
  }
  return alone ? chip_.solo_clock : chip_.sustained_clock;
}

// A multiplier of half the width takes about half the energy. Vector units fetch all that they
// multiply: products at 0.75 of their peak draw 0.95 of what the limit leaves, as steps in FP32 on
// one H200 do (655 of 700 W at 46.5 TFLOPS).
double PassBuilder::EnergyOver16Bits(Precision precision) const {
  if (OnVectorUnits(precision)) {
    constexpr double kDrawn = 0.95, kReached = 0.75;
    const FlopPerSecond rate = chip_.rates[static_cast<int>(precision)].peak * kReached;
    const double drawn = kDrawn * (chip_.power.limit - chip_.power.held()).si();
    return drawn / (rate.si() * chip_.power.per_flop.si());
  }
  return PrecisionBytes(precision) / PrecisionBytes(Precision::kBf16);
}

void PassBuilder::Add(const Operation& operation, Pass& pass) const {
  const Seconds memory = operation.hbm / (chip_.hbm_bandwidth * chip_.hbm_efficiency);
  const Precision precision = PrecisionOf(operation);
  const MatrixRate& rate = chip_.rates[static_cast<int>(precision)];
  Seconds compute;
  if (operation.flop.si() > 0) {
    const double efficiency =
        Efficiency(operation, rate, job_.stack, AttentionSpeed(precision), precision) *
        Clock(precision);
    compute = operation.flop / (rate.peak * efficiency) * operation.slowdown;
  }
  pass.flop += operation.flop * operation.calls;
  pass.flop_energy +=
      operation.flop * (EnergyOver16Bits(precision) * operation.calls) * chip_.power.per_flop;
  if (compute >= memory) {
    pass.compute_time += compute * operation.calls;
    pass.compute_bytes += operation.hbm * operation.calls;
  } else {
    pass.memory_bytes += operation.hbm * operation.calls;
  }
}

void PassBuilder::AddTensorTraffic(const TensorTraffic& traffic, Pass& pass) const {
  const int domain = server_.domain();
  const int t = job_.layout.tensor;
  const GroupShape group{t, t > domain ? t / domain : 1, std::min(t, domain)};
  Bytes wire;
  Seconds latency;
  const auto add = [&](CollectiveKind kind, double calls, Bytes payload) {
    const CollectiveCost cost = FittedCost({kind, payload, group, server_});
    // A group wider than the domain is paced by its NICs; its ports carry per_domain times as
    // much, which the route's weights say.
    wire += (group.domains > 1 ? cost.nic_bytes : cost.domain_bytes) * calls;
    latency += cost.latency * calls;
    if (group.domains > 1 && !server_.direct && kind != CollectiveKind::kAllReduce) {
      latency += cost.nic_bytes / server_.nic_bandwidth * (calls * (1 / kWideShare - 1));
    }
  };
  add(CollectiveKind::kAllGather, traffic.all_gathers, traffic.gathered);
  add(CollectiveKind::kReduceScatter, traffic.reduce_scatters, traffic.payload);
  add(CollectiveKind::kAllReduce, traffic.all_reduces, traffic.payload);
  pass.tensor_overlapped = wire * job_.stack.tensor_overlap;
  pass.tensor_exposed = wire - pass.tensor_overlapped;
  pass.tensor_latency = latency * (1.0 - job_.stack.tensor_overlap);
  // Those around experts stand between all-to-alls and are not split and pipelined with GEMMs.
  wire = Bytes(0);
  latency = Seconds(0);
  add(CollectiveKind::kAllGather, traffic.expert_gathers, traffic.expert_payload);
  add(CollectiveKind::kReduceScatter, traffic.expert_scatters, traffic.expert_payload);
  pass.tensor_exposed += wire;
  pass.tensor_latency += latency;
}

// The clock of the compute phase over that of the measured rates. P = idle + FLOP/s e_flop + HBM
// bytes/s e_hbm may not pass the board's limit: the clock falls until it does not, and the voltage
// with it.
//
// The measured rates hold what the board's own limit does to long GEMMs, and e_flop is the energy
// at those clocks. Under a lower limit the clock falls from there: what the phase draws at the own
// limit, a FLOP at its price at full clock, has to fit (docs/life.md, "Below a board's own limit").
PassBuilder::ClockAndVoltage PassBuilder::ClockUnderLimit(const Pass& pass) const {
  const PowerSpec& power = chip_.power;
  const auto budget = [&](Watts limit, Watts rest) {
    return Watts(std::max((limit - rest).si(), 1e-3)) * pass.compute_time;
  };
  const Joules hbm = pass.compute_bytes * power.per_hbm_byte;
  const double own =
      ClockWithin(budget(power.rated(), power.idle), pass.flop_energy, hbm, kOwnSlope);
  const double voltage = VoltageAt(own, kOwnSlope);
  if (power.limit >= power.rated()) {
    return {own, voltage};
  }
  const Joules most = budget(power.rated(), power.held());
  const Joules flops =
      std::min(pass.flop_energy * power.FlopAtFullClock(), most - std::min(most, hbm));
  const double capped = ClockWithin(budget(power.limit, power.held()), flops, hbm, kCappedSlope);
  return {own * capped, voltage * VoltageAt(capped, kCappedSlope)};
}

// Of the compute phase and the memory phase each.
void PassBuilder::ApplyPowerLimit(Pass& pass) const {
  const PowerSpec& power = chip_.power;
  const Watts above_idle(std::max((power.limit - power.idle).si(), 1e-3));
  if (pass.compute_time.si() > 0) {
    const auto [clock, voltage] = ClockUnderLimit(pass);
    pass.compute_time = pass.compute_time / clock;
    pass.flop_energy = pass.flop_energy * (voltage * voltage);
  }
  const Seconds throttled = pass.memory_bytes * power.per_hbm_byte / above_idle;
  const Seconds at_full_rate = pass.memory_bytes / (chip_.hbm_bandwidth * chip_.hbm_efficiency);
  pass.memory_time = throttled > at_full_rate ? throttled : Seconds(0);
}

}  // namespace gridlock
