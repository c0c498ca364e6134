#pragma once

// Arguments of training frameworks as people keep them: a command line or a shell script with
// `--name value`, YAML with `name: value`, TOML with `[section]` and `name = value`.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sim/interop/key_values.h"
#include "sim/schema/problems.h"

namespace gridlock {

/// Arguments with their places. Variables of a shell script are put in where they are used.
struct ArgumentFile {
  std::vector<WrittenKey> arguments;             ///< names without "--"
  std::map<std::string, std::string> variables;  ///< of a shell script
  std::vector<std::string> notes;                ///< branches of a script that were chosen
};

/// A command line or shell script when an argument begins with "--", else YAML. Names are written
/// with "-", also where the text has "_".
ArgumentFile ReadArguments(const std::string& file, std::string_view text, ProblemList& problems);

/// TOML: a key of [section] is called "section.key". Lists give several values.
std::vector<WrittenKey> ReadToml(const std::string& file, std::string_view text,
                                 ProblemList& problems);

/// The zeros and ones of a list in Python, [0]*3+[1]*58 or ([0,1]*24). Nothing where it is another
/// text.
std::optional<std::vector<int>> ZerosAndOnes(std::string_view list);

/// Arguments by name. Where one stands twice, the last one holds, as in Python's argparse.
class Arguments {
 public:
  /// @param prefix what people write in front of a name, "--" or ""
  Arguments(const std::string& file, const std::vector<WrittenKey>& keys, const char* prefix,
            ProblemList& problems);

  [[nodiscard]] bool Has(const std::string& name) const;

  /// True for a flag without a value, or with one that says so.
  [[nodiscard]] bool Flag(const std::string& name, bool otherwise = false) const;

  /// A whole number within 1..10^9 (or from `least`). Adds a problem where it is something else.
  [[nodiscard]] std::optional<int> Number(const std::string& name, int least = 1) const;

  [[nodiscard]] std::string Text(const std::string& name, const std::string& otherwise = "") const;

  /// One of its values is `word`: "--cuda-graph-scope attn mlp".
  [[nodiscard]] bool Names(const std::string& name, const std::string& word) const;

  /// A list in Python such as ([0]*3+[1]*58), whose blanks and parentheses part words of a shell.
  [[nodiscard]] std::string List(const std::string& name, const std::string& otherwise) const;

  /// Where the argument stands; the file where it does not.
  [[nodiscard]] Position Where(const std::string& name) const;

  void Refuse(const std::string& name, const std::string& what, const std::string& expected) const;

  /// The argument of the file that is the nearest to a name that is missing; null: none is near.
  [[nodiscard]] const WrittenKey* Nearest(const std::string& name) const;

  /// All arguments that nobody asked for, in the order of the file.
  [[nodiscard]] std::vector<const WrittenKey*> Unread() const;

  /// All names that were asked for, for the nearest of a name that nobody knows.
  [[nodiscard]] std::vector<std::string> Asked() const { return {asked_.begin(), asked_.end()}; }

 private:
  [[nodiscard]] const WrittenKey* Find(const std::string& name) const;

  const std::string& file_;
  const std::vector<WrittenKey>& keys_;
  const char* prefix_;
  ProblemList& problems_;
  std::map<std::string, const WrittenKey*> by_name_;
  mutable std::set<std::string> asked_;
};

}  // namespace gridlock
