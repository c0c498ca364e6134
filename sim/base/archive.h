#pragma once

// Values as bytes and back: to send them to another process of the same build, and to tell whether
// two of them are equal. Structs go by their list of fields.

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "sim/base/check.h"
#include "sim/base/fields.h"
#include "sim/base/index.h"
#include "sim/base/units.h"

namespace gridlock {

template <>
inline constexpr auto kFields<Problem> = Bearing(&Problem::path, &Problem::message, &Problem::name);

template <typename T>
concept Scalar = std::is_arithmetic_v<T> || std::is_enum_v<T>;

/// Writes values.
class ArchiveWriter {
 public:
  enum class What {
    kEverything,
    kBearing,  ///< only fields on which a simulated step depends: equal bytes, equal steps
  };

  explicit ArchiveWriter(What what = What::kEverything) : what_(what) {}

  template <typename... T>
  void All(const T&... values) {
    (One(values), ...);
  }

  std::string bytes;

 private:
  template <Scalar T>
  void One(const T& value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);  // NOLINT: the format
  }

  template <int D, int T, int W, int E>
  void One(const Quantity<D, T, W, E>& value) {
    One(value.si());
  }

  template <typename Tag>
  void One(Index<Tag> index) {
    One(index.value);
  }

  void One(const std::string& text) {
    One(text.size());
    bytes += text;
  }

  template <typename T>
  void One(const std::vector<T>& items) {
    One(items.size());
    for (const T& item : items) {
      One(item);
    }
  }

  template <typename T, std::size_t N>
  void One(const std::array<T, N>& items) {
    for (const T& item : items) {
      One(item);
    }
  }

  template <typename A, typename B>
  void One(const std::pair<A, B>& pair) {
    All(pair.first, pair.second);
  }

  /// Whether there is one, then it.
  template <typename T>
  void One(const std::shared_ptr<const T>& value) {
    One(value != nullptr);
    if (value != nullptr) {
      One(*value);
    }
  }

  template <typename T>
  void One(const std::optional<T>& value) {
    One(value.has_value());
    if (value) {
      One(*value);
    }
  }

  /// Which alternative, then the alternative.
  template <typename... T>
  void One(const std::variant<T...>& value) {
    One(value.index());
    std::visit(
        [this](const auto& alternative) {
          One(alternative);
        },
        value);
  }

  template <HasFields T>
  void One(const T& value) {
    ForEachField<T>([&](const auto& field) {
      if constexpr (std::remove_cvref_t<decltype(field)>::kStored) {
        if (what_ == What::kEverything || field.note.bears) {
          One(field.Of(value));
        }
      }
    });
  }

  What what_;
};

/// Reads what an ArchiveWriter of kEverything has written, in the same order.
class ArchiveReader {
 public:
  explicit ArchiveReader(std::string bytes) : bytes_(std::move(bytes)) {}

  template <typename... T>
  void All(T&... values) {
    (One(values), ...);
  }

 private:
  template <Scalar T>
  void One(T& value) {
    CHECK(sizeof value <= bytes_.size() - at_);
    std::memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
  }

  template <int D, int T, int W, int E>
  void One(Quantity<D, T, W, E>& value) {
    double si = 0;
    One(si);
    value = Quantity<D, T, W, E>(si);
  }

  template <typename Tag>
  void One(Index<Tag>& index) {
    One(index.value);
  }

  std::size_t Count() {
    std::size_t count = 0;
    One(count);
    CHECK(count <= bytes_.size() - at_);
    return count;
  }

  void One(std::string& text) {
    const std::size_t count = Count();
    text = bytes_.substr(at_, count);
    at_ += count;
  }

  template <typename T>
  void One(std::vector<T>& items) {
    items.resize(Count());
    for (T& item : items) {
      One(item);
    }
  }

  template <typename T, std::size_t N>
  void One(std::array<T, N>& items) {
    for (T& item : items) {
      One(item);
    }
  }

  template <typename A, typename B>
  void One(std::pair<A, B>& pair) {
    All(pair.first, pair.second);
  }

  template <typename T>
  void One(std::shared_ptr<const T>& value) {
    bool there = false;
    One(there);
    value = nullptr;
    if (there) {
      T read;
      One(read);
      value = std::make_shared<const T>(std::move(read));
    }
  }

  template <typename T>
  void One(std::optional<T>& value) {
    bool there = false;
    One(there);
    value.reset();
    if (there) {
      One(value.emplace());
    }
  }

  template <typename... T>
  void One(std::variant<T...>& value) {
    std::size_t alternative = 0;
    One(alternative);
    CHECK(alternative < sizeof...(T));
    std::size_t next = 0;
    ((next++ == alternative ? One(value.template emplace<T>()) : void()), ...);
  }

  template <HasFields T>
  void One(T& value) {
    ForEachField<T>([&](const auto& field) {
      if constexpr (std::remove_cvref_t<decltype(field)>::kStored) {
        One(value.*field.access);
      }
    });
  }

  std::string bytes_;
  std::size_t at_ = 0;
};

/// A value as bytes, of this build only.
template <typename T>
std::string ToBytes(const T& value) {
  ArchiveWriter writer;
  writer.All(value);
  return std::move(writer.bytes);
}

/// The value that ToBytes made `bytes` of.
template <typename T>
T FromBytes(std::string bytes) {
  ArchiveReader reader(std::move(bytes));
  T value;
  reader.All(value);
  return value;
}

}  // namespace gridlock
