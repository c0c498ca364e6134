#include "tools/growing_trace.h"

#include <cstdio>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace gridlock {

GrowingTrace::GrowingTrace(std::string file, const TraceHeader& header, std::size_t rows)
    : file_(std::move(file)) {
  const HeldSignals held;
  writer_.emplace(file_, header, TraceVocabulary{}, static_cast<int>(rows));
  interrupt_.emplace("", std::vector{file_ + ".part", file_ + ".part.new"});
}

GrowingTrace::~GrowingTrace() {
  if (!finished_ && rows_ > 0) {
    fmt::print(stderr, "{}", Kept());
  }
}

void GrowingTrace::Append(const StepRecord& record) {
  const HeldSignals held;
  writer_->Append(record);
  ++rows_;
  interrupt_.reset();
  interrupt_.emplace(Kept(), std::vector{file_ + ".part.new"});
}

void GrowingTrace::Finish() {
  const HeldSignals held;
  writer_->Finish();
  finished_ = true;
  interrupt_.reset();
}

std::string GrowingTrace::Kept() const {
  const std::string part = file_ + ".part";
  return rows_ == 1 ? fmt::format("gridlock: the step that finished is in {}\n", part)
                    : fmt::format("gridlock: the {} steps that finished are in {}\n", rows_, part);
}

}  // namespace gridlock
