#include "sim/process/server.h"

#include <stdexcept>
#include <utility>

#include <poll.h>

#include "sim/process/pool.h"

namespace gridlock {

namespace {

constexpr char kRequest = 'q';

// In the server: answers until the other end is closed.
void Serve(Channel& parent, const TaskServer::Handler& handler) {
  while (const std::optional<Frame> request = parent.Receive()) {
    SendResult(RunInChild([&](const auto& /*progress*/) {
                 return handler(request->bytes);
               }),
               parent);
  }
}

}  // namespace

TaskServer::TaskServer(const Handler& handler, std::function<void()> waiting)
    : TaskServer(handler, std::move(waiting), MakeChannels()) {}

TaskServer::TaskServer(const Handler& handler, std::function<void()> waiting,
                       std::pair<Channel, Channel> ends)
    : channel_(std::move(ends.first)),
      process_([&] {
        channel_.Close();
        Serve(ends.second, handler);
      }),
      waiting_(std::move(waiting)) {}

std::string TaskServer::Ask(const std::string& request) {
  constexpr int kMilliseconds = 1000;
  TaskReply reply;
  bool open = channel_.Send(kRequest, request);
  bool last = false;
  while (open && !last) {
    pollfd waited{channel_.socket(), POLLIN, 0};
    if (poll(&waited, 1, kMilliseconds) == 0) {
      if (waiting_) {
        waiting_();
      }
      continue;
    }
    open = channel_.Read();
    while (std::optional<Frame> frame = channel_.Next()) {
      last = reply.Add(*std::move(frame));
    }
  }
  if (!last) {
    throw std::runtime_error("the process that simulates situations has ended");
  }
  return std::move(reply).result().Take();
}

}  // namespace gridlock
