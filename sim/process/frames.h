#pragma once

// Messages between a process and its children. One message, a frame, is a byte that says what it
// is, the length of its text, and the text. Both ends are the same program on the same machine, so
// numbers stand as they are in memory.

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace gridlock {

struct Frame {
  char kind = 0;
  std::string bytes;
};

/// One end of a two-way connection between two processes. Closes its socket when it goes.
class Channel {
 public:
  explicit Channel(int socket) : socket_(socket) {}

  Channel(Channel&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), received_(std::move(other.received_)) {}

  Channel& operator=(Channel&&) = delete;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  ~Channel() { Close(); }

  void Close();

  /// For poll(2).
  [[nodiscard]] int socket() const { return socket_; }

  /// Sends a frame. False when the other end is closed.
  bool Send(char kind, std::string_view bytes);

  /// Reads what has arrived, at least one byte: waits for it. False when the other end is closed.
  bool Read();

  /// Takes the first frame that has arrived as a whole. Nothing when none has.
  std::optional<Frame> Next();

  /// Waits for the next frame. Nothing when the other end is closed.
  std::optional<Frame> Receive();

 private:
  int socket_;
  std::string received_;
};

/// The two ends of a new connection.
std::pair<Channel, Channel> MakeChannels();

}  // namespace gridlock
