#pragma once

// Two kinds of error. CHECK is for us: a broken promise inside the program, which stops the run.
// UserError is for people: something wrong in the input, found before simulated time zero.

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gridlock {

/// One thing wrong in the input.
struct Problem {
  std::string path;       ///< field path, "job[0].pretraining.layout.tensor"; may be empty
  std::string message;    ///< what is wrong, what was expected, the nearest valid name
  std::string name = {};  ///< the wrong one of the names in the field; "" where it is all of it
};

/// The input cannot be simulated. Carries every problem found; positions (file:line:column) are
/// looked up from the paths by the loader, which knows where each field was written.
class UserError : public std::runtime_error {
 public:
  explicit UserError(std::vector<Problem> problems);

  UserError(std::string path, std::string message)
      : UserError(std::vector<Problem>{{std::move(path), std::move(message)}}) {}

  [[nodiscard]] const std::vector<Problem>& problems() const { return problems_; }

 private:
  std::vector<Problem> problems_;
};

/// Prints the broken promise and where it stands, then aborts. Used by CHECK alone.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);

/// Bytes of the well-formed UTF-8 character at the start of `text`; 0 when there is none.
std::size_t Utf8Length(std::string_view text);

/// `text` in double quotes on one line: control characters and bytes that are not UTF-8 stand as
/// \xNN, and a text of more than 60 bytes is cut with "...".
std::string Quoted(std::string_view text);

/// The candidate with the smallest edit distance to `name` if it is near enough to be a slip of the
/// keyboard (at most a third of the letters, and at least one shared), or if it has all words of
/// `name`, which then count a quarter of a slip for each letter left out: "llama_405b" means
/// llama_3.1_405b and not llama_65b. Else "". Case counts half.
std::string NearestName(const std::string& name, const std::vector<std::string>& candidates);

/// " (did you mean \"X\"?)" for the nearest candidate, or "" when none is near.
std::string DidYouMean(const std::string& name, const std::vector<std::string>& candidates);

}  // namespace gridlock

#define CHECK(condition)                                       \
  do {                                                         \
    if (!(condition)) {                                        \
      ::gridlock::CheckFailed(__FILE__, __LINE__, #condition); \
    }                                                          \
  } while (false)
