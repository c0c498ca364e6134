#include "sim/record/hdf5_file.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

#include <fcntl.h>
#include <hdf5.h>
#include <hdf5_hl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/check.h"
#include "sim/record/hdf5_handle.h"

namespace gridlock {
namespace {

/// Keeps the innermost HDF5 error, which comes first.
herr_t KeepReason(unsigned depth, const H5E_error2_t* error, void* reason) {
  if (depth == 0 && error->desc != nullptr) {
    *static_cast<std::string*>(reason) = error->desc;
  }
  return 0;
}

std::string LastReason() {
  std::string reason = "unknown reason";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, KeepReason, &reason);
  H5Eclear2(H5E_DEFAULT);
  return reason;
}

hid_t MakeText(std::size_t size) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, size);
  H5Tset_cset(type, H5T_CSET_UTF8);
  H5Tset_strpad(type, H5T_STR_NULLTERM);
  return type;
}

/// Type in the file (little-endian) or in memory (native).
hid_t MakeType(ElementType type, bool in_file) {
  switch (type) {
    case ElementType::kFloat64:
      return H5Tcopy(in_file ? H5T_IEEE_F64LE : H5T_NATIVE_DOUBLE);
    case ElementType::kInt32:
      return H5Tcopy(in_file ? H5T_STD_I32LE : H5T_NATIVE_INT32);
    case ElementType::kInt64:
      return H5Tcopy(in_file ? H5T_STD_I64LE : H5T_NATIVE_INT64);
    case ElementType::kUint8:
      return H5Tcopy(in_file ? H5T_STD_U8LE : H5T_NATIVE_UINT8);
    case ElementType::kUint64:
      return H5Tcopy(in_file ? H5T_STD_U64LE : H5T_NATIVE_UINT64);
    case ElementType::kText:
      return MakeText(H5T_VARIABLE);
  }
  CHECK(false && "unknown element type");
}

/// Takes the writer's lock, of the kind that readers (HDF5 uses flock) do not collide with. True
/// also on a file system without locks: that must not stop a run.
bool LockForWriting(int descriptor) {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return fcntl(descriptor, F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES);
}

/// Whether `path` still names the open file.
bool Names(const std::string& path, int descriptor) {
  struct stat named = {};
  struct stat opened = {};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(descriptor, &opened) == 0 &&
         named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

}  // namespace

void Hdf5File::Fail(const std::string& what) const {
  throw RecordError("cannot " + what + " " + part_ + ": " + LastReason());
}

Hdf5File::Handle Hdf5File::Require(Handle result, const char* what) const {
  if (result < 0) {
    Fail(what);
  }
  return result;
}

Hdf5File::Hdf5File(std::string path) : path_(std::move(path)), part_(path_ + ".part") {
  std::error_code ignored;
  if (std::filesystem::exists(path_, ignored) &&
      !std::filesystem::is_regular_file(path_, ignored)) {
    throw RecordError("cannot write " + path_ + ": not a regular file");
  }
  // The destructor does not run when a constructor throws.
  try {
    LockPart();
    CreateFile();
    SetAttribute("", "complete", std::int32_t{0});
    Publish();
  } catch (...) {
    DeletePart();
    CloseHandles();
    throw;
  }
}

void Hdf5File::LockPart() {
  // The writer replaces NAME.part at each row: again, if that happened between opening and locking.
  do {
    if (descriptor_ >= 0) {
      ::close(std::exchange(descriptor_, -1));
    }
    descriptor_ = ::open(part_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0) {
      throw RecordError("cannot create " + part_ + ": " + std::strerror(errno));
    }
    if (!LockForWriting(descriptor_)) {
      throw RecordError("cannot create " + part_ + ": another run is writing it");
    }
  } while (!Names(part_, descriptor_));
  locked_ = true;
}

void Hdf5File::CreateFile() {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // errors are ours to print
  const Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  constexpr std::size_t kIncrement = std::size_t{1} << 20;  // the image grows by 1 MiB
  H5Pset_fapl_core(access.get(), kIncrement, false);
  // For readers of any age; and the oldest superblock has no checksum, which H5Fget_file_image, as
  // it clears the mark of a file that is open for writing, would leave wrong.
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_EARLIEST, H5F_LIBVER_V18);
  H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
  const Hdf5Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  // netCDF-4 lists variables and attributes in the order of their creation.
  H5Pset_link_creation_order(creation.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  H5Pset_attr_creation_order(creation.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  H5Pset_obj_track_times(creation.get(), false);  // same run, same bytes
  file_ = Require(H5Fcreate(part_.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()), "create");
}

Hdf5File::~Hdf5File() {
  DeletePart();
  CloseHandles();
}

void Hdf5File::DeletePart() {
  const bool ours = locked_ && descriptor_ >= 0;  // not another run's, nor one that has its name
  if (ours && !kept_) {
    (void)::unlink(part_.c_str());
  }
}

void Hdf5File::CloseHandles() {
  for (auto& [name, variable] : variables_) {
    H5Dclose(variable.handle);
  }
  variables_.clear();
  if (file_ >= 0) {
    H5Fclose(std::exchange(file_, -1));
  }
  if (descriptor_ >= 0) {
    ::close(std::exchange(descriptor_, -1));
  }
}

void Hdf5File::Fix(const std::string& dimension, std::size_t size) {
  CHECK(!variables_.contains(dimension));
  if (size > 0) {  // HDF5 has no chunks of no elements
    fixed_[dimension] = size;
  }
}

/// A dimension that is fixed is there in full from the beginning.
std::size_t Hdf5File::LengthInFile(const std::string& dimension) const {
  const auto fixed = fixed_.find(dimension);
  return fixed == fixed_.end() ? size(dimension) : fixed->second;
}

/// Chunks for what grows or is worth compressing; else the elements in a row.
Hdf5File::Handle Hdf5File::MakeLayout(const VariableSpec& spec) const {
  constexpr std::size_t kBlock = 512;  // elements; a block of the disk has as many doubles
  std::vector<hsize_t> chunk(spec.chunk.begin(), spec.chunk.end());
  bool all_fixed = true;
  std::size_t elements = 1;
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    const auto fixed = fixed_.find(spec.dimensions[i]);
    all_fixed = all_fixed && fixed != fixed_.end();
    if (fixed != fixed_.end()) {
      chunk[i] = std::min<hsize_t>(chunk[i], fixed->second);
      elements *= fixed->second;
    }
  }
  const Handle layout = H5Pcreate(H5P_DATASET_CREATE);
  if (all_fixed && (!spec.written_once || elements <= kBlock)) {
    return layout;
  }
  H5Pset_chunk(layout, static_cast<int>(chunk.size()), chunk.data());
  if (spec.written_once) {
    H5Pset_shuffle(layout);
    H5Pset_deflate(layout, 1);  // higher levels cost time and win little on doubles
  }
  return layout;
}

void Hdf5File::CreateDataset(const VariableSpec& spec) {
  CHECK(!variables_.contains(spec.name) && spec.chunk.size() == spec.dimensions.size());
  const bool coordinate = spec.dimensions == std::vector<std::string>{spec.name};
  if (coordinate) {
    sizes_[spec.name] = 0;
  }
  std::vector<hsize_t> extent, most;
  for (const std::string& dimension : spec.dimensions) {
    extent.push_back(LengthInFile(dimension));
    most.push_back(fixed_.contains(dimension) ? extent.back() : H5S_UNLIMITED);
  }
  const Hdf5Handle type(MakeType(spec.type, true), H5Tclose);
  const auto rank = static_cast<int>(extent.size());
  const Hdf5Handle space(H5Screate_simple(rank, extent.data(), most.data()), H5Sclose);
  const Hdf5Handle creation(MakeLayout(spec), H5Pclose);
  H5Pset_attr_creation_order(creation.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  H5Pset_obj_track_times(creation.get(), false);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  if (spec.padded) {
    CHECK(spec.type == ElementType::kFloat64);
    H5Pset_fill_value(creation.get(), H5T_NATIVE_DOUBLE, &nan);
  }
  const Handle dataset = Require(H5Dcreate2(file_, spec.name.c_str(), type.get(), space.get(),
                                            H5P_DEFAULT, creation.get(), H5P_DEFAULT),
                                 "add a variable to");
  variables_[spec.name] = {dataset, spec.type, spec.dimensions};
  if (coordinate) {
    Require(H5DSset_scale(dataset, spec.name.c_str()), "add a dimension to");
  }
  if (spec.padded) {
    const Hdf5Handle one(H5Screate(H5S_SCALAR), H5Sclose);
    WriteAttribute(spec.name, "_FillValue", H5T_IEEE_F64LE, one.get(), &nan);
  }
}

void Hdf5File::AttachScales(const VariableSpec& spec) {
  const Handle dataset = variables_.at(spec.name).handle;
  for (std::size_t i = 0; i < spec.dimensions.size(); ++i) {
    const Handle scale = variables_.at(spec.dimensions[i]).handle;
    if (scale != dataset) {
      Require(H5DSattach_scale(dataset, scale, static_cast<unsigned>(i)), "add a dimension to");
    }
  }
}

void Hdf5File::AddVariable(const VariableSpec& spec) {
  CreateDataset(spec);
  AttachScales(spec);
  SetAttribute(spec.name, "units", spec.units);
  SetAttribute(spec.name, "long_name", spec.long_name);
}

void Hdf5File::WriteAttribute(const std::string& variable, const std::string& name, Handle type,
                              Handle space, const void* value) {
  const Handle owner = variable.empty() ? file_ : variables_.at(variable).handle;
  const bool exists = Require(H5Aexists(owner, name.c_str()), "read") > 0;
  const Hdf5Handle attribute(
      exists ? H5Aopen(owner, name.c_str(), H5P_DEFAULT)
             : H5Acreate2(owner, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose);
  Require(attribute.get(), "add an attribute to");
  if (value != nullptr) {
    Require(H5Awrite(attribute.get(), type, value), "write an attribute to");
  }
}

void Hdf5File::SetAttribute(const std::string& variable, const std::string& name,
                            std::string_view text) {
  // As the netCDF library does: fixed length, and no space at all for an empty text.
  const Hdf5Handle type(MakeText(std::max<std::size_t>(1, text.size())), H5Tclose);
  const Hdf5Handle space(H5Screate(text.empty() ? H5S_NULL : H5S_SCALAR), H5Sclose);
  WriteAttribute(variable, name, type.get(), space.get(), text.empty() ? nullptr : text.data());
}

void Hdf5File::SetAttribute(const std::string& variable, const std::string& name,
                            std::int32_t value) {
  const Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  WriteAttribute(variable, name, H5T_NATIVE_INT32, space.get(), &value);
}

void Hdf5File::SetAttribute(const std::string& variable, const std::string& name,
                            std::uint64_t value) {
  const Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  WriteAttribute(variable, name, H5T_NATIVE_UINT64, space.get(), &value);
}

void Hdf5File::SetAttribute(const std::string& variable, const std::string& name, double value) {
  const Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  WriteAttribute(variable, name, H5T_NATIVE_DOUBLE, space.get(), &value);
}

void Hdf5File::SetAttribute(const std::string& variable, const std::string& name,
                            std::span<const std::uint8_t> values) {
  const hsize_t count = values.size();
  const Hdf5Handle space(H5Screate_simple(1, &count, nullptr), H5Sclose);
  WriteAttribute(variable, name, H5T_NATIVE_UINT8, space.get(), values.data());
}

std::size_t Hdf5File::size(const std::string& dimension) const {
  const auto found = sizes_.find(dimension);
  CHECK(found != sizes_.end());
  return found->second;
}

void Hdf5File::Extend(const std::string& dimension, std::size_t size) {
  CHECK(size >= this->size(dimension));
  if (size == this->size(dimension)) {
    return;
  }
  sizes_[dimension] = size;
  if (const auto fixed = fixed_.find(dimension); fixed != fixed_.end()) {
    CHECK(size <= fixed->second);
    return;
  }
  for (const auto& [name, variable] : variables_) {
    std::vector<hsize_t> extent;
    bool touched = false;
    for (const std::string& each : variable.dimensions) {
      extent.push_back(LengthInFile(each));
      touched = touched || each == dimension;
    }
    if (touched) {
      Require(H5Dset_extent(variable.handle, extent.data()), "extend a variable of");
    }
  }
}

const Hdf5File::Variable& Hdf5File::Find(const std::string& variable, ElementType type) const {
  const auto found = variables_.find(variable);
  CHECK(found != variables_.end() && found->second.type == type);
  return found->second;
}

void Hdf5File::WriteBlock(const Variable& variable, const Position& start, const Position& count,
                          const void* values) const {
  const std::vector<hsize_t> from(start.begin(), start.end());
  const std::vector<hsize_t> extent(count.begin(), count.end());
  CHECK(from.size() == variable.dimensions.size() && extent.size() == from.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (extent[i] == 0) {
      return;
    }
    CHECK(from[i] + extent[i] <= size(variable.dimensions[i]));
  }
  const Hdf5Handle file_space(H5Dget_space(variable.handle), H5Sclose);
  Require(H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, from.data(), nullptr, extent.data(),
                              nullptr),
          "write to");
  const Hdf5Handle memory_space(
      H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr), H5Sclose);
  const Hdf5Handle type(MakeType(variable.type, false), H5Tclose);
  const Hdf5Handle transfer(H5Pcreate(H5P_DATASET_XFER), H5Pclose);
  // Texts pass through a buffer, which HDF5 would blank in full, a megabyte, for a single one.
  constexpr std::size_t kBuffer = std::size_t{1} << 12;
  H5Pset_buffer(transfer.get(), kBuffer, nullptr, nullptr);
  Require(H5Dwrite(variable.handle, type.get(), memory_space.get(), file_space.get(),
                   transfer.get(), values),
          "write to");
}

namespace {

/// The span holds exactly the block.
template <typename T>
const T* Block(const Hdf5File::Position& count, std::span<const T> values) {
  CHECK(std::accumulate(count.begin(), count.end(), std::size_t{1}, std::multiplies<>()) ==
        values.size());
  return values.data();
}

}  // namespace

void Hdf5File::Write(const std::string& variable, const Position& start, const Position& count,
                     std::span<const double> values) {
  WriteBlock(Find(variable, ElementType::kFloat64), start, count, Block(count, values));
}

void Hdf5File::Write(const std::string& variable, const Position& start, const Position& count,
                     std::span<const std::int32_t> values) {
  WriteBlock(Find(variable, ElementType::kInt32), start, count, Block(count, values));
}

void Hdf5File::Write(const std::string& variable, const Position& start, const Position& count,
                     std::span<const std::int64_t> values) {
  WriteBlock(Find(variable, ElementType::kInt64), start, count, Block(count, values));
}

void Hdf5File::Write(const std::string& variable, const Position& start, const Position& count,
                     std::span<const std::uint8_t> values) {
  WriteBlock(Find(variable, ElementType::kUint8), start, count, Block(count, values));
}

void Hdf5File::Write(const std::string& variable, const Position& start, const Position& count,
                     std::span<const std::uint64_t> values) {
  WriteBlock(Find(variable, ElementType::kUint64), start, count, Block(count, values));
}

void Hdf5File::Write(const std::string& variable, const Position& start, const Position& count,
                     std::span<const std::string> values) {
  std::vector<const char*> pointers;
  for (const std::string& value : values) {
    pointers.push_back(value.c_str());
  }
  const std::span<const char* const> span(pointers);
  WriteBlock(Find(variable, ElementType::kText), start, count, Block(count, span));
}

std::string Hdf5File::Image() const {
  Require(H5Fflush(file_, H5F_SCOPE_GLOBAL), "write to");
  const ssize_t size = Require(H5Fget_file_image(file_, nullptr, 0), "write to");
  std::string image(static_cast<std::size_t>(size), '\0');
  Require(H5Fget_file_image(file_, image.data(), image.size()), "write to");
  return image;
}

void Hdf5File::Replace(std::string_view image, bool sync) {
  const std::string next = part_ + ".new";
  const int descriptor = ::open(next.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) {
    throw RecordError("cannot create " + next + ": " + std::strerror(errno));
  }
  try {
    LockForWriting(descriptor);
    WriteFully(descriptor, image, part_);
    if ((sync && ::fsync(descriptor) != 0) || std::rename(next.c_str(), part_.c_str()) != 0) {
      throw IoError("cannot write " + part_ + ": " + std::strerror(errno));
    }
  } catch (const IoError& error) {
    ::close(descriptor);
    ::unlink(next.c_str());
    throw RecordError(error.what());
  }
  ::close(std::exchange(descriptor_, descriptor));
  published_ = image.size();
  published_total_ += image.size();
}

void Hdf5File::Publish() {
  constexpr std::size_t kFreely = std::size_t{1} << 30;
  const std::string image = Image();
  if (published_total_ < kFreely || image.size() > published_ + published_ / 10) {
    Replace(image, false);
  }
}

void Hdf5File::Commit() {
  SetAttribute("", "complete", std::int32_t{1});
  Replace(Image(), true);
  try {
    RenameDurably(part_, path_);
  } catch (const IoError& error) {
    throw RecordError(error.what());
  }
  CloseHandles();
}

}  // namespace gridlock
