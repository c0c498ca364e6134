#include "sim/pages/page.h"

#include <string_view>

#include <fmt/format.h>

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

/// [{"wall", "link", "at_most", "step_time"}, ...] of a file.
std::string ConfirmedJson(const std::vector<Confirmation>& confirmed) {
  std::string out;
  for (const Confirmation& each : confirmed) {
    if (!each.problem.empty()) {
      continue;  // the explanation has it
    }
    out += fmt::format("{}{{\"wall\":{},\"link\":{},\"at_most\":{:.9g},\"step_time\":{:.9g}}}",
                       out.empty() ? "" : ",", QuotedForPage(each.wall.name),
                       QuotedForPage(each.wall.link), each.wall.saved_at_most, each.step_time);
  }
  return "[" + out + "]";
}

std::string FilesJson(const std::vector<Dataset>& files, const std::vector<std::string>& summaries,
                      const std::vector<std::vector<Confirmation>>& confirmed,
                      const std::vector<Listing>& listings) {
  std::string out = "{\"files\":[";
  for (std::size_t i = 0; i < files.size(); ++i) {
    out += (i == 0 ? "" : ",\n") + std::string("{\"data\":") + DataJson(files[i]);
    out += ",\"verdict\":" + QuotedForPage(VerdictOf(files[i]));
    std::vector<Explanation> parts = Explain(files[i]);
    if (i < confirmed.size() && !confirmed[i].empty()) {
      parts.push_back(ConfirmedPart(files[i], 0, confirmed[i]));
      out += ",\"confirmed\":" + ConfirmedJson(confirmed[i]);
    }
    out += ",\"explanation\":" + PartsJson(parts);
    if (i < summaries.size() && !summaries[i].empty()) {
      out += ",\"summary\":" + ForPage(summaries[i]);
    }
    out += "}";
  }
  for (const Listing& listing : listings) {
    out += out.ends_with('[') ? "" : ",\n";
    out += "{\"kind\":" + QuotedForPage(listing.kind) + ",\"name\":" + QuotedForPage(listing.name) +
           ",\"file\":" + QuotedForPage(listing.file) + ",\"listing\":" + ForPage(listing.json) +
           ",\"verdict\":" + QuotedForPage(VerdictOf(listing)) +
           ",\"explanation\":" + PartsJson(Explain(listing)) + "}";
  }
  out += "]";
  if (files.size() == 2 && listings.empty() && files[0].kind == files[1].kind) {
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

std::string Filled(const std::string& scripts, const std::string& data) {
  std::string page(PageTemplate());
  Fill(page, "/*STYLE*/", PageStyle());
  Fill(page, "/*CHARTS*/", Charts());
  Fill(page, "/*SCRIPTS*/", scripts);
  Fill(page, "/*DATA*/", data);  // last: it may hold any text
  return page;
}

/// A sweep without what the sliders do not show: texts of points, and arrays along more than one
/// axis that is not the sweep's.
Dataset ForSliders(const Dataset& sweep) {
  const std::size_t axes = sweep.Find("status")->dimensions.size();
  Dataset kept = sweep;
  std::erase_if(kept.variables, [&](const DatasetVariable& variable) {
    const bool text_of_points = variable.is_text && variable.name != "message" &&
                                variable.dimensions.size() >= axes && axes > 1;
    return text_of_points || variable.dimensions.size() > axes + 1 ||
           variable.name.starts_with("memory_") || variable.name == "utilisation";
  });
  return kept;
}

}  // namespace

void RequireCharts(const std::string& otherwise) {
  if (Charts().empty()) {
    throw UserError("",
                    "this program was built without charts, because npm or its registry could "
                    "not be reached; expected a build with npm (docs/pages.md)" +
                        otherwise);
  }
}

std::string PageHtml(const std::vector<Dataset>& files, const std::vector<std::string>& summaries,
                     const std::vector<std::vector<Confirmation>>& confirmed,
                     const std::vector<Listing>& listings) {
  CHECK(!files.empty() || !listings.empty());
  RequireCharts(", or --perfetto or --csv, which need none");
  std::string scripts;
  for (int i = 0; !PageScripts(i).empty(); ++i) {
    scripts += PageScripts(i);
  }
  return Filled(scripts, FilesJson(files, summaries, confirmed, listings));
}

std::string ExplorePage(const Dataset& sweep) {
  if (sweep.kind != "sweep" || sweep.Find("status") == nullptr) {
    throw UserError("", fmt::format("{} is no sweep; expected results.h5 of gridlock sweep, or the "
                                    "folder with it",
                                    sweep.file));
  }
  RequireCharts(", or gridlock sweep, whose results.csv needs none");
  return Filled(std::string(PageScripts(0)) + std::string(ExploreScript()),
                FilesJson({ForSliders(sweep)}, {}, {}, {}));
}

}  // namespace gridlock
