#include "sim/describe/refuse.h"

#include "sim/base/check.h"

namespace gridlock {
namespace {

/// `"a"`, `"a" or "b"`, `"a", "b" or "c"`.
std::string Alternatives(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + Quoted(names[i]);
  }
  return text;
}

std::vector<std::string> MeantBy(const std::string& name, const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 3;
  std::vector<std::string> meant;
  // "h100" is far from "h100_sxm" by letters, and means it.
  for (std::size_t i = 0; i < names.size() && !name.empty() && meant.size() < kMost; ++i) {
    if (names[i].starts_with(name)) {
      meant.push_back(names[i]);
    }
  }
  const std::string nearest = meant.empty() ? NearestName(name, names) : "";
  if (!nearest.empty()) {
    meant.push_back(nearest);
  }
  return meant;
}

}  // namespace

void RefuseUnknown(const std::string& what, const std::string& name,
                   const std::vector<std::string>& names) {
  const std::vector<std::string> meant = MeantBy(name, names);
  throw UserError("", "there is no " + what + " " + Quoted(name) + "; " +
                          (meant.empty() ? "gridlock catalog list shows what there is"
                                         : "did you mean " + Alternatives(meant) + "?"));
}

}  // namespace gridlock
