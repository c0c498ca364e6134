#pragma once

// The trace of a command that simulates one step after the other.

#include <optional>
#include <string>

#include "sim/process/interrupt.h"
#include "sim/record/trace.h"

namespace gridlock {

/// A trace that grows row by row in NAME.part. When the command fails or is interrupted, a part
/// without a row is deleted; one with rows is kept, and a line on stderr says where.
class GrowingTrace {
 public:
  /// @param file "out/x/trace.h5"; @param rows that will come. Throws RecordError.
  GrowingTrace(std::string file, const TraceHeader& header, std::size_t rows);
  ~GrowingTrace();
  GrowingTrace(const GrowingTrace&) = delete;
  GrowingTrace& operator=(const GrowingTrace&) = delete;

  /// Throws RecordError.
  void Append(const StepRecord& record);

  /// Gives the file its name. Throws RecordError.
  void Finish();

 private:
  [[nodiscard]] std::string Kept() const;

  std::string file_;
  std::optional<TraceWriter> writer_;
  int rows_ = 0;
  bool finished_ = false;
  std::optional<OnInterrupt> interrupt_;
};

}  // namespace gridlock
