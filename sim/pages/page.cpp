#include "sim/pages/page.h"

#include <string_view>

#include "sim/base/check.h"
#include "sim/pages/assets.h"
#include "sim/pages/compare.h"
#include "sim/pages/data_json.h"
#include "sim/pages/explain.h"

namespace gridlock {
namespace {

/// A JSON text that may stand in a <script>: no "<" outside of the escapes of strings.
std::string ForPage(const std::string& json) {
  std::string out;
  for (const char c : json) {
    out += c == '<' ? std::string("\\u003c") : std::string(1, c);
  }
  return out;
}

std::string PartsJson(const std::vector<Explanation>& parts) {
  std::string out = "[";
  for (const Explanation& part : parts) {
    out += (out.size() > 1 ? "," : "") + std::string("{\"title\":") + QuotedForPage(part.title) +
           ",\"lines\":[";
    for (std::size_t i = 0; i < part.lines.size(); ++i) {
      out += (i == 0 ? "" : ",") + QuotedForPage(part.lines[i]);
    }
    out += "]}";
  }
  return out + "]";
}

std::string FilesJson(const std::vector<Dataset>& files,
                      const std::vector<std::string>& summaries) {
  std::string out = "{\"files\":[";
  for (std::size_t i = 0; i < files.size(); ++i) {
    out += (i == 0 ? "" : ",\n") + std::string("{\"data\":") + DataJson(files[i]);
    out += ",\"verdict\":" + QuotedForPage(VerdictOf(files[i]));
    out += ",\"explanation\":" + PartsJson(Explain(files[i]));
    if (i < summaries.size() && !summaries[i].empty()) {
      out += ",\"summary\":" + ForPage(summaries[i]);
    }
    out += "}";
  }
  out += "]";
  if (files.size() == 2 && files[0].kind == files[1].kind) {
    out += ",\"comparison\":" + ForPage(CompareJson(Compare(files[0], files[1])));
  }
  return out + "}";
}

/// Puts a text where its name stands in the template.
void Fill(std::string& page, const std::string& name, std::string_view text) {
  const std::size_t at = page.find(name);
  CHECK(at != std::string::npos);
  page.replace(at, name.size(), text);
}

}  // namespace

std::string PageHtml(const std::vector<Dataset>& files, const std::vector<std::string>& summaries) {
  CHECK(!files.empty());
  if (Charts().empty()) {
    throw UserError("",
                    "this program was built without charts, because npm or its registry could "
                    "not be reached; expected a build with npm (docs/pages.md), or --perfetto "
                    "or --csv, which need none");
  }
  std::string scripts;
  for (int i = 0; !PageScripts(i).empty(); ++i) {
    scripts += PageScripts(i);
  }
  std::string page(PageTemplate());
  Fill(page, "/*STYLE*/", PageStyle());
  Fill(page, "/*CHARTS*/", Charts());
  Fill(page, "/*SCRIPTS*/", scripts);
  Fill(page, "/*DATA*/", FilesJson(files, summaries));  // last: it may hold any text
  return page;
}

}  // namespace gridlock
