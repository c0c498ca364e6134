#include "sim/process/frames.h"

#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <unistd.h>

#include "sim/base/check.h"

namespace gridlock {

namespace {

// The kind, then the length.
constexpr std::size_t kHead = 1 + sizeof(std::size_t);

}  // namespace

void Channel::Close() {
  if (socket_ >= 0) {
    close(std::exchange(socket_, -1));
  }
}

bool Channel::Send(char kind, std::string_view bytes) {
  std::string frame(kHead, kind);
  const std::size_t size = bytes.size();
  std::memcpy(frame.data() + 1, &size, sizeof size);
  frame += bytes;
  for (std::size_t sent = 0; sent < frame.size();) {
    const ssize_t n = send(socket_, frame.data() + sent, frame.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR) {
      return false;
    }
    sent += n > 0 ? static_cast<std::size_t>(n) : 0;
  }
  return true;
}

bool Channel::Read() {
  char buffer[65536];
  ssize_t n = 0;
  do {
    n = recv(socket_, buffer, sizeof buffer, 0);
  } while (n < 0 && errno == EINTR);
  if (n <= 0) {
    return false;
  }
  received_.append(buffer, static_cast<std::size_t>(n));
  return true;
}

std::optional<Frame> Channel::Next() {
  if (received_.size() < kHead) {
    return std::nullopt;
  }
  std::size_t size = 0;
  std::memcpy(&size, received_.data() + 1, sizeof size);
  if (received_.size() - kHead < size) {
    return std::nullopt;
  }
  Frame frame{received_.front(), received_.substr(kHead, size)};
  received_.erase(0, kHead + size);
  return frame;
}

std::optional<Frame> Channel::Receive() {
  for (;;) {
    if (std::optional<Frame> frame = Next()) {
      return frame;
    }
    if (!Read()) {
      return std::nullopt;
    }
  }
}

std::pair<Channel, Channel> MakeChannels() {
  int ends[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  return {Channel(ends[0]), Channel(ends[1])};
}

}  // namespace gridlock
