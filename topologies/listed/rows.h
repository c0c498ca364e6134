#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace gridlock {

/// A list for each of many nodes, one behind the other in one vector: a graph of 400,000 nodes
/// takes two allocations.
template <typename T>
class Rows {
 public:
  Rows() = default;

  /// `visit` calls its argument with (row, item) for every item; it is called twice and must name
  /// the same ones. Items of a row keep their order.
  template <typename Visit>
  Rows(std::size_t rows, const Visit& visit) : begin_(rows + 1, 0) {
    visit([this](std::int32_t row, const T&) {
      ++begin_[static_cast<std::size_t>(row) + 1];
    });
    for (std::size_t row = 0; row < rows; ++row) {
      begin_[row + 1] += begin_[row];
    }
    items_.resize(static_cast<std::size_t>(begin_.back()));
    std::vector<std::int32_t> next(begin_.begin(), begin_.end() - 1);
    visit([&](std::int32_t row, const T& item) {
      items_[next[row]++] = item;
    });
  }

  [[nodiscard]] std::size_t size() const { return begin_.empty() ? 0 : begin_.size() - 1; }

  [[nodiscard]] std::span<const T> operator[](std::int32_t row) const {
    return std::span(items_).subspan(begin_[row], begin_[row + 1] - begin_[row]);
  }

 private:
  std::vector<std::int32_t> begin_;  ///< of each row; the last is the sum
  std::vector<T> items_;
};

}  // namespace gridlock
