// Kernels of one matrix product, forward and backward.

#include <algorithm>
#include <cmath>

#include "workloads/layer_shape.h"
#include "workloads/transformer.h"

namespace gridlock {

double InputBytes(const TrainingSpec& job) {
  return std::min(job.activation_bytes(), job.operand_bytes());
}

double KeptInputBytes(const TrainingSpec& job) {
  return std::min(InputBytes(job), job.stack.kept_activation_bytes);
}

Operation Gemm(const char* name, double m, double n, double k, double element_bytes, double calls) {
  const double result = std::max(kHalfBytes, element_bytes);
  return {name, Kernel::kGemm, Flop(2.0 * m * n * k),
          Bytes(element_bytes * (m * k + k * n) + result * m * n), calls};
}

// Rows of 16-bit elements that do not begin at 16 bytes keep a product off the fast ways into the
// multiprocessors. Measured on one H100 and one H200 SXM (PyTorch 2.11): an odd width takes 7.6 to
// 8.8 times as long forward and 5.0 to 6.6 times backward, 6.2 times over the three products, and
// an even one that is no multiple of 8 takes 2.7 to 3.2 times.
double AlignmentSlowdown(double n, double k) {
  constexpr double kOdd = 6.2, kEven = 2.9;
  const auto of = [](double width) {
    return std::fmod(width, 8) == 0 ? 1.0 : std::fmod(width, 2) == 0 ? kEven : kOdd;
  };
  return std::max(of(n), of(k));
}

Operation Elementwise(const char* name, double bytes, double calls) {
  return {name, Kernel::kElementwise, Flop(0), Bytes(bytes), calls};
}

// A tensor (batch, sequence, width) whose sequences are split lies in pieces: it is read and
// written once more behind a gather and before a scatter (pytorch/pytorch, distributed/_functional_
// collectives.py, all_gather_tensor and reduce_scatter_tensor along another dimension than the
// first; issue 143985).
void AddSequenceCopies(const TrainingSpec& job, PassWork& work) {
  const TensorTraffic& traffic = work.tensor;
  const Bytes moved =
      traffic.all_gathers * traffic.gathered + traffic.reduce_scatters * traffic.payload;
  if (job.stack.copies_split_sequences && job.micro_batch > 1 && moved.si() > 0) {
    work.operations.push_back(Elementwise("sequence_copies", 2 * moved.si(), 1));
  }
}

namespace {

// Scales of tensors and their casts to the narrow format of a product are kernels of their own.
void AddCast(const TrainingSpec& job, const char* name, const Matrix& matrix, double elements,
             double calls, std::vector<Operation>& out) {
  const double traffic = std::max(job.stack.cast_traffic, matrix.cast_traffic);
  const bool narrow = PrecisionBytes(job.precision) < PrecisionBytes(Precision::kBf16);
  if (narrow && traffic > 0) {
    // The other copy of a block format: scales go along one dimension, and products of the backward
    // pass want them along the other, so that a tensor is written in both (NVIDIA Transformer
    // Engine documentation, MXFP8).
    const double again = job.scale_bytes > 0 ? job.operand_bytes() + job.scale_bytes : 0;
    out.push_back(Elementwise(name, (traffic + again) * elements, calls));
  }
}

// A frozen matrix in a narrow format is written out in 16 bits before each product (bitsandbytes,
// autograd/_functions.py, MatMul4Bit: forward and backward).
void AddBaseCast(const TrainingSpec& job, const Matrix& matrix, double calls,
                 std::vector<Operation>& out) {
  if (job.adapters.base_bytes > 0 && !matrix.wide) {
    const double bytes = (job.adapters.base_bytes + job.activation_bytes()) * matrix.n * matrix.k;
    out.push_back(Elementwise("dequantise", bytes, calls));
  }
}

// 16-bit copies of 32-bit weights, made for a forward pass and made again where it is repeated.
void AddWeightCast(const TrainingSpec& job, const Matrix& matrix, double calls,
                   std::vector<Operation>& out) {
  constexpr double kReadAndWritten = 4 + 2;
  const bool half = job.activation_bytes() == kHalfBytes && !matrix.wide;
  if (job.stack.casts_weights && half && job.trains_base()) {
    out.push_back(Elementwise("cast_weights", kReadAndWritten * matrix.n * matrix.k, calls));
  }
}

// Products in other formats have rules of their own, which frameworks keep to.
double SlowdownOf(const TrainingSpec& job, const Matrix& matrix) {
  const bool half = PrecisionBytes(job.precision) == PrecisionBytes(Precision::kBf16);
  return half || matrix.wide ? AlignmentSlowdown(matrix.n, matrix.k) : 1;
}

}  // namespace

void AddMatrixForward(const TrainingSpec& job, const Matrix& matrix, double rows, double calls,
                      std::vector<Operation>& out) {
  const double element = job.operand_bytes();
  Operation product = Gemm(matrix.name, rows / matrix.copies, matrix.n, matrix.k, element, calls);
  product.wide = matrix.wide;
  product.slowdown = SlowdownOf(job, matrix);
  if (!matrix.wide) {
    AddCast(job, "cast", matrix,
            rows / matrix.copies * matrix.k / matrix.split_in + matrix.n * matrix.k, calls, out);
  }
  AddBaseCast(job, matrix, calls, out);
  AddWeightCast(job, matrix, calls, out);
  out.push_back(product);
  AddAdaptersForward(job, matrix, rows / matrix.copies, calls, out);
}

void AddMatrixBackward(const TrainingSpec& job, const Matrix& matrix, double rows, double calls,
                       std::vector<Operation>& out) {
  const double element = job.operand_bytes();
  const double m = rows / matrix.copies;
  Operation input = Gemm("input_gradient", m, matrix.k, matrix.n, element, calls);
  Operation weight = Gemm("weight_gradient", matrix.n, matrix.k, m, element, calls);
  // The weight gradient is added to the accumulated one: read and write it, in the product itself
  // or in a kernel of its own, which reads the 16-bit gradient and clears it.
  const double accumulated = 2 * job.stack.main_gradient_bytes * matrix.n * matrix.k;
  const double narrow = job.activation_bytes() * matrix.n * matrix.k;
  Operation sum = Elementwise("gradient_sum", accumulated + 2 * narrow, calls);
  weight.hbm = Bytes(element * m * (matrix.n + matrix.k) +
                     (job.stack.keeps_narrow_gradients ? narrow : accumulated));
  input.wide = weight.wide = matrix.wide;
  input.slowdown = weight.slowdown = SlowdownOf(job, matrix);
  weight.of_weights = true;
  if (!matrix.wide) {
    // Inputs are kept as they were and cast once more, and the gradient of the output.
    AddCast(job, "cast_backward", matrix,
            m * (matrix.k / matrix.split_in + matrix.n / matrix.split_out) + matrix.n * matrix.k,
            calls, out);
  }
  AddBaseCast(job, matrix, calls, out);
  out.push_back(input);
  if (!job.trains_base()) {
    AddAdaptersBackward(job, matrix, m, calls, out);
    return;
  }
  out.push_back(weight);
  if (job.stack.keeps_narrow_gradients) {
    sum.of_weights = true;
    out.push_back(sum);
  }
}

}  // namespace gridlock
