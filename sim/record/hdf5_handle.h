#pragma once

#include <hdf5.h>

namespace gridlock {

/// An HDF5 handle that closes itself. For .cpp files of this room: it brings HDF5's header.
class Hdf5Handle {
 public:
  using Closer = herr_t (*)(hid_t);

  Hdf5Handle(hid_t id, Closer closer) : id_(id), closer_(closer) {}

  Hdf5Handle(const Hdf5Handle&) = delete;
  Hdf5Handle& operator=(const Hdf5Handle&) = delete;

  ~Hdf5Handle() {
    if (id_ >= 0) {
      closer_(id_);
    }
  }

  [[nodiscard]] hid_t get() const { return id_; }

 private:
  hid_t id_;
  Closer closer_;
};

}  // namespace gridlock
