#pragma once

// Formulas in texts: which points a sweep has, and whether a claim holds. muParser reads and
// evaluates them; here are the units, the names and the messages.

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gridlock {

/// A formula of named numbers: "nic >= 400 Gbps && accelerators <= 4096". Numbers may carry units
/// of bandwidth, data, time, power and compute, and then are in SI units. `and`, `or` and `not` are
/// not known: && || and == 0 are.
class Formula {
 public:
  /// Reads the formula. Throws UserError, with the message for people, when it is not one or a name
  /// in it is none of `names` and `constants`.
  Formula(const std::string& text, const std::vector<std::string>& names,
          const std::map<std::string, double>& constants = {});
  Formula(Formula&& other) noexcept;
  ~Formula();

  /// The value where the names, in the order given, have these values. NaN where it is not defined.
  double At(const std::vector<double>& values);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// "a_name" made of any text: a name of formulas and of netCDF.
std::string FormulaName(const std::string& text);

}  // namespace gridlock
