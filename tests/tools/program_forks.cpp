// Starts the program for tests, again and again: each start is a fork of this process, which has
// loaded the libraries already. That is most of the time of a start (30 of 36 ms of a processor).
// What runs in the child is all of the program: RunProgram.
//
// Standard input is a Unix socket of packets. A packet of a client holds words that end in NUL: the
// working directory, the number of arguments, the arguments from the program's name on, and the
// environment; with it come the child's standard streams. Two packets answer it, each an int32: the
// child's process number at once, and the status that waitpid gave. The end of the socket ends this
// process.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/check.h"

#include "tools/program.h"

namespace {

constexpr int kStreams = 3;
constexpr std::size_t kPacketMost = 1 << 20;

struct Start {
  std::vector<std::string> words;
  int streams[kStreams] = {-1, -1, -1};
};

/// The words of the next packet; none at the end of the socket.
Start Receive(std::vector<char>& buffer) {
  Start start;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof start.streams)] = {};
  iovec bytes = {buffer.data(), buffer.size()};
  msghdr message = {};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t got = recvmsg(STDIN_FILENO, &message, 0);
  if (got <= 0) {
    return start;
  }
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  CHECK((message.msg_flags & MSG_TRUNC) == 0 && header != nullptr);
  std::memcpy(start.streams, CMSG_DATA(header), sizeof start.streams);
  const char* const end = buffer.data() + got;
  for (const char* at = buffer.data(); at < end; at += start.words.back().size() + 1) {
    start.words.emplace_back(at);
  }
  return start;
}

/// The child: the program, as if it had just been started.
[[noreturn]] void Run(Start start) {
  for (int stream = 0; stream < kStreams; ++stream) {
    CHECK(dup2(start.streams[stream], stream) == stream);
  }
  for (const int stream : start.streams) {
    close(stream);
  }
  CHECK(chdir(start.words[0].c_str()) == 0);
  const std::size_t arguments = std::stoul(start.words[1]);
  std::vector<char*> argv;
  for (std::size_t i = 0; i < arguments; ++i) {
    argv.push_back(start.words[2 + i].data());
  }
  argv.push_back(nullptr);
  clearenv();
  for (std::size_t i = 2 + arguments; i < start.words.size(); ++i) {
    putenv(start.words[i].data());  // NOLINT(concurrency-mt-unsafe): one thread
  }
  std::exit(gridlock::RunProgram(static_cast<int>(arguments), argv.data()));
}

void Answer(std::int32_t number) {
  CHECK(send(STDIN_FILENO, &number, sizeof number, 0) == sizeof number);
}

}  // namespace

int main() {
  std::vector<char> buffer(kPacketMost);
  for (Start start = Receive(buffer); !start.words.empty(); start = Receive(buffer)) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      Run(std::move(start));
    }
    for (const int stream : start.streams) {
      close(stream);
    }
    Answer(child);
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    Answer(status);
  }
  return 0;
}
