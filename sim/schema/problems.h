#pragma once

// Everything wrong with the input, gathered so that one run reports it all, in the order of the
// file.

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "sim/base/check.h"

namespace gridlock {

/// A UserError whose messages begin with their positions already.
class LocatedError : public UserError {
 public:
  using UserError::UserError;
};

/// Where something was written: a place in a file, or an override on the command line.
struct Position {
  std::string file;  ///< as the user named it; "--set 'path=value'" for an override
  int line = 0;      ///< from 1; 0 when there are no lines to count
  int column = 0;    ///< from 1, in bytes as compilers count them

  /// "scenario.textproto:14:13", or the file alone without a line.
  [[nodiscard]] std::string Text() const;
};

/// "site[0].servers" of "site[0]" and "servers"; the field alone when there is no parent.
std::string FieldPath(const std::string& parent, const std::string& field);

/// "site[0]" of "site" and 0.
std::string ElementPath(const std::string& list, std::size_t index);

/// The message of every refusal: `what; expected expectation; did you mean "nearest"?`. Empty parts
/// are left out.
std::string Refusal(const std::string& what, const std::string& expectation,
                    const std::string& nearest = "");

class ProblemList {
 public:
  /// Notes that the field `path` ("site[0].servers"; may be empty) is wrong as written at `where`.
  void Add(const Position& where, const std::string& path, const std::string& message);

  /// All problems of another list, behind those of this one.
  void Append(const ProblemList& other);

  [[nodiscard]] bool empty() const { return located_.empty(); }

  [[nodiscard]] std::size_t size() const { return located_.size() + dropped_; }

  /// Throws UserError with all problems, by place, when there are any. Each message starts with its
  /// place. At most kReported are reported: the rest are usually consequences.
  void ThrowIfAny() const;

 private:
  static constexpr std::size_t kReported = 50;
  static constexpr std::size_t kKept = 1000;  ///< before sorting; bounds the memory

  struct Located {
    Position where;
    std::string path;
    std::string message;
  };

  std::vector<Located> located_;
  std::size_t dropped_ = 0;                        ///< counted, not kept
  std::map<std::string, std::size_t> file_order_;  ///< files in the order of their first problem
};

}  // namespace gridlock
