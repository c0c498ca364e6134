#include "sim/process/task.h"

#include <cstring>
#include <exception>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "sim/base/archive.h"

namespace gridlock {

namespace {

enum Kind : char {
  kProgress = 'p',  ///< a double
  kBytes = 'b',     ///< the last frame of a task that returned
  kProblem = 'm',   ///< a Problem of a UserError
  kRefused = 'r',   ///< the last frame of a task that threw UserError
  kFailure = 'f',   ///< the last frame of a task that threw something else: its text
};

}  // namespace

std::string TaskResult::Take() && {
  if (!problems.empty()) {
    throw UserError(std::move(problems));
  }
  if (!ok) {
    throw std::runtime_error(failure);
  }
  return std::move(bytes);
}

void DoTask(const Task& task, Channel& parent) {
  TaskResult result;
  try {
    result.bytes = task([&parent](double fraction) {
      char text[sizeof fraction];
      std::memcpy(text, &fraction, sizeof fraction);
      parent.Send(kProgress, {text, sizeof text});
    });
    result.ok = true;
  } catch (const UserError& error) {
    result.problems = error.problems();
  } catch (const std::exception& error) {
    result.failure = error.what();
  }
  SendResult(result, parent);
}

void SendResult(const TaskResult& result, Channel& parent) {
  for (const Problem& problem : result.problems) {
    parent.Send(kProblem, ToBytes(problem));
  }
  if (result.ok) {
    parent.Send(kBytes, result.bytes);
  } else if (!result.problems.empty()) {
    parent.Send(kRefused, "");
  } else {
    parent.Send(kFailure, result.failure);
  }
}

bool TaskReply::Add(Frame frame) {
  switch (frame.kind) {
    case kProgress:
      CHECK(frame.bytes.size() == sizeof progress_);
      std::memcpy(&progress_, frame.bytes.data(), sizeof progress_);
      return false;
    case kProblem:
      result_.problems.push_back(FromBytes<Problem>(std::move(frame.bytes)));
      return false;
    case kBytes:
      result_.bytes = std::move(frame.bytes);
      result_.ok = true;
      return true;
    case kRefused:
      return true;
    case kFailure:
      result_.failure = std::move(frame.bytes);
      return true;
    default:
      CHECK(false);
      return true;
  }
}

void TaskReply::TimeOut(double seconds) {
  result_ = {};
  result_.failure = fmt::format("the simulation took longer than {} s and was ended", seconds);
  result_.timed_out = true;
}

void TaskReply::BreakOff(const std::string& how) {
  result_ = {};
  result_.failure = how.empty() ? "the simulation ended without a result" : how;
}

}  // namespace gridlock
