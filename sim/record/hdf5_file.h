#pragma once

// The one door to HDF5: a file in netCDF-4 layout that grows row by row and survives a kill.
//
// xarray (engines netcdf4 and h5netcdf), ncdump and h5dump open it. HDF5 builds the file in memory;
// Publish() writes the image beside NAME.part and renames it over, so that NAME.part is a whole
// file with whole rows at every moment, for a kill, a full disk and a reader who looks in.
// (H5Fflush in place is not enough: it updates several places of the file, and a kill leaves some
// of them behind. Of 270 files killed so, one could not be opened again.)

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/atomic_file.h"

namespace gridlock {

/// A record could not be written: the disk is full, the folder is missing, another run writes it.
class RecordError : public IoError {
 public:
  using IoError::IoError;
};

/// What one element of a variable is.
enum class ElementType { kFloat64, kInt32, kInt64, kUint8, kUint64, kText };

/// Declares a variable. A variable whose only dimension has its own name is the coordinate of that
/// dimension, and must be added before the variables that use it.
struct VariableSpec {
  std::string name;
  ElementType type = ElementType::kFloat64;
  std::vector<std::string> dimensions;
  std::string units;               ///< as udunits writes them where it can: "s", "byte", "1"
  std::string long_name;           ///< what it means, for people
  std::vector<std::size_t> chunk;  ///< elements per chunk in each dimension, each at least 1
  bool written_once = false;       ///< each chunk is written by one Write call: compress it (a
                                   ///< compressed chunk that is rewritten moves, and leaves a hole)
  bool padded = false;             ///< unwritten elements are NaN and marked as missing; else 0
};

/// An HDF5 file being written. Every dimension that is not fixed can grow. All functions throw
/// RecordError when the system refuses; NAME.part then stays as it was last published.
class Hdf5File {
 public:
  /// Creates `path`.part with the root attribute complete = 0, over an older one. Refuses when
  /// another run is writing it, or when `path` exists and is not a regular file.
  explicit Hdf5File(std::string path);

  Hdf5File(const Hdf5File&) = delete;
  Hdf5File& operator=(const Hdf5File&) = delete;

  /// Closes the file. Without Commit, NAME.part is deleted, or stays behind with complete = 0 when
  /// Keep was called.
  ~Hdf5File();

  /// Keeps what was published even when nothing more follows.
  void Keep() { kept_ = true; }

  /// Says how long a dimension will be in the end, before its coordinate is added. Readers like it:
  /// h5netcdf looks at every variable each time it is asked how long a growing dimension is, which
  /// made opening a step take over a second.
  void Fix(const std::string& dimension, std::size_t size);

  void AddVariable(const VariableSpec& spec);

  // Attributes of `variable`, or of the file when it is "". Setting one again overwrites it in
  // place, for which a text must keep its length.
  void SetAttribute(const std::string& variable, const std::string& name, std::string_view text);
  void SetAttribute(const std::string& variable, const std::string& name, std::int32_t value);
  void SetAttribute(const std::string& variable, const std::string& name, std::uint64_t value);
  void SetAttribute(const std::string& variable, const std::string& name, double value);
  void SetAttribute(const std::string& variable, const std::string& name,
                    std::span<const std::uint8_t> values);

  /// Makes a dimension `size` long in every variable that has it. CHECKs that it does not shrink,
  /// nor grow beyond what it was fixed to.
  void Extend(const std::string& dimension, std::size_t size);

  /// What Extend has made of it.
  [[nodiscard]] std::size_t size(const std::string& dimension) const;

  // Writes a block of a variable, in row-major order, from `start`, `count` elements along each
  // dimension. CHECKs that the type is the variable's and that the block lies within it.
  using Position = std::vector<std::size_t>;
  void Write(const std::string& variable, const Position& start, const Position& count,
             std::span<const double> values);
  void Write(const std::string& variable, const Position& start, const Position& count,
             std::span<const std::int32_t> values);
  void Write(const std::string& variable, const Position& start, const Position& count,
             std::span<const std::int64_t> values);
  void Write(const std::string& variable, const Position& start, const Position& count,
             std::span<const std::uint8_t> values);
  void Write(const std::string& variable, const Position& start, const Position& count,
             std::span<const std::uint64_t> values);
  void Write(const std::string& variable, const Position& start, const Position& count,
             std::span<const std::string> values);

  /// Brings NAME.part up to what was written so far. This writes the whole image anew. Beyond a
  /// total of 1 GiB it therefore happens only when the file has grown by a tenth since the last
  /// time: a kill loses at most the last tenth, and the cost stays in proportion to the file.
  void Publish();

  /// Publishes with complete = 1, syncs to the disk and renames NAME.part to NAME.
  void Commit();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  // HDF5 handles are 64-bit integers; <hdf5.h> stays out of this header.
  using Handle = std::int64_t;

  struct Variable {
    Handle handle = -1;
    ElementType type = ElementType::kFloat64;
    std::vector<std::string> dimensions;
  };

  void LockPart();
  void CreateFile();
  std::string Image() const;
  void Replace(std::string_view image, bool sync);
  std::size_t LengthInFile(const std::string& dimension) const;
  Handle MakeLayout(const VariableSpec& spec) const;
  void CreateDataset(const VariableSpec& spec);
  void AttachScales(const VariableSpec& spec);
  void WriteBlock(const Variable& variable, const Position& start, const Position& count,
                  const void* values) const;
  void WriteAttribute(const std::string& variable, const std::string& name, Handle type,
                      Handle space, const void* value);
  const Variable& Find(const std::string& variable, ElementType type) const;
  void DeletePart();
  void CloseHandles();
  [[noreturn]] void Fail(const std::string& what) const;
  Handle Require(Handle result, const char* what) const;

  std::string path_;
  std::string part_;
  int descriptor_ = -1;  // of NAME.part
  bool locked_ = false;  // the descriptor holds the lock
  bool kept_ = false;    // NAME.part stays without Commit
  Handle file_ = -1;
  std::size_t published_ = 0;        // bytes, last time
  std::size_t published_total_ = 0;  // bytes, all times together
  std::map<std::string, Variable> variables_;
  std::map<std::string, std::size_t> sizes_;
  std::map<std::string, std::size_t> fixed_;
};

}  // namespace gridlock
