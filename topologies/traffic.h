#pragma once

// Messages between accelerators: the patterns that interconnects are asked about, and what packets
// add to the bytes of a message.

#include <cstdint>
#include <string_view>
#include <vector>

#include "sim/base/index.h"
#include "sim/base/units.h"

namespace gridlock {

/// One message of a list.
struct NetworkMessage {
  AcceleratorIndex from{0}, to{0};
  Bytes bytes;    ///< payload
  Seconds start;  ///< when it is handed to the network
};

/// Most messages of one list: 2,048 accelerators that all send to each other.
inline constexpr std::int64_t kMessagesMost = std::int64_t{1} << 22U;

/// Accelerators 1 .. senders each send to accelerator 0, all at once.
std::vector<NetworkMessage> IncastMessages(int senders, Bytes size);

/// Each of the first `accelerators` sends to another one and receives from another one, in an order
/// drawn by the seed: one cycle through all of them (S. Sattolo, 1986).
std::vector<NetworkMessage> PermutationMessages(int accelerators, Bytes size, std::uint64_t seed);

/// Each of the first `accelerators` sends to each other one.
std::vector<NetworkMessage> AllToAllMessages(int accelerators, Bytes size);

/// How a transport cuts a message into packets.
struct PacketFormat {
  std::string_view name;
  Bytes payload;  ///< of a full packet; 0: messages are not cut and nothing is added
  Bytes header;   ///< of every packet, all layers down to the wire

  /// What a message puts on the wire.
  [[nodiscard]] Bytes WireBytes(Bytes message) const;

  /// Payload over wire bytes of full packets.
  [[nodiscard]] double efficiency() const {
    return payload > Bytes(0) ? payload / (payload + header) : 1.0;
  }
};

/// The transports that have names; the first adds nothing.
const std::vector<PacketFormat>& PacketFormats();

}  // namespace gridlock
