// The formulas of the transformer against the counts that were published.

#include "workloads/transformer.h"

#include <string_view>

#include <gtest/gtest.h>

#include "tests/workloads/models.h"
#include "workloads/layer_shape.h"

namespace gridlock {

namespace {

double Sum(const PassWork& work, Flop Operation::*what) {
  double sum = 0;
  for (const Operation& operation : work.operations) {
    sum += (operation.*what).si() * operation.calls;
  }
  return sum;
}

}  // namespace

TEST(Parameters, OfGpt3Are175Billion) {
  EXPECT_NEAR(ModelParameters(Gpt3()), 174.6e9, 0.005 * 174.6e9);
}

TEST(Parameters, OfTheGptFamilyFollowEquation2) {
  // Narayanan et al. 2021, equation 2: 12 l h^2 (1 + 13/12h + (V+s)/12lh), biases included.
  const double l = 80, h = 10240, v = 51200, s = 2048;
  const double published = 12 * l * h * h * (1 + 13 / (12 * h) + (v + s) / (12 * l * h));
  EXPECT_NEAR(ModelParameters(Gpt(80, 10240, 80)), published, 1e-4 * published);
}

TEST(Parameters, OfLlamaAreThePublishedOnes) {
  EXPECT_NEAR(ModelParameters(Llama(32, 4096, 32, 14336)), 8.03e9, 0.002 * 8.03e9);
  EXPECT_NEAR(ModelParameters(Llama(80, 8192, 64, 28672)), 70.6e9, 0.002 * 70.6e9);
  EXPECT_NEAR(ModelParameters(Llama(126, 16384, 128, 53248)), 405.85e9, 0.002 * 405.85e9);
}

TEST(Parameters, OfTheStagesAddUpToTheModel) {
  TrainingSpec job = JobOn(Llama(80, 8192, 64, 28672));
  const double first = ParametersPerRank(job, {Layers(kDenseLayer, 20), true, false}).total();
  const double middle = ParametersPerRank(job, {Layers(kDenseLayer, 20), false, false}).total();
  const double last = ParametersPerRank(job, {Layers(kDenseLayer, 20), false, true}).total();
  const double all = ModelParameters(job.model);
  EXPECT_NEAR(first + 2 * middle + last, all, 1e-12 * all);
}

TEST(Parameters, OfTheTensorRanksAddUpToTheModelButForNorms) {
  TrainingSpec job = JobOn(Llama(80, 8192, 64, 28672));
  const double all = ModelParameters(job.model);
  job.layout.tensor = 8;
  const double norms = (2 * 80 + 1) * 8192.0;
  EXPECT_NEAR(8 * ParametersPerRank(job, {Layers(kDenseLayer, 80), true, true}).total() - 7 * norms,
              all, 1e-12 * all);
}

TEST(HardwareFlopOf, TheGptFamilyFollowEquation3) {
  // Narayanan et al. 2021, equation 3: 96 B s l h^2 (1 + s/6h + V/16lh), full recomputation.
  struct Sizes {
    int layers, hidden, heads;
  };

  for (const auto& [layers, hidden, heads] :
       {Sizes{24, 2304, 24}, {30, 3072, 32}, {48, 8192, 64}, {96, 12288, 96}, {128, 25600, 160}}) {
    TrainingSpec job = JobOn(Gpt(layers, hidden, heads));
    job.recompute = Recompute::kFull;
    job.global_batch = 512;
    const double b = 512, s = 2048, l = layers, h = hidden, v = 51200;
    const double published = 96 * b * s * l * h * h * (1 + s / (6 * h) + v / (16 * l * h));
    EXPECT_NEAR(HardwareFlop(job).si(), published, 1e-9 * published);
    const double model = 72 * b * s * l * h * h * (1 + s / (6 * h) + v / (12 * l * h));
    EXPECT_NEAR(ModelFlop(job).si(), model, 1e-9 * model);
  }
}

TEST(ModelFlopOf, CausalAttentionCountsHalfOfTheScores) {
  TrainingSpec job = JobOn(Gpt3());
  const double full = ModelFlop(job).si();
  job.model.attention = Attention::kCausal;
  // 12 b s^2 h per layer are the scores' share, forward and backward.
  EXPECT_NEAR(full - ModelFlop(job).si(), 0.5 * 12 * 2048.0 * 2048 * 12288 * 96, 1e-9 * full);
}

TEST(ModelFlopOf, AJobIsThatOfItsPasses) {
  // Unfused kernels compute nothing twice: three times the forward pass, on any tensor split.
  for (const int tensor : {1, 8}) {
    TrainingSpec job = JobOn(Gpt3());
    job.layout.tensor = tensor;
    job.stack.fused_attention = false;
    job.global_batch = 3;
    const ModelPart all{Layers(kDenseLayer, 96), true, true};
    const double passes = Sum(ForwardWork(job, all), &Operation::flop) +
                          Sum(BackwardWork(job, all), &Operation::flop);
    const double expected = ModelFlop(job).si();
    EXPECT_NEAR(3 * tensor * passes, expected, 1e-9 * expected);
    job.recompute = Recompute::kFull;
    const double again = Sum(BackwardWork(job, all), &Operation::flop) +
                         Sum(ForwardWork(job, all), &Operation::flop);
    const double hardware = HardwareFlop(job).si();
    EXPECT_NEAR(3 * tensor * again, hardware, 1e-9 * hardware);
    // Without the last product of each layer: 2 x 2,048 tokens x 4 h^2, 96 times.
    job.stack.recomputation_stops_early = true;
    const double last = 3.0 * 96 * 2 * 2048 * 4 * 12288 * 12288;
    EXPECT_NEAR(hardware - HardwareFlop(job).si(), last, 1e-9 * hardware);
    EXPECT_NEAR(3 * tensor *
                    (Sum(BackwardWork(job, all), &Operation::flop) +
                     Sum(ForwardWork(job, all), &Operation::flop)),
                hardware - last, 1e-9 * hardware);
  }
}

TEST(Activations, OfAGptLayerAre34Sbh) {
  // Korthikanti et al. 2022 (arXiv:2205.05198), equations 1 to 4 and table 2.
  const double s = 2048, b = 4, h = 12288, a = 96, t = 8;
  TrainingSpec job = JobOn(Gpt3());
  job.micro_batch = 4;
  job.layout.tensor = 8;
  job.layout.sequence_parallel = true;
  job.recompute = Recompute::kSelective;
  EXPECT_DOUBLE_EQ(LayerActivations(job).si(), 34 * s * b * h / t);
  job.layout.sequence_parallel = false;
  EXPECT_DOUBLE_EQ(LayerActivations(job).si(), s * b * h * (10 + 24 / t));
  job.recompute = Recompute::kNone;
  job.stack.fused_attention = false;
  EXPECT_DOUBLE_EQ(LayerActivations(job).si(), s * b * h * (10 + 24 / t + 5 * a * s / (h * t)));
  job.layout.sequence_parallel = true;
  EXPECT_DOUBLE_EQ(LayerActivations(job).si(), s * b * h / t * (34 + 5 * a * s / h));
  job.recompute = Recompute::kFull;
  EXPECT_DOUBLE_EQ(LayerActivations(job).si(), 2 * s * b * h / t);
}

TEST(Activations, OfNarrowGemmsKeepTheirInputsNarrow) {
  // A layer of Gpt3 in FP8 keeps both norms' outputs and the activation's output in one byte
  // instead of two, and beside attention's output a copy of it in one.
  const double s = 2048, h = 12288;
  TrainingSpec job = JobOn(Gpt3());
  job.micro_batch = 1;
  job.recompute = Recompute::kSelective;
  const Bytes wide = LayerActivations(job);
  job.precision = Precision::kFp8;
  EXPECT_DOUBLE_EQ((wide - LayerActivations(job)).si(), s * h * (2 + 4 - 1));
}

TEST(Weights, OfLayersAreNarrowWhereTheStackKeepsThemSo) {
  TrainingSpec job = JobOn(Gpt3());
  const ModelPart layer{Layers(kDenseLayer, 1), false, false};
  const ModelPart first{Layers(kDenseLayer, 1), true, false};
  const double parameters = ParametersPerRank(job, layer).total();
  const double table = ParametersPerRank(job, first).total() - parameters;
  job.precision = Precision::kFp8;
  EXPECT_DOUBLE_EQ(WeightBytes(job, first).total().si(), 2 * (parameters + table));
  job.stack.narrow_parameters = true;
  EXPECT_DOUBLE_EQ(WeightBytes(job, first).total().si(), parameters + 2 * table);
  job.precision = Precision::kBf16;
  EXPECT_DOUBLE_EQ(WeightBytes(job, first).total().si(), 2 * (parameters + table));
}

TEST(Messages, OfAPipelineAreTheBoundaryOverTheTensorRanks) {
  TrainingSpec job = JobOn(Gpt3());
  job.micro_batch = 2;
  job.layout.tensor = 8;
  EXPECT_DOUBLE_EQ(PipelineMessage(job).si(), 2 * 2 * 2048.0 * 12288 / 8);
}

TEST(Casts, MoveTheInputsOfNarrowProductsOnceForwardAndWithTheGradientBackward) {
  TrainingSpec job = JobOn(Gpt3());
  const ModelPart layer{Layers(kDenseLayer, 1), false, false};
  const auto cast = [&](const PassWork& work) {
    double bytes = 0;
    for (const Operation& operation : work.operations) {
      bytes += std::string_view(operation.name).starts_with("cast") ? operation.hbm.si() : 0;
    }
    return bytes;
  };
  job.stack.cast_traffic = 6;
  EXPECT_EQ(cast(ForwardWork(job, layer)), 0);  // 16 bits
  job.precision = Precision::kFp8;
  const double h = job.model.hidden,
               rows = static_cast<double>(job.micro_batch * job.sequence_length);
  // Inputs of four products: h, h, h and 4 h wide; outputs 3 h, h, 4 h and h.
  const double inputs = 7 * h * rows + 12 * h * h;
  EXPECT_DOUBLE_EQ(cast(ForwardWork(job, layer)), 6 * inputs);
  EXPECT_DOUBLE_EQ(cast(BackwardWork(job, layer)), 6 * (inputs + 9 * h * rows));
}

TEST(Gradients, InSixteenBitsAreAddedByKernelsOfTheirOwn) {
  TrainingSpec job = JobOn(Gpt3());
  const auto bytes = [&] {
    double sum = 0;
    for (const Operation& operation :
         BackwardWork(job, {Layers(kDenseLayer, 1), false, false}).operations) {
      sum += operation.name == std::string_view("gradient_sum") ? operation.hbm.si() : 0;
    }
    return sum;
  };
  EXPECT_EQ(bytes(), 0);
  job.stack.keeps_narrow_gradients = true;
  const double h = job.model.hidden;
  // 12 h^2 parameters: FP32 read and written, 16 bits read and cleared.
  EXPECT_DOUBLE_EQ(bytes(), 12 * h * h * (2 * 4 + 2 * 2));
}

TEST(AttentionKernels, OfShortSequencesAreSlower) {
  TrainingSpec job = JobOn(Gpt3());
  const auto slowdown = [&](std::int64_t tokens) {
    job.sequence_length = tokens;
    for (const Operation& operation :
         ForwardWork(job, {Layers(kDenseLayer, 1), false, false}).operations) {
      if (operation.kernel == Kernel::kAttention) {
        return operation.slowdown;
      }
    }
    return 0.0;
  };
  job.stack.fused_attention = true;
  job.model.heads = job.model.kv_heads = 32;
  job.model.head_dim = 128;
  EXPECT_DOUBLE_EQ(slowdown(5800), 1);
  EXPECT_DOUBLE_EQ(slowdown(1024), (1 + 335.0 / 1024) / (1 + 335.0 / 5800));
  EXPECT_DOUBLE_EQ(slowdown(1048576), (1 + 335.0 / 8192) / (1 + 335.0 / 5800));
  job.layout.context = 8;
  EXPECT_DOUBLE_EQ(slowdown(8 * 5800), 1);
  job.stack.fused_attention = false;
  EXPECT_DOUBLE_EQ(slowdown(1024), 1);
}

// Measured on one H100 (PyTorch 2.11), 2,048 tokens: microseconds by width of head, 16 heads.
TEST(AttentionKernels, OfOtherHeadsTakeWhatWasMeasured) {
  TrainingSpec job = JobOn(Gpt3());
  job.stack.fused_attention = true;
  job.sequence_length = 2048;
  job.model.heads = job.model.kv_heads = 16;
  const auto time = [&](int head) {
    job.model.head_dim = head;
    for (const Operation& operation :
         ForwardWork(job, {Layers(kDenseLayer, 1), false, false}).operations) {
      if (operation.kernel == Kernel::kAttention) {
        return operation.slowdown * operation.flop.si();
      }
    }
    return 0.0;
  };
  const double of_128 = time(128);
  const std::pair<int, double> measured[] = {{64, 97.4},   {80, 141.2},  {112, 145.9},
                                             {150, 673.9}, {160, 195.9}, {256, 245.3}};
  for (const auto& [head, microseconds] : measured) {
    EXPECT_NEAR(time(head) / of_128, microseconds / 143.6, 0.1 * microseconds / 143.6) << head;
  }
  // FlashAttention-2 pads to a multiple of 32: heads of 80 take what those of 96 do.
  job.stack.portable_attention = true;
  EXPECT_DOUBLE_EQ(time(80), time(96));
  EXPECT_DOUBLE_EQ(time(128), of_128);
  EXPECT_NEAR(time(96) / of_128, (96.0 + 64) / (128 + 64), 1e-12);
}

TEST(Norms, HaveATrafficOfTheirOwn) {
  TrainingSpec job = JobOn(Gpt3());
  job.stack.hbm_traffic_factor = 2;
  const auto bytes = [&] {
    double sum = 0;
    for (const Operation& operation :
         ForwardWork(job, {Layers(kDenseLayer, 1), false, false}).operations) {
      sum += operation.name == std::string_view("elementwise") ? operation.hbm.si() : 0;
    }
    return sum;
  };
  const double as_others = bytes();
  job.stack.norm_traffic_factor = 3;
  EXPECT_DOUBLE_EQ(bytes(), as_others);  // LayerNorm
  job.model.gated = true;
  // Learned positions: no rotation. Two norms of 28 tensors of 2 bytes and two sums of three, where
  // fused kernels move two and three.
  EXPECT_DOUBLE_EQ(bytes(), as_others * 3 * (56 + 6) / (2 * (4 + 6)));
}

TEST(Norms, OfA32BitStreamMoveLessForwardThanTheirCastsAndGradientsDoBackward) {
  TrainingSpec job = JobOn(Llama(32, 4096, 32, 14336));
  job.stack.norm_traffic_factor = 1;
  const auto bytes = [&](const PassWork& work, std::string_view name) {
    double sum = 0;
    for (const Operation& operation : work.operations) {
      sum += operation.name == name ? operation.hbm.si() : 0;
    }
    return sum;
  };
  const ModelPart layer{Layers(kDenseLayer, 1), false, false};
  const auto ratio = [&] {
    return bytes(BackwardWork(job, layer), "elementwise_backward") /
           bytes(ForwardWork(job, layer), "elementwise");
  };
  const double half = ratio();
  job.stack.wide_residuals = true;
  EXPECT_GT(ratio(), 1.2 * half);
  // Copies of weights in 16 bits: 6 bytes each, once a pass.
  EXPECT_EQ(bytes(ForwardWork(job, layer), "cast_weights"), 0);
  job.stack.casts_weights = true;
  EXPECT_DOUBLE_EQ(bytes(ForwardWork(job, layer), "cast_weights"),
                   6 * (2 * 4096.0 * 4096 + 2 * 4096.0 * 1024 + 3 * 4096.0 * 14336));
}

TEST(TensorTraffic, IsLessInTheBackwardPassWhereGatheredInputsWereKept) {
  TrainingSpec job = JobOn(Gpt3());
  job.layout.tensor = 8;
  job.layout.sequence_parallel = true;
  EXPECT_DOUBLE_EQ(BackwardWork(job, {Layers(kDenseLayer, 1), false, false}).tensor.all_gathers, 4);
  job.stack.keeps_gathered_inputs = true;
  EXPECT_DOUBLE_EQ(BackwardWork(job, {Layers(kDenseLayer, 1), false, false}).tensor.all_gathers, 2);
}

TEST(TensorTraffic, GathersInTheFormatOfTheGemmAndSumsIn16BitsOrMore) {
  TrainingSpec job = JobOn(Gpt3());
  job.layout.tensor = 8;
  const ModelPart layer{Layers(kDenseLayer, 1), false, false};
  EXPECT_EQ(ForwardWork(job, layer).tensor.gathered, ForwardWork(job, layer).tensor.payload);
  job.precision = Precision::kFp8;
  EXPECT_EQ(BackwardWork(job, layer).tensor.gathered, Bytes(1.0 * 2048 * 12288));
  EXPECT_EQ(BackwardWork(job, layer).tensor.payload, Bytes(2.0 * 2048 * 12288));
  job.precision = Precision::kFp32;
  EXPECT_EQ(ForwardWork(job, layer).tensor.gathered, Bytes(4.0 * 2048 * 12288));
  EXPECT_EQ(ForwardWork(job, layer).tensor.payload, Bytes(4.0 * 2048 * 12288));
}

TEST(TensorTraffic, OfALayerIsFourCollectivesForwardAndSixBackward) {
  // Korthikanti et al. 2022, section 4.2.2: an all-gather and a reduce-scatter for each block, and
  // one more all-gather for each in the backward pass; without sequence parallelism an all-reduce
  // each.
  TrainingSpec job = JobOn(Gpt3());
  job.layout.tensor = 8;
  const ModelPart layer{Layers(kDenseLayer, 1), false, false};
  EXPECT_EQ(ForwardWork(job, layer).tensor.all_gathers, 2);
  EXPECT_EQ(ForwardWork(job, layer).tensor.reduce_scatters, 2);
  EXPECT_EQ(BackwardWork(job, layer).tensor.all_gathers, 4);
  EXPECT_EQ(BackwardWork(job, layer).tensor.reduce_scatters, 2);
  EXPECT_EQ(ForwardWork(job, layer).tensor.payload, Bytes(2.0 * 2048 * 12288));
  job.layout.sequence_parallel = false;
  EXPECT_EQ(ForwardWork(job, layer).tensor.all_reduces, 2);
  EXPECT_EQ(BackwardWork(job, layer).tensor.all_reduces, 2);
  job.layout.tensor = 1;
  EXPECT_EQ(ForwardWork(job, layer).tensor.all_reduces, 0);
}

// pytorch/pytorch issue 143985: sequences of a batch that are split lie in pieces, which are copied
// together.
TEST(TensorTraffic, OfSplitSequencesIsCopiedOnceMore) {
  TrainingSpec job = JobOn(Llama(2, 4096, 32, 14336));
  job.layout.tensor = 8;
  job.layout.sequence_parallel = true;
  job.stack.copies_split_sequences = true;
  const ModelPart part{job.model.LayersIn(0, 2), false, false};
  const auto copied = [&] {
    double bytes = 0;
    for (const PassWork& work : {ForwardWork(job, part), BackwardWork(job, part)}) {
      for (const Operation& operation : work.operations) {
        bytes += operation.name == std::string_view("sequence_copies") ? operation.hbm.si() : 0;
      }
    }
    return bytes;
  };
  EXPECT_EQ(copied(), 0);  // one sequence lies in one piece
  job.micro_batch = 2;
  // Two blocks a layer: a gather and a scatter each forward, two gathers and a scatter backward;
  // read and written.
  EXPECT_DOUBLE_EQ(copied(), 2 * 2 * (2 + 3) * 2 * (2.0 * 2 * 2048 * 4096));
}

TEST(Attention, OfHeadsThatAreNoMultipleOfEightIsSlowWhereItIsNotFused) {
  TrainingSpec job = JobOn(Gpt(1, 96 * 152, 96));
  job.stack.fused_attention = false;
  const auto slowdown = [&] {
    for (const Operation& operation : ForwardWork(job, {Layers(kDenseLayer, 1)}).operations) {
      if (operation.kernel == Kernel::kAttention) {
        return operation.slowdown;
      }
    }
    return 0.0;
  };
  EXPECT_EQ(slowdown(), 1);
  job.model = Gpt(1, 96 * 150, 96);
  EXPECT_EQ(slowdown(), AlignmentSlowdown(150, 150));
}

TEST(StepOverhead, GrowsWithEachDoublingAndIsLessForSmallModels) {
  TrainingSpec job = JobOn(Gpt(1, 4096, 32));
  job.stack.step_overhead = Seconds(0.06);
  job.stack.overhead_per_doubling = Seconds(0.004);
  job.layout = {};
  job.layout.data = 1;
  EXPECT_DOUBLE_EQ(StepOverhead(job).si(), 0.06);
  job.layout.data = 1024;
  EXPECT_DOUBLE_EQ(StepOverhead(job).si(), 0.06 + 10 * 0.004);
  job.stack.overhead_parameters = 4 * ModelParameters(job.model);
  EXPECT_DOUBLE_EQ(StepOverhead(job).si(), (0.06 + 10 * 0.004) / 4);
  job.stack.overhead_parameters = ModelParameters(job.model) / 4;
  EXPECT_DOUBLE_EQ(StepOverhead(job).si(), 0.06 + 10 * 0.004);
}

// A masked language model whose masked tokens alone are predicted.
TEST(Head, IsOfThePredictedTokensAlone) {
  TrainingSpec job = JobOn(Gpt(1, 4096, 32));
  const auto flop = [&] {
    double sum = 0;
    for (const Operation& operation : ForwardWork(job, {Layers(), false, true}).operations) {
      sum += operation.flop.si();
    }
    return sum;
  };
  const double all = flop();
  const double loss = LossWorkingSet(job).si();
  const double model = ModelFlop(job).si();
  job.predicted_share = 0.25;
  EXPECT_DOUBLE_EQ(flop(), all / 4);
  EXPECT_LT(LossWorkingSet(job).si(), loss);
  EXPECT_LT(ModelFlop(job).si(), model);
}

}  // namespace gridlock
