// Log-normal lengths by two quantiles against traces of real requests.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/serving/data_file.h"
#include "workloads/requests.h"

namespace gridlock {
namespace {

struct Trace {
  std::vector<double> prompts, outputs;
};

double Quantile(std::vector<double> values, double q) {
  const auto place =
      values.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) {
    sum += value;
  }
  return sum / static_cast<double>(values.size());
}

LengthSpec Fitted(const std::vector<double>& lengths) {
  return {Quantile(lengths, 0.5), Quantile(lengths, 0.9),
          static_cast<std::int64_t>(*std::max_element(lengths.begin(), lengths.end()))};
}

// As many requests as the stream would give with the trace's quantiles.
Trace Generated(const Trace& trace) {
  ServingSpec fleet;
  fleet.replicas = fleet.replicas_simulated = 1;
  fleet.arrivals.requests_per_second = 1;
  fleet.groups = {{"trace", 1, Fitted(trace.prompts), Fitted(trace.outputs)}};
  RequestStream stream(fleet, "trace", 1);
  Trace generated;
  for (int i = 0; i < 50000; ++i) {
    const Request request = stream.Next();
    generated.prompts.push_back(static_cast<double>(request.prompt_tokens));
    generated.outputs.push_back(static_cast<double>(request.output_tokens));
  }
  return generated;
}

// The two quantiles by construction, the mean, which load depends on, within 35 %, and the others
// within the factor given: traces have more than one hump.
void ExpectAlike(const char* what, const std::vector<double>& trace,
                 const std::vector<double>& generated, double factor) {
  std::printf("%-24s", what);
  for (const double q : {0.1, 0.25, 0.5, 0.75, 0.9, 0.99}) {
    const double t = Quantile(trace, q), g = Quantile(generated, q);
    std::printf(" p%.0f %.0f/%.0f", 100 * q, g, t);
    if (q == 0.5 || q == 0.9) {
      EXPECT_NEAR(g / t, 1, 0.06) << what << " " << q;
    } else if (q > 0.1) {
      EXPECT_LT(std::abs(std::log(g / t)), std::log(factor)) << what << " " << q;
    }
  }
  std::printf(" mean %.0f/%.0f\n", Mean(generated), Mean(trace));
  EXPECT_NEAR(Mean(generated) / Mean(trace), 1, 0.35) << what;
}

void Compare(const std::string& name, const Trace& trace, double factor) {
  ASSERT_GT(trace.prompts.size(), 1000U) << name;
  const Trace generated = Generated(trace);
  ExpectAlike((name + " prompt").c_str(), trace.prompts, generated.prompts, factor);
  ExpectAlike((name + " output").c_str(), trace.outputs, generated.outputs, factor);
}

TEST(Traces, OfAzureAreLogNormalWithinAFactor) {
  for (const std::string kind : {"conv", "code"}) {
    const std::string name = "AzureLLMInferenceTrace_" + kind + ".csv";
    const std::string file = DataFile(name);
    if (file.empty()) {
      GTEST_SKIP() << "needs " << kWhereDataIs << ", with " << name
                   << " (Azure/AzurePublicDataset)";
    }
    Trace trace;
    for (const auto& row : CsvRows(file)) {
      trace.prompts.push_back(std::stod(row.at("ContextTokens")));
      trace.outputs.push_back(std::stod(row.at("GeneratedTokens")));
    }
    Compare("azure " + kind, trace, 2);
  }
}

// The number after "key": in a line of JSON.
double NumberAfter(const std::string& line, const std::string& key) {
  const auto at = line.find('"' + key + "\":");
  return at == std::string::npos ? 0 : std::stod(line.substr(at + key.size() + 3));
}

TEST(Traces, OfMooncakeAreLogNormalWithinAFactor) {
  const std::string file = DataFile("conversation_trace.jsonl");
  if (file.empty()) {
    GTEST_SKIP() << "needs " << kWhereDataIs
                 << ", with conversation_trace.jsonl (kvcache-ai/Mooncake)";
  }
  Trace trace;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    trace.prompts.push_back(NumberAfter(line, "input_length"));
    trace.outputs.push_back(NumberAfter(line, "output_length"));
  }
  Compare("mooncake conversation", trace, 2);
}

}  // namespace
}  // namespace gridlock
