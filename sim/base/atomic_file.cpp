#include "sim/base/atomic_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gridlock {
namespace {

std::string Reason(const std::string& what, const std::string& path, int error) {
  return what + " " + path + ": " + std::strerror(error);
}

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}

  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  ~Descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }

  [[nodiscard]] int get() const { return fd_; }

  /// 0, or the error of closing: some file systems report a full disk only here.
  int Close() {
    const int result = ::close(fd_);
    fd_ = -1;
    return result == 0 ? 0 : errno;
  }

 private:
  int fd_;
};

/// 0, or the error that stopped the writing.
int WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

void WriteThrough(const std::string& path, std::string_view text) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  const int error = file.get() < 0 ? errno : WriteAll(file.get(), text);
  if (error != 0) {
    throw IoError(Reason("cannot write", path, error));
  }
}

/// 0, or the error that stopped the writing; `path` then may hold part of the text.
int WriteAndSync(const std::string& path, std::string_view text) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.get() < 0) {
    return errno;
  }
  if (const int error = WriteAll(file.get(), text); error != 0) {
    return error;
  }
  if (::fsync(file.get()) != 0) {
    return errno;
  }
  return file.Close();
}

}  // namespace

void WriteFully(int descriptor, std::string_view bytes, const std::string& path) {
  if (const int error = WriteAll(descriptor, bytes); error != 0) {
    throw IoError(Reason("cannot write", path, error));
  }
}

void RenameDurably(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) {
    throw IoError(Reason("cannot rename " + from + " to", to, errno));
  }
  const std::string parent = std::filesystem::path(to).parent_path().string();
  const Descriptor folder(
      ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some network file systems refuse to sync a folder (EINVAL); the rename itself has happened.
  if (folder.get() >= 0 && ::fsync(folder.get()) != 0 && errno == EIO) {
    throw IoError(Reason("cannot sync the folder of", to, errno));
  }
}

AtomicFile::AtomicFile(std::string path)
    : path_(std::move(path)), temporary_(path_ + "." + std::to_string(::getpid()) + ".tmp") {
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    throw IoError(Reason("cannot write", temporary_, errno));
  }
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
    ::unlink(temporary_.c_str());
  }
}

void AtomicFile::Write(std::string_view text) {
  constexpr std::size_t kHeld = std::size_t{1} << 16;
  held_ += text;
  if (held_.size() >= kHeld) {
    Flush();
  }
}

void AtomicFile::Flush() {
  WriteFully(descriptor_, held_, temporary_);
  held_.clear();
}

void AtomicFile::Commit() {
  Flush();
  if (::fsync(descriptor_) != 0) {
    throw IoError(Reason("cannot write", temporary_, errno));
  }
  const int closed = ::close(descriptor_);
  descriptor_ = -1;
  if (closed != 0) {
    ::unlink(temporary_.c_str());
    throw IoError(Reason("cannot write", temporary_, errno));
  }
  RenameDurably(temporary_, path_);
}

void WriteFileAtomically(const std::string& path, std::string_view text) {
  std::string target = path;
  struct stat existing = {};
  if (::stat(path.c_str(), &existing) == 0) {
    if (S_ISDIR(existing.st_mode)) {
      throw IoError(Reason("cannot write", path, EISDIR));
    }
    if (!S_ISREG(existing.st_mode)) {
      WriteThrough(path, text);
      return;
    }
    target = std::filesystem::canonical(path).string();
  }
  // The process id keeps two runs that write the same report out of each other's file.
  const std::string temporary = target + "." + std::to_string(::getpid()) + ".tmp";
  if (const int error = WriteAndSync(temporary, text); error != 0) {
    ::unlink(temporary.c_str());
    throw IoError(Reason("cannot write", path, error));
  }
  try {
    RenameDurably(temporary, target);
  } catch (const IoError&) {
    ::unlink(temporary.c_str());
    throw;
  }
}

}  // namespace gridlock
