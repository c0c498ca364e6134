#pragma once

// Files that are either whole or not there: written beside the target, synced, renamed over it.

#include <stdexcept>
#include <string>
#include <string_view>

namespace gridlock {

/// A file could not be written: the disk is full, the folder is missing, a right is lacking. The
/// message names the file and the system's reason.
class IoError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Writes `text` to `path` so that a reader, a kill or a full disk never sees half a file: the old
/// content stays until the new one is on the disk. Follows symbolic links; writes straight through
/// to what is not a regular file (a pipe, /dev/stdout). Throws IoError, and then leaves no debris.
void WriteFileAtomically(const std::string& path, std::string_view text);

/// The same for a text that is too long for memory: whole after Commit, gone without it.
class AtomicFile {
 public:
  /// Throws IoError.
  explicit AtomicFile(std::string path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Throws IoError.
  void Write(std::string_view text);

  /// Syncs the file and gives it its name. Throws IoError.
  void Commit();

 private:
  void Flush();

  std::string path_, temporary_, held_;
  int descriptor_ = -1;
};

/// Writes all of `bytes` to an open file. Throws IoError, which names `path`.
void WriteFully(int descriptor, std::string_view bytes, const std::string& path);

/// Renames `from` to `to` in the same folder and syncs the folder, so that the new name survives a
/// power cut. Throws IoError.
void RenameDurably(const std::string& from, const std::string& to);

}  // namespace gridlock
