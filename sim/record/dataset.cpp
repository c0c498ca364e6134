#include "sim/record/dataset.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <sstream>

#include <hdf5.h>
#include <hdf5_hl.h>

#include "sim/base/check.h"
#include "sim/record/hdf5_handle.h"

namespace gridlock {
namespace {

/// A text of fixed length, as attributes have them.
std::string FixedText(hid_t attribute, hid_t type) {
  std::string text(H5Tget_size(type), '\0');
  const Hdf5Handle memory(H5Tcopy(type), H5Tclose);
  if (text.empty() || H5Aread(attribute, memory.get(), text.data()) < 0) {
    return "";
  }
  text.resize(std::min(text.size(), text.find('\0')));
  return text;
}

/// An attribute as text: numbers in the shortest form; "" for lists and references.
std::string AttributeText(hid_t object, const char* name) {
  const Hdf5Handle attribute(H5Aopen(object, name, H5P_DEFAULT), H5Aclose);
  const Hdf5Handle type(H5Aget_type(attribute.get()), H5Tclose);
  const Hdf5Handle space(H5Aget_space(attribute.get()), H5Sclose);
  const H5T_class_t kind = H5Tget_class(type.get());
  if (kind == H5T_STRING && H5Tis_variable_str(type.get()) == 0) {
    return FixedText(attribute.get(), type.get());
  }
  const bool single = H5Sget_simple_extent_npoints(space.get()) == 1;
  if (!single || (kind != H5T_INTEGER && kind != H5T_FLOAT)) {
    return "";
  }
  if (kind == H5T_INTEGER) {
    std::uint64_t value = 0;
    H5Aread(attribute.get(), H5T_NATIVE_UINT64, &value);
    return std::to_string(value);
  }
  double value = 0;
  H5Aread(attribute.get(), H5T_NATIVE_DOUBLE, &value);
  std::ostringstream text;
  text.precision(15);
  text << value;
  return text.str();
}

std::string TextAttribute(hid_t object, const char* name) {
  return H5Aexists(object, name) > 0 ? AttributeText(object, name) : "";
}

herr_t TakeAttribute(hid_t object, const char* name, const H5A_info_t* /*info*/, void* dataset) {
  static_cast<Dataset*>(dataset)->attributes.emplace_back(name, AttributeText(object, name));
  return 0;
}

/// The name of the first scale of a dimension.
herr_t TakeScale(hid_t /*dataset*/, unsigned /*dimension*/, hid_t scale, void* name) {
  constexpr std::size_t kLongest = 256;
  char path[kLongest] = {};
  if (H5Iget_name(scale, path, kLongest) > 0) {
    *static_cast<std::string*>(name) = path[0] == '/' ? path + 1 : path;
  }
  return 1;  // enough
}

void ReadTexts(hid_t dataset, hid_t space, std::size_t count, DatasetVariable& variable) {
  const Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  std::vector<char*> texts(count, nullptr);
  if (H5Dread(dataset, type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, texts.data()) >= 0) {
    for (const char* text : texts) {
      variable.texts.emplace_back(text == nullptr ? "" : text);
    }
    H5Dvlen_reclaim(type.get(), space, H5P_DEFAULT, texts.data());
  }
  variable.texts.resize(count);
}

void ReadElements(hid_t dataset, hid_t space, std::size_t count, DatasetVariable& variable) {
  const Hdf5Handle type(H5Dget_type(dataset), H5Tclose);
  variable.is_text = H5Tget_class(type.get()) == H5T_STRING;
  if (count == 0) {
    return;
  }
  if (variable.is_text) {
    return ReadTexts(dataset, space, count, variable);
  }
  variable.numbers.assign(count, std::numeric_limits<double>::quiet_NaN());
  H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, variable.numbers.data());
}

std::vector<std::string> Words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) {
    words.push_back(word);
  }
  return words;
}

herr_t TakeVariable(hid_t group, const char* name, const H5L_info_t* /*info*/, void* into) {
  const Hdf5Handle dataset(H5Dopen2(group, name, H5P_DEFAULT), H5Dclose);
  if (dataset.get() < 0) {
    return 0;
  }
  DatasetVariable variable;
  variable.name = name;
  const Hdf5Handle space(H5Dget_space(dataset.get()), H5Sclose);
  const int rank = H5Sget_simple_extent_ndims(space.get());
  std::vector<hsize_t> shape(static_cast<std::size_t>(std::max(rank, 0)));
  H5Sget_simple_extent_dims(space.get(), shape.data(), nullptr);
  std::size_t count = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    std::string dimension = name;  // a scale is its own dimension
    if (H5DSis_scale(dataset.get()) <= 0) {
      H5DSiterate_scales(dataset.get(), static_cast<unsigned>(i), nullptr, TakeScale, &dimension);
    }
    variable.dimensions.push_back(dimension);
    variable.shape.push_back(shape[i]);
    count *= shape[i];
  }
  variable.units = TextAttribute(dataset.get(), "units");
  variable.long_name = TextAttribute(dataset.get(), "long_name");
  variable.flags = Words(TextAttribute(dataset.get(), "flag_meanings"));
  ReadElements(dataset.get(), space.get(), count, variable);
  static_cast<Dataset*>(into)->variables.push_back(std::move(variable));
  return 0;
}

std::string FileOf(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    if (!fs::exists(path, ignored)) {
      throw UserError("", path +
                              ": no such file or folder; expected a trace.h5, a results.h5, or "
                              "a folder with one");
    }
    return path;
  }
  for (const char* name : {"/results.h5", "/trace.h5"}) {
    if (fs::exists(path + name, ignored)) {
      return path + name;
    }
  }
  throw UserError("", path +
                          ": neither results.h5 nor trace.h5 is in this folder; expected a "
                          "folder that gridlock run, cap or sweep has written");
}

}  // namespace

const DatasetVariable* Dataset::Find(const std::string& name) const {
  const auto found = std::find_if(variables.begin(), variables.end(), [&](const auto& variable) {
    return variable.name == name;
  });
  return found == variables.end() ? nullptr : &*found;
}

const std::string& Dataset::Attribute(const std::string& name) const {
  static const std::string kNone;
  const auto found = std::find_if(attributes.begin(), attributes.end(), [&](const auto& attribute) {
    return attribute.first == name;
  });
  return found == attributes.end() ? kNone : found->second;
}

double Dataset::At(const std::string& name, std::size_t index) const {
  const DatasetVariable* const variable = Find(name);
  return variable == nullptr || index >= variable->numbers.size()
             ? std::numeric_limits<double>::quiet_NaN()
             : variable->numbers[index];
}

std::string Dataset::TextAt(const std::string& name, std::size_t index) const {
  const DatasetVariable* const variable = Find(name);
  return variable == nullptr || index >= variable->texts.size() ? "" : variable->texts[index];
}

std::size_t Dataset::Length(const std::string& dimension) const {
  const DatasetVariable* const variable = Find(dimension);
  return variable == nullptr ? 0 : variable->size();
}

Dataset ReadDataset(const std::string& path) {
  Dataset dataset;
  dataset.file = FileOf(path);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  const Hdf5Handle file(H5Fopen(dataset.file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (file.get() >= 0) {
    H5Aiterate2(file.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, TakeAttribute, &dataset);
    dataset.kind = dataset.Attribute("kind");
  }
  const bool known = dataset.kind == "step" || dataset.kind == "collective_test" ||
                     dataset.kind == "life" || dataset.kind == "sweep";
  if (!known) {
    throw UserError("", dataset.file +
                            ": not a file of Gridlock; expected a trace.h5, a "
                            "results.h5, or a folder with one");
  }
  H5Literate(file.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, TakeVariable, &dataset);
  return dataset;
}

}  // namespace gridlock
