#include "sim/interop/request_trace.h"

#include <algorithm>
#include <cmath>
#include <list>
#include <optional>
#include <unordered_map>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/numbers.h"
#include "sim/interop/json_text.h"
#include "sim/interop/request_table.h"
#include "sim/schema/files.h"
#include "sim/schema/problems.h"

namespace gridlock {

namespace {

constexpr std::size_t kLargestTrace = 1U << 30U;

// Tokens of a block of Qwen's traces of Bailian, as their README says.
constexpr std::int64_t kBailianBlock = 16;

// The text behind `"name":`, up to the comma or bracket that ends it; empty when there is none.
std::string_view ValueOf(std::string_view line, const std::string& name) {
  const std::size_t key = line.find("\"" + name + "\"");
  if (key == std::string_view::npos) {
    return {};
  }
  std::size_t begin = line.find(':', key);
  begin = begin == std::string_view::npos ? begin : line.find_first_not_of(" :", begin);
  if (begin == std::string_view::npos) {
    return {};
  }
  const std::size_t end =
      line[begin] == '[' ? line.find(']', begin) : line.find_first_of(",}", begin);
  const std::string_view value =
      line.substr(begin, end == std::string_view::npos ? end : end - begin);
  return value.substr(0, value.find_last_not_of(' ') + 1);
}

TraceRequest MooncakeRow(std::string_view line, LineReader& reader, double& time) {
  TraceRequest request;
  if (line.front() != '{') {
    reader.Refuse(
        "the line is no JSON object; expected timestamp, input_length, output_length and "
        "hash_ids between braces");
    return request;
  }
  if (line.back() != '}') {
    reader.Refuse("the line ends within its object: the file is cut off");
    return request;
  }
  for (const char* name : {"timestamp", "input_length", "output_length"}) {
    if (ValueOf(line, name).empty()) {
      reader.Refuse(fmt::format("no {}", name));
      return request;
    }
  }
  // Mooncake counts milliseconds, Qwen's traces of Bailian (github.com/alibaba-edu/
  // qwen-bailian-usagetraces-anon) seconds.
  const bool seconds = !ValueOf(line, "chat_id").empty();
  request.block = seconds ? kBailianBlock : kTraceBlock;
  time = (seconds ? 1 : 1e-3) * reader.Number("timestamp", ValueOf(line, "timestamp"));
  request.prompt_tokens = reader.Count("input_length", ValueOf(line, "input_length"), 1);
  request.output_tokens = reader.Count("output_length", ValueOf(line, "output_length"), 1);
  std::string_view blocks = ValueOf(line, "hash_ids");
  if (blocks.size() > 1) {
    blocks.remove_prefix(1);
    for (std::string_view cell : CellsOf(blocks)) {
      cell.remove_prefix(std::min(cell.find_first_not_of(' '), cell.size()));
      request.blocks.push_back(reader.Count("a hash of hash_ids", cell, 0));
    }
  }
  return request;
}

// A record of AIPerf: its metrics are objects with a value and a unit.
bool IsAiperf(std::string_view line) {
  return line.find("\"request_start_ns\"") != std::string_view::npos;
}

TraceRequest AiperfRow(std::string_view line, LineReader& reader, double& time) {
  TraceRequest request;
  const auto metric = [&](const char* name) {
    const std::size_t key = line.find("\"" + std::string(name) + "\"");
    if (key == std::string_view::npos) {
      reader.Refuse(fmt::format("no {}", name));
      return std::int64_t{1};
    }
    return reader.Count(name, ValueOf(line.substr(key), "value"), 1);
  };
  time = 1e-9 * static_cast<double>(
                    reader.Count("request_start_ns", ValueOf(line, "request_start_ns"), 0));
  request.prompt_tokens = metric("input_sequence_length");
  request.output_tokens = metric("output_sequence_length");
  return request;
}

bool HasFailed(std::string_view line) {
  return ValueOf(line, "error").starts_with("{");
}

// The end of a JSON text that begins at `begin` with a quote; `characters` receives how many it
// has.
std::size_t EndOfText(std::string_view text, std::size_t begin, std::int64_t& characters) {
  characters = 0;
  std::size_t at = begin + 1;
  for (; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') {
      at += at + 1 < text.size() && text[at + 1] == 'u' ? 5 : 1;
      ++characters;
    } else if ((static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U) {
      ++characters;  // not the continuation of a character in UTF-8
    }
  }
  return at;
}

// Characters of a token of English text, as OpenAI's documentation of its tokenizer says.
constexpr std::int64_t kCharactersOfToken = 4;

// The first prompt and the first answer of each conversation.
std::vector<TraceRequest> ReadShareGpt(std::string_view text) {
  std::vector<TraceRequest> requests;
  std::int64_t turns[2] = {}, said = 2;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '"') {
      continue;
    }
    std::int64_t characters = 0;
    const std::size_t end = EndOfText(text, at, characters);
    const std::string_view word = text.substr(at + 1, end - at - 1);
    at = end;
    if (word == "conversations") {
      said = 0;
    } else if (word == "value" && said < 2) {
      const std::size_t value = text.find('"', end + 1);
      if (value == std::string_view::npos) {
        break;
      }
      at = EndOfText(text, value, turns[said++]);
      if (said == 2) {
        TraceRequest& request = requests.emplace_back();
        request.prompt_tokens = std::max<std::int64_t>(1, turns[0] / kCharactersOfToken);
        request.output_tokens = std::max<std::int64_t>(1, turns[1] / kCharactersOfToken);
      }
    }
  }
  return requests;
}

// Numbers of a list of an object; empty when it has none of that name.
std::vector<double> NumbersOf(const JsonValue& object, const char* name, ProblemList& problems) {
  std::vector<double> numbers;
  const JsonValue* const list = object.Find(name);
  if (list == nullptr || list->kind != JsonValue::Kind::kList) {
    return numbers;
  }
  for (const JsonValue& each : list->items) {
    const std::optional<double> value = ParseNumber(each.text);
    if (each.kind != JsonValue::Kind::kNumber || !value) {
      problems.Add(each.where, "", fmt::format("a value of {} is no number", name));
    }
    numbers.push_back(value.value_or(0));
  }
  return numbers;
}

// A result of `vllm bench serve` or of SGLang's bench_serving.
std::vector<TraceRequest> ReadBenchmark(const std::string& file, std::string_view text,
                                        ProblemList& problems) {
  std::vector<TraceRequest> requests;
  const JsonValue result = ReadJson(file, text, problems);
  const std::vector<double> inputs = NumbersOf(result, "input_lens", problems);
  const std::vector<double> outputs = NumbersOf(result, "output_lens", problems);
  const std::vector<double> starts = NumbersOf(result, "start_times", problems);
  if (problems.empty() && (inputs.empty() || inputs.size() != outputs.size())) {
    problems.Add({file, 1, 1}, "",
                 fmt::format("{} input_lens and {} output_lens; expected as many of both (vllm "
                             "bench serve --save-result --save-detailed), or the conversations of "
                             "ShareGPT",
                             inputs.size(), outputs.size()));
  }
  if (!problems.empty()) {
    return requests;
  }
  const JsonValue* const said = result.Find("request_rate");
  const double rate = said == nullptr ? 0 : ParseNumber(said->text).value_or(0);
  const double gap = rate > 0 ? 1 / rate : 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] < 1 || outputs[i] < 1) {
      continue;  // failed
    }
    TraceRequest& request = requests.emplace_back();
    request.arrival = Seconds(starts.size() == inputs.size() ? starts[i] - starts.front()
                                                             : gap * static_cast<double>(i));
    request.prompt_tokens = std::llround(inputs[i]);
    request.output_tokens = std::llround(outputs[i]);
  }
  return requests;
}

void SortByArrival(std::vector<TraceRequest>& requests) {
  std::stable_sort(requests.begin(), requests.end(),
                   [](const TraceRequest& a, const TraceRequest& b) {
                     return a.arrival < b.arrival;
                   });
  const Seconds first = requests.empty() ? Seconds(0) : requests.front().arrival;
  for (TraceRequest& request : requests) {
    request.arrival = request.arrival - first;
  }
}

std::vector<TraceRequest> ReadJsonTrace(const std::string& file, std::string_view text) {
  ProblemList problems;
  std::vector<TraceRequest> requests = text.find("\"conversations\"") != std::string_view::npos
                                           ? ReadShareGpt(text)
                                           : ReadBenchmark(file, text, problems);
  if (requests.empty() && problems.empty()) {
    problems.Add({file, 0, 0}, "", "the trace holds no request");
  }
  problems.ThrowIfAny();
  SortByArrival(requests);
  return requests;
}

}  // namespace

std::vector<TraceRequest> ReadRequestTrace(const std::string& file, std::string_view text) {
  if (file.ends_with(".json")) {
    return ReadJsonTrace(file, text);
  }
  const bool table = file.ends_with(".csv");
  if (!table && !file.ends_with(".jsonl")) {
    throw UserError("", fmt::format("{}: expected a name that ends in .csv (Azure LLM trace, "
                                    "BurstGPT), .jsonl (Mooncake, Dynamo, Qwen Bailian, AIPerf) or "
                                    ".json (vLLM's and "
                                    "SGLang's results, ShareGPT)",
                                    file));
  }
  bool sorted = true;
  ProblemList problems;
  std::vector<TraceRequest> requests;
  double first = 0, last = 0;
  int number = 0;
  std::optional<CsvTrace> columns;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) {
      line.remove_suffix(1);
    }
    LineReader reader(file, number, problems);
    if (table && number == 1) {
      columns = CsvTraceOf(line);
      if (!columns) {
        reader.Refuse(
            "the first line names no columns; expected "
            "TIMESTAMP,ContextTokens,GeneratedTokens, or those of BurstGPT");
        break;
      }
      continue;
    }
    if (line.empty()) {
      continue;
    }
    double time = last;
    const bool aiperf = !table && IsAiperf(line);
    if (aiperf && HasFailed(line)) {
      continue;
    }
    sorted = sorted && !aiperf;
    std::optional<TraceRequest> request = table    ? CsvRow(*columns, line, reader, time)
                                          : aiperf ? AiperfRow(line, reader, time)
                                                   : MooncakeRow(line, reader, time);
    if (reader.bad() || !request) {
      continue;
    }
    if (!aiperf && !requests.empty() && time < last) {
      reader.Refuse(fmt::format("the time goes back by {}", FormatSeconds(Seconds(last - time))));
      continue;
    }
    first = requests.empty() ? time : first;
    last = time;
    request->arrival = Seconds(time - first);
    requests.push_back(std::move(*request));
  }
  if (requests.empty() && problems.empty()) {
    problems.Add({file, 0, 0}, "", "the trace holds no request");
  }
  problems.ThrowIfAny();
  if (!sorted) {
    SortByArrival(requests);
  }
  return requests;
}

std::vector<TraceRequest> ReadRequestTrace(const std::string& file) {
  ProblemList problems;
  std::string text;
  if (!ReadFile(file, {file, 0, 0}, text, problems, kLargestTrace)) {
    problems.ThrowIfAny();
  }
  return ReadRequestTrace(file, text);
}

PrefixHits HitsOf(const std::vector<TraceRequest>& requests, std::int64_t capacity) {
  PrefixHits hits;
  std::list<std::int64_t> recent;  // the last used one in front
  std::unordered_map<std::int64_t, std::list<std::int64_t>::iterator> places;  // looked up only
  for (const TraceRequest& request : requests) {
    std::int64_t leading = 0;
    for (const std::int64_t block : request.blocks) {
      if (!places.contains(block)) {
        break;
      }
      ++leading;
    }
    for (const std::int64_t block : request.blocks) {
      const auto found = places.find(block);
      if (found != places.end()) {
        recent.splice(recent.begin(), recent, found->second);
        continue;
      }
      recent.push_front(block);
      places[block] = recent.begin();
      if (capacity > 0 && static_cast<std::int64_t>(places.size()) > capacity) {
        places.erase(recent.back());
        recent.pop_back();
      }
    }
    hits.blocks += static_cast<std::int64_t>(request.blocks.size());
    hits.hits += leading;
    hits.hits_of.push_back(leading);
  }
  return hits;
}

}  // namespace gridlock
