#include "sim/catalogue/folders.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "sim/base/check.h"
#include "sim/catalogue/scan.h"
#include "sim/schema/files.h"

namespace gridlock {
namespace {

namespace fs = std::filesystem;

bool IsFolder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

/// The two folders of a catalogue under `root`, those that exist.
std::vector<std::string> FoldersUnder(const fs::path& root) {
  std::vector<std::string> folders;
  for (const char* part : {"topologies/catalog", "workloads/catalog"}) {
    if (IsFolder(root / part)) {
      folders.push_back((root / part).string());
    }
  }
  return folders;
}

std::vector<std::string> FoldersOfEnvironment(const std::string& roots, ProblemList& problems) {
  std::vector<std::string> folders;
  for (std::size_t start = 0; start <= roots.size();) {
    const std::size_t colon = std::min(roots.find(':', start), roots.size());
    const std::string root = roots.substr(start, colon - start);
    start = colon + 1;
    if (root.empty()) {
      continue;
    }
    const std::vector<std::string> found = FoldersUnder(root);
    if (found.empty()) {
      problems.Add({"GRIDLOCK_CATALOG", 0, 0}, "",
                   Refusal(Quoted(root) + " has no catalogue",
                           "folders topologies/catalog or workloads/catalog in it"));
    }
    folders.insert(folders.end(), found.begin(), found.end());
  }
  return folders;
}

/// Adds the files of a folder in the order of their names: folders list them in any order, and
/// messages should not.
void AddFilesOf(const std::string& folder, std::vector<std::string>& files, ProblemList& problems) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".textproto") {
      names.push_back(entry.path().string());
    }
  }
  if (error) {
    problems.Add({folder, 0, 0}, "", "cannot be listed: " + error.message());
  }
  std::sort(names.begin(), names.end());
  files.insert(files.end(), names.begin(), names.end());
}

/// $GRIDLOCK_CATALOG, "" when it is not set.
std::string UsersFolders() {
  const char* const environment = std::getenv("GRIDLOCK_CATALOG");
  return environment == nullptr ? "" : environment;
}

/// Folders that hold the catalogue, in order.
std::vector<std::string> CatalogueFolders(ProblemList& problems) {
  if (UsersOwnCatalogue()) {
    return FoldersOfEnvironment(UsersFolders(), problems);
  }
  return FoldersUnder(ShippedRoot());
}

/// The lines that are not empty: where an entry stands in its file does not matter.
std::string Packed(const std::string& text) {
  std::string packed;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    if (end > start) {
      packed += text.substr(start, end - start) + "\n";
    }
    start = end + 1;
  }
  return packed;
}

}  // namespace

std::string ShippedRoot() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) {
    const fs::path installed = program.parent_path().parent_path() / "share" / "gridlock";
    if (!FoldersUnder(installed).empty()) {
      return installed.string();
    }
  }
#ifdef GRIDLOCK_SOURCE_DIR
  return GRIDLOCK_SOURCE_DIR;
#else
  return "";
#endif
}

bool UsersOwnCatalogue() {
  return !UsersFolders().empty();
}

std::vector<std::string> CatalogueFiles(ProblemList& problems) {
  std::vector<std::string> files;
  for (const std::string& folder : CatalogueFolders(problems)) {
    AddFilesOf(folder, files, problems);
  }
  return files;
}

std::string CatalogueTable(const std::string& name) {
  ProblemList reported;  // by whoever reads the entries
  for (const std::string& folder : CatalogueFolders(reported)) {
    const fs::path file = fs::path(folder) / name;
    std::error_code error;
    if (fs::exists(file, error)) {
      return file.string();
    }
  }
  return ShippedRoot() + "/workloads/catalog/" + name;
}

CatalogueUse CatalogueUsedBy(const std::string& scenario) {
  ProblemList problems;
  std::vector<std::string> texts;
  for (const std::string& file : CatalogueFiles(problems)) {
    (void)ReadFile(file, {file, 0, 0}, texts.emplace_back(), problems);
  }
  KeepNamedEntries(QuotedTexts(scenario), texts);
  CatalogueUse use;
  use.origin = UsersOwnCatalogue() ? "GRIDLOCK_CATALOG=" + UsersFolders() : "shipped";
  for (const std::string& text : texts) {
    use.entries += Packed(text);
  }
  if (scenario.find("serving {") != std::string::npos) {
    for (const char* table : kServingTables) {
      const std::string file = CatalogueTable(table);
      std::string text;
      (void)ReadFile(file, {file, 0, 0}, text, problems);
      use.entries += Packed(text);
    }
  }
  return use;
}

}  // namespace gridlock
