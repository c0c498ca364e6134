#include "tools/screen.h"

#include <cstddef>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sim/report/layout.h"

namespace gridlock {

namespace {

/// Columns of the terminal that standard output goes to; 0 when it is none, or does not say.
std::size_t TerminalColumns() {
  winsize size{};
  return isatty(STDOUT_FILENO) != 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col
                                                                                    : 0;
}

}  // namespace

void PrintText(const std::string& text) {
  constexpr std::size_t kLeast = 20;  // below this nothing can be read anyway
  const std::size_t columns = TerminalColumns();
  fmt::print("{}", columns >= kLeast ? Folded(text, columns) : text);
}

}  // namespace gridlock
