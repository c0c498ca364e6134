#pragma once

// The voice of the checks of whole messages.

#include <string>
#include <utility>

#include <google/protobuf/message.h>

#include "sim/schema/problems.h"
#include "sim/schema/written.h"

namespace gridlock {

/// Where the complaints about one message go.
class Complaints {
 public:
  Complaints(const Written& written, std::string path, ProblemList& problems)
      : written_(written), path_(std::move(path)), problems_(problems) {}

  [[nodiscard]] bool Has(const std::string& field) const { return written_.Has(field); }

  /// For the message in a field (element `index` of it). Not written, it has no fields either.
  [[nodiscard]] Complaints Within(const std::string& field, int index = 0) const {
    static const Written kNothing;
    return {Has(field) ? written_.At(field, index) : kNothing, Path(field), problems_};
  }

  /// About the value of a field (element `index` of it), or about the message when it is not
  /// written.
  void Value(const std::string& field, const std::string& what, const std::string& expectation,
             int index = 0) const {
    problems_.Add(written_.At(field, index).value, Path(field), Refusal(what, expectation));
  }

  /// About the presence of a field.
  void Presence(const std::string& field, const std::string& what, const std::string& expectation,
                int index = 0) const {
    problems_.Add(written_.At(field, index).name, Path(field), Refusal(what, expectation));
  }

 private:
  [[nodiscard]] std::string Path(const std::string& field) const { return FieldPath(path_, field); }

  const Written& written_;
  std::string path_;
  ProblemList& problems_;
};

/// Calls `check`, the check of messages T, when `message` is one.
template <typename T>
void CheckIf(const google::protobuf::Message& message, const Complaints& complain,
             void (*check)(const T&, const Complaints&)) {
  if (message.GetDescriptor() == T::descriptor()) {
    check(static_cast<const T&>(message), complain);
  }
}

}  // namespace gridlock
