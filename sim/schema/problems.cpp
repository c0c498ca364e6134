#include "sim/schema/problems.h"

#include <algorithm>
#include <tuple>

#include "sim/base/check.h"

namespace gridlock {

std::string Position::Text() const {
  if (line <= 0) {
    return file;
  }
  return file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

std::string FieldPath(const std::string& parent, const std::string& field) {
  return parent.empty() ? field : parent + "." + field;
}

std::string ElementPath(const std::string& list, std::size_t index) {
  std::string path = list;
  path += '[';
  path += std::to_string(index);
  path += ']';
  return path;
}

std::string Refusal(const std::string& what, const std::string& expectation,
                    const std::string& nearest) {
  std::string message = what;
  if (!expectation.empty()) {
    message += "; expected " + expectation;
  }
  if (!nearest.empty()) {
    message += "; did you mean \"" + nearest + "\"?";
  }
  return message;
}

void ProblemList::Add(const Position& where, const std::string& path, const std::string& message) {
  if (located_.size() == kKept) {
    ++dropped_;
    return;
  }
  file_order_.emplace(where.file, file_order_.size());
  located_.push_back({where, path, message});
}

void ProblemList::Append(const ProblemList& other) {
  for (const Located& each : other.located_) {
    Add(each.where, each.path, each.message);
  }
  dropped_ += other.dropped_;
}

void ProblemList::ThrowIfAny() const {
  if (located_.empty()) {
    return;
  }
  std::vector<Located> sorted = located_;
  const auto key = [&](const Located& each) {
    return std::tuple(file_order_.at(each.where.file), each.where.line, each.where.column);
  };
  std::stable_sort(sorted.begin(), sorted.end(), [&](const Located& a, const Located& b) {
    return key(a) < key(b);
  });
  std::vector<Problem> problems;
  for (const Located& each : sorted) {
    if (problems.size() == kReported) {
      problems.push_back({"", "and " + std::to_string(size() - kReported) + " more"});
      break;
    }
    problems.push_back({each.path, each.where.Text() + ": " + each.message});
  }
  throw LocatedError(std::move(problems));
}

}  // namespace gridlock
