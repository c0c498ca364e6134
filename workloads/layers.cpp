#include "workloads/layers.h"

#include <algorithm>

#include "sim/base/check.h"

namespace gridlock {

void Layers::Add(LayerKind kind, double count) {
  if (count == 0) {
    return;
  }
  const auto end = entries_.begin() + static_cast<std::ptrdiff_t>(size_);
  const auto place = std::find_if(entries_.begin(), end, [kind](const Entry& entry) {
    return entry.kind >= kind;
  });
  if (place != end && place->kind == kind) {
    place->count += count;
    return;
  }
  CHECK(size_ < entries_.size());
  std::move_backward(place, end, end + 1);
  *place = {kind, count};
  ++size_;
}

void Layers::Add(const Layers& others) {
  for (const Entry& entry : others.kinds()) {
    Add(entry.kind, entry.count);
  }
}

double Layers::total() const {
  double sum = 0;
  for (const Entry& entry : kinds()) {
    sum += entry.count;
  }
  return sum;
}

double Layers::with(LayerKind blocks) const {
  double sum = 0;
  for (const Entry& entry : kinds()) {
    sum += entry.kind.has(blocks) ? entry.count : 0.0;
  }
  return sum;
}

double Layers::places() const {
  double sum = 0;
  for (const Entry& entry : kinds()) {
    sum += PlacesOf(entry.kind) * entry.count;
  }
  return sum;
}

Layers Layers::OfEncoder(bool encoder) const {
  Layers out;
  for (const Entry& entry : kinds()) {
    if (entry.kind.has(Block::kEncoder) == encoder) {
      out.Add(entry.kind, entry.count);
    }
  }
  return out;
}

Layers Layers::Times(double factor) const {
  Layers out;
  for (const Entry& entry : kinds()) {
    out.Add(entry.kind, entry.count * factor);
  }
  return out;
}

Layers Layers::Without(const Layers& some) const {
  Layers out;
  for (const Entry& entry : kinds()) {
    double left = entry.count;
    for (const Entry& gone : some.kinds()) {
      left -= gone.kind == entry.kind ? gone.count : 0.0;
    }
    out.Add(entry.kind, left);
  }
  return out;
}

}  // namespace gridlock
