#pragma once

// Names as people write them, and the one that they mean.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gridlock {

/// ASCII letters in lower case, all others as they are.
std::string LowerCase(std::string_view text);

/// The same with `separator` for spaces, hyphens and underscores: "Batch Size" is "batch-size".
std::string LowerCase(std::string_view text, char separator);

/// ASCII letters in upper case, all others as they are.
std::string UpperCase(std::string_view text);

/// Letters and digits alone, in lower case: "All-Reduce" and "all_reduce" are one word.
std::string LettersOf(std::string_view text);

/// Whether a text says yes or no: "yes", "true" and "on", or "no", "false" and "off", in any case.
std::optional<bool> SaysYes(std::string_view text);

/// What names of a kind carry beside what tells one entry from another.
enum class NameKind {
  kModel,  ///< an organisation before a slash; "Instruct", "chat", "hf", a date behind
  kPart,   ///< its maker and the line of products, the kind of memory: "NVIDIA", "GeForce", "HBM3"
  kOther,
};

/// A name without case, separators and what its kind carries beside, so that spellings of one thing
/// are equal: "Qwen/Qwen3-0.6B" and "qwen3_0.6b", "NVIDIA GeForce RTX 4090" and "rtx_4090".
/// Digits stay apart: "opt_1.3b" is not "opt_13b". "" for a name without letters and digits.
std::string PlainKey(const std::string& name, NameKind kind);

/// The one of `names` that `name` is, by an alias stands for, or means in another spelling; `name`
/// itself where that is none or several.
/// @param aliases names by other spellings
std::string MeantName(const std::string& name, const std::vector<std::string>& names,
                      const std::map<std::string, std::string>& aliases, NameKind kind);

}  // namespace gridlock
