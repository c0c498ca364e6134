#pragma once

// The fields of a config.json, asked for by name: which of them were read, what was wrong with
// them, and what is worth a note.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/interop/hf_config.h"
#include "sim/interop/json_text.h"

namespace gridlock {

class HfFields {
 public:
  /// Spellings of one field.
  using Names = std::vector<const char*>;

  /// The references must outlive it.
  HfFields(const std::string& file, const JsonValue& config, ProblemList& problems)
      : file_(file), config_(config), problems_(problems) {}

  /// The class whose defaults hold; null: none.
  void SetClass(const HfClass* chosen) { class_ = chosen; }

  /// The first of the names that the file gives, and gives something; null: none.
  const JsonValue* Given(const Names& names);

  /// A list with one number a layer counts as its mean, with a note where they differ.
  std::optional<int> Count(const Names& names, int least = 1);
  std::optional<bool> Truth(const Names& names);

  /// The counts of a list, or a default that needs no note.
  std::vector<int> Counts(const char* name, std::vector<int> otherwise);

  /// A count, or the default of the class, with a note that says so. Without one the size is
  /// missing. @param otherwise of the class; 0: it has none
  int Size(const Names& names, int otherwise);

  /// A count, or a default that needs no note.
  int CountOr(const Names& names, int otherwise, int least = 1) {
    return Count(names, least).value_or(otherwise);
  }

  void Note(std::string note) { notes_.push_back(std::move(note)); }

  void NoteDefault(const char* name, const std::string& value);

  /// Something is wrong with the file as a whole.
  void Miss(const std::string& what, const std::string& expected);

  [[nodiscard]] const HfClass* chosen() const { return class_; }

  [[nodiscard]] const std::string& file() const { return file_; }

  [[nodiscard]] const JsonValue& config() const { return config_; }

  [[nodiscard]] ProblemList& problems() { return problems_; }

  [[nodiscard]] std::vector<std::string>& notes() { return notes_; }

  /// Whether it was asked for.
  [[nodiscard]] bool WasRead(const std::string& name) const { return read_.contains(name); }

 private:
  /// A whole number of at most 100 million, or -1.
  static std::int64_t WholeNumber(const JsonValue& value);

  /// The mean of a list of them, with a note where they differ, or -1.
  std::int64_t MeanOf(const JsonValue& list);

  const std::string& file_;
  const JsonValue& config_;
  ProblemList& problems_;
  const HfClass* class_ = nullptr;
  std::string given_;           ///< the name under which the last value stood
  std::set<std::string> read_;  ///< names that were asked for
  std::vector<std::string> notes_;
};

/// Reads the experts of a model whose sizes stand in `model` already (hf_experts.cpp).
void ReadHfExperts(HfFields& fields, const std::string& type, ModelSpec& model);

/// Inner width of an expert by one of its names, where it is given.
std::optional<int> WidthOfHfExperts(HfFields& fields);

/// Adds a problem for each size of experts or of recurrences that was not read, where the class is
/// not known: the model would be another one.
void RefuseUnreadHfSizes(HfFields& fields, const ModelSpec& model);

/// The class that a file of an unknown `model_type` is read as: by its `architectures`, else by the
/// fields that one class alone has; null: neither says (hf_alike.cpp).
const HfClass* FindHfClassAlike(const JsonValue& config);

/// Reads how wide the recurrence of a class is that has one (hf_recurrent.cpp).
void ReadHfRecurrence(HfFields& fields, const std::string& type, ModelSpec& model);

/// Reads which kinds of layers a model has: windows, recurrences, encoders, and modules that
/// predict further tokens (hf_layers.cpp). Sizes of attention and feed-forward blocks stand in
/// `model` already.
void ReadHfLayerKinds(HfFields& fields, const std::string& type, ModelSpec& model);

/// Reads convolutions in front of the first layer, embeddings that are narrower than the layers,
/// and layers that share their parameters (hf_front.cpp). Sizes stand in `model` already.
void ReadHfFront(HfFields& fields, const std::string& type, ModelSpec& model);

/// A `model_type` that makes its tokens of sound by convolutions.
bool IsSoundHfKind(const std::string& type);

/// A `model_type` whose layers have a recurrence and no attention.
bool IsRecurrentHfKind(const std::string& type);

}  // namespace gridlock
