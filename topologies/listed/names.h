#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gridlock {

/// Names, numbered in the order in which they are first met. They stand one behind the other in one
/// text, and their numbers in a table of twice as many places: a graph of 100,000 accelerators asks
/// for 1.5 million.
class Names {
 public:
  /// The number of a name, and whether it is new.
  std::pair<std::int32_t, bool> NumberOf(std::string_view name) {
    if (2 * ends_.size() >= places_.size()) {
      Grow();
    }
    const std::size_t hash = std::hash<std::string_view>()(name);
    const auto mark = static_cast<std::uint32_t>(hash >> 32U);
    std::size_t at = hash & (places_.size() - 1);
    for (; places_[at].number >= 0; at = (at + 1) & (places_.size() - 1)) {
      if (places_[at].mark == mark && (*this)[places_[at].number] == name) {
        return {places_[at].number, false};
      }
    }
    const auto number = static_cast<std::int32_t>(ends_.size());
    places_[at] = {mark, number};
    text_ += name;
    ends_.push_back(text_.size());
    return {number, true};
  }

  /// The same of a name that is likely number `near` or the next one: files list links in order.
  std::pair<std::int32_t, bool> NumberOf(std::string_view name, std::int32_t near) {
    for (const std::int32_t number : {near, near + 1}) {
      if (number >= 0 && static_cast<std::size_t>(number) < ends_.size() &&
          (*this)[number] == name) {
        return {number, false};
      }
    }
    return NumberOf(name);
  }

  [[nodiscard]] std::string_view operator[](std::int32_t number) const {
    const auto n = static_cast<std::size_t>(number);
    const std::size_t begin = n == 0 ? 0 : ends_[n - 1];
    return std::string_view(text_).substr(begin, ends_[n] - begin);
  }

 private:
  struct Place {
    std::uint32_t mark = 0;  ///< of the name's hash
    std::int32_t number = -1;
  };

  void Grow() {
    places_.assign(std::max<std::size_t>(1024, 4 * places_.size()), {});
    for (std::size_t n = 0; n < ends_.size(); ++n) {
      const auto number = static_cast<std::int32_t>(n);
      const std::size_t hash = std::hash<std::string_view>()((*this)[number]);
      std::size_t at = hash & (places_.size() - 1);
      while (places_[at].number >= 0) {
        at = (at + 1) & (places_.size() - 1);
      }
      places_[at] = {static_cast<std::uint32_t>(hash >> 32U), number};
    }
  }

  std::string text_;
  std::vector<std::size_t> ends_;  ///< in text_
  std::vector<Place> places_;      ///< a power of two, half of them empty
};

}  // namespace gridlock
