#pragma once

// The wire format of Protocol Buffers, read in place: fields one after another, texts not copied.
// A trace of a gigabyte is mostly texts that nobody asks for.

#include <cstdint>
#include <cstring>
#include <string_view>

namespace gridlock {

/// One field. Numbers stand in `number` (of a fixed-size field: its bits), everything else in
/// `bytes`.
struct WireField {
  enum class Type : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  std::uint32_t field = 0;
  Type type = Type::kVarint;
  std::uint64_t number = 0;
  std::string_view bytes;

  [[nodiscard]] double AsDouble() const {
    double value = 0;
    std::memcpy(&value, &number, sizeof(value));
    return value;
  }

  [[nodiscard]] float AsFloat() const {
    const auto bits = static_cast<std::uint32_t>(number);
    float value = 0;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
  }
};

class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] std::size_t at() const { return at_; }

  [[nodiscard]] bool AtEnd() const { return at_ == bytes_.size(); }

  /// False, with failed(), where no number can be read.
  bool ReadVarint(std::uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64 && at_ < bytes_.size(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if (byte < 0x80) {
        return true;
      }
    }
    return Fail();
  }

  /// A length and as many bytes.
  bool ReadBytes(std::string_view& value) {
    std::uint64_t length = 0;
    if (!ReadVarint(length) || length > bytes_.size() - at_) {
      return Fail();
    }
    value = bytes_.substr(at_, length);
    at_ += length;
    return true;
  }

  /// The next field; false at the end, or with failed().
  bool Next(WireField& field) {
    if (AtEnd() || failed_) {
      return false;
    }
    std::uint64_t tag = 0;
    if (!ReadVarint(tag)) {
      return false;
    }
    field.field = static_cast<std::uint32_t>(tag >> 3U);
    field.type = static_cast<WireField::Type>(tag & 7U);
    switch (field.type) {
      case WireField::Type::kVarint:
        return ReadVarint(field.number);
      case WireField::Type::kBytes:
        return ReadBytes(field.bytes);
      case WireField::Type::kFixed64:
        return ReadFixed(8, field.number);
      case WireField::Type::kFixed32:
        return ReadFixed(4, field.number);
    }
    return Fail();
  }

  [[nodiscard]] bool failed() const { return failed_; }

 private:
  bool Fail() {
    failed_ = true;
    return false;
  }

  bool ReadFixed(std::size_t size, std::uint64_t& value) {
    if (size > bytes_.size() - at_) {
      return Fail();
    }
    value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes_[at_ + i])) << (8 * i);
    }
    at_ += size;
    return true;
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace gridlock
