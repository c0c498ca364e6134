#pragma once

// The reference of the commands as a page, made of what --help prints.

#include <string>

namespace CLI {
class App;
}  // namespace CLI

namespace gridlock {

/// Every command below `app` with its help, as Markdown: docs/commands.md.
std::string CommandsMarkdown(const CLI::App& app);

}  // namespace gridlock
