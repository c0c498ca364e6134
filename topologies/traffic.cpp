#include "topologies/traffic.h"

#include <cmath>
#include <numeric>
#include <utility>

#include "sim/base/random.h"

namespace gridlock {

std::vector<NetworkMessage> IncastMessages(int senders, Bytes size) {
  std::vector<NetworkMessage> messages;
  messages.reserve(senders);
  for (int sender = 1; sender <= senders; ++sender) {
    messages.push_back({{sender}, {0}, size, Seconds(0)});
  }
  return messages;
}

std::vector<NetworkMessage> PermutationMessages(int accelerators, Bytes size, std::uint64_t seed) {
  std::vector<std::int32_t> to(accelerators);
  std::iota(to.begin(), to.end(), 0);
  Random draw(seed, "flows/permutation");
  for (int i = accelerators - 1; i > 0; --i) {
    std::swap(to[i], to[draw.Below(static_cast<std::uint64_t>(i))]);
  }
  std::vector<NetworkMessage> messages;
  messages.reserve(accelerators);
  for (int from = 0; from < accelerators; ++from) {
    messages.push_back({{from}, {to[from]}, size, Seconds(0)});
  }
  return messages;
}

std::vector<NetworkMessage> AllToAllMessages(int accelerators, Bytes size) {
  std::vector<NetworkMessage> messages;
  messages.reserve(static_cast<std::size_t>(accelerators) * (accelerators - 1));
  for (int from = 0; from < accelerators; ++from) {
    for (int step = 1; step < accelerators; ++step) {
      messages.push_back({{from}, {(from + step) % accelerators}, size, Seconds(0)});
    }
  }
  return messages;
}

Bytes PacketFormat::WireBytes(Bytes message) const {
  if (payload <= Bytes(0)) {
    return message;
  }
  return message + header * std::ceil(message / payload);
}

// Ethernet: preamble and start 8, header 14, check sequence 4, gap 12 (IEEE 802.3). IPv4 20, UDP 8,
// TCP 20 with 12 of timestamps (RFC 791, 768, 9293, 7323). RoCE v2: base transport header 12,
// invariant check 4; InfiniBand: local route header 8, the same two, variant check 2 (InfiniBand
// Architecture Specification 1.4, chapters 7 and 9, annex A17).
const std::vector<PacketFormat>& PacketFormats() {
  constexpr double kEthernet = 8 + 14 + 4 + 12;
  constexpr double kRoce = kEthernet + 20 + 8 + 12 + 4;
  constexpr double kTcp = 20 + 20 + 12;
  static const std::vector<PacketFormat> kFormats = {
      {"none", Bytes(0), Bytes(0)},
      {"roce_1024", Bytes(1024), Bytes(kRoce)},
      {"roce_4096", Bytes(4096), Bytes(kRoce)},
      {"infiniband_4096", Bytes(4096), Bytes(8 + 12 + 4 + 2)},
      {"tcp_1500", Bytes(1500 - kTcp), Bytes(kEthernet + kTcp)},
      {"tcp_9000", Bytes(9000 - kTcp), Bytes(kEthernet + kTcp)},
  };
  return kFormats;
}

}  // namespace gridlock
