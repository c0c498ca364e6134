#include "sim/catalogue/graphs.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "proto/scenario.pb.h"
#include "sim/base/check.h"
#include "sim/schema/files.h"

namespace gridlock {

namespace {

// A link of a million accelerators takes about 100 bytes, and there are several for each.
constexpr std::size_t kLargestGraph = 1U << 30U;

// FNV-1a of words of eight bytes whose upper half is folded in: the same on every machine of one
// byte order.
std::uint64_t HashOf(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL ^ text.size();
  for (std::size_t at = 0; at < text.size(); at += sizeof(hash)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, std::min(sizeof(word), text.size() - at));
    hash = (hash ^ word) * 0x100000001b3ULL;
    hash ^= hash >> 32U;
  }
  return hash;
}

}  // namespace

ListedGraphs ReadGraphs(const proto::Scenario& scenario, const Written& written,
                        ProblemList& problems) {
  ListedGraphs graphs;
  const std::filesystem::path folder = std::filesystem::path(written.name.file).parent_path();
  for (int i = 0; i < scenario.site_size(); ++i) {
    const proto::Fabric& fabric = scenario.site(i).fabric();
    const std::string& file = fabric.listed().file();
    if (!fabric.has_listed() || file.empty() || graphs.contains(file)) {
      continue;
    }
    const Position& where = written.At("site", i).At("fabric").At("listed").At("file").value;
    const std::string path =
        ElementPath("site", static_cast<std::size_t>(i)) + ".fabric.listed.file";
    std::string text;
    if (!ReadFile((folder / file).string(), where, text, problems, kLargestGraph)) {
      continue;
    }
    try {
      graphs[file] = {std::make_shared<const RouteGraph>(ReadGraphMl(text, file, path)),
                      HashOf(text)};
    } catch (const UserError& error) {
      for (const Problem& problem : error.problems()) {
        problems.Add(where, problem.path, problem.message);
      }
    }
  }
  return graphs;
}

}  // namespace gridlock
