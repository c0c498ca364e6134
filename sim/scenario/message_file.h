#pragma once

// Lists of messages between accelerators, as tables of `gridlock flows`.

#include <string>
#include <string_view>
#include <vector>

#include "topologies/network.h"
#include "topologies/traffic.h"

namespace gridlock {

/// The accelerator that a text names: "17" is number 17 of all, "2/1" is accelerator 1 of server 2,
/// with several sites "SITE/2/1". All count from 0. Returns -1, and says in `problem` what is
/// wrong, when there is none.
AcceleratorIndex ParseAccelerator(std::string_view text, const Network& network,
                                  std::string& problem);

/// Reads a table with the columns from, to, bytes and, when not all start at 0, start. Sizes are
/// whole numbers of bytes or have a unit ("4 MiB"), times have a unit ("10 us") or are 0. Throws
/// UserError with every problem found; messages begin with FILE:LINE:COLUMN.
std::vector<NetworkMessage> ReadMessages(const std::string& file, const Network& network);

/// The same of a text. `file` stands for its name in messages.
std::vector<NetworkMessage> ReadMessages(const std::string& file, std::string_view text,
                                         const Network& network);

}  // namespace gridlock
