#pragma once

// A file that Gridlock has written (trace.h5, results.h5), read back whole, for reports that are
// made later. Python's readers do the same; docs/outputs.md lists what stands in such a file.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gridlock {

/// One variable of a file, its elements in row-major order.
struct DatasetVariable {
  std::string name;
  std::vector<std::string> dimensions;
  std::vector<std::size_t> shape;
  std::string units, long_name;
  std::vector<std::string> flags;  ///< names of the values 0, 1, ...; empty when they are numbers
  bool is_text = false;
  std::vector<double> numbers;     ///< NaN where nothing is there
  std::vector<std::string> texts;  ///< of a text variable, which has no numbers

  [[nodiscard]] std::size_t size() const { return is_text ? texts.size() : numbers.size(); }
};

struct Dataset {
  std::string file;
  std::string kind;  ///< "step", "collective_test", "life" or "sweep"
  std::vector<std::pair<std::string, std::string>> attributes;  ///< texts and numbers of the file
  std::vector<DatasetVariable> variables;

  /// A variable; nullptr where the file has none of that name.
  [[nodiscard]] const DatasetVariable* Find(const std::string& name) const;

  /// An attribute of the file; "" where it has none of that name.
  [[nodiscard]] const std::string& Attribute(const std::string& name) const;

  /// The number at a position of a variable; NaN where there is none.
  [[nodiscard]] double At(const std::string& name, std::size_t index = 0) const;

  /// The text at a position of a variable; "" where there is none.
  [[nodiscard]] std::string TextAt(const std::string& name, std::size_t index = 0) const;

  /// Elements along a dimension, by the coordinate of that name; 0 where there is none.
  [[nodiscard]] std::size_t Length(const std::string& dimension) const;
};

/// Reads a file, or in a folder results.h5 or trace.h5. Throws UserError for what is neither.
Dataset ReadDataset(const std::string& path);

}  // namespace gridlock
