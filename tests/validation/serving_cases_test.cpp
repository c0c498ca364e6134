// Measured operating points of serving engines: what a row becomes, and what is said of a row that
// cannot run.

#include "sim/validation/serving_cases.h"

#include <fstream>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/validation/serving_rows.h"

namespace gridlock {
namespace {

using ::testing::HasSubstr;

ServingPrediction Predict(const ServingCells& cells) {
  return PredictServing(LargeRow(cells), ShippedServingCatalogue());
}

TEST(ServingRow, IsPredictedInTheUnitOfItsMetric) {
  const double tpot = Predict({}).value.value();
  EXPECT_GT(tpot, 5);
  EXPECT_LT(tpot, 60);
  const double whole = Predict({{"metric", "output_tokens_per_s"}}).value.value();
  EXPECT_NEAR(Predict({{"metric", "output_tokens_per_s_per_gpu"}}).value.value(), whole / 2,
              1e-9 * whole);
  EXPECT_NEAR(Predict({{"metric", "total_tokens_per_s"}}).value.value(), 6 * whole, 1e-6 * whole);
  EXPECT_GT(Predict({{"metric", "p99_ttft_ms"}}).value.value(),
            Predict({{"metric", "median_ttft_ms"}}).value.value());
}

TEST(ServingRow, SaysWhatStandsForAnUnknownPartEngineOrFormat) {
  const ServingPrediction odd =
      Predict({{"accelerator", "wse_9"}, {"engine", "new-engine"}, {"weights_precision", "fp6"}});
  ASSERT_TRUE(odd.value);
  EXPECT_THAT(odd.reason, HasSubstr("no part \"wse_9\": as h100_sxm"));
  EXPECT_THAT(odd.reason, HasSubstr("no engine \"new-engine\": as generic"));
  EXPECT_THAT(odd.reason, HasSubstr("weights of \"fp6\": as bf16"));
}

// Words of other tables are what these mean, and what is no plain name is said.
TEST(ServingRow, TakesOtherWordsForWhatTheyMean) {
  const auto same = [](const ServingCells& odd, const ServingCells& plain) {
    const ServingPrediction one = Predict(odd), other = Predict(plain);
    ASSERT_TRUE(one.value && other.value) << one.reason << other.reason;
    EXPECT_EQ(*one.value, *other.value) << one.reason;
  };
  for (const char* word : {"w4a16", "awq", "GPTQ", "nf4", "4bit", "iq4_xs"}) {
    same({{"weights_precision", word}}, {{"weights_precision", "int4"}});
  }
  same({{"weights_precision", "fp8_e4m3"}}, {{"weights_precision", "fp8"}});
  same({{"weights_precision", "w8a8"}}, {{"weights_precision", "int8"}});
  EXPECT_THAT(Predict({{"weights_precision", "awq"}}).reason,
              HasSubstr("weights of \"awq\": as int4"));
  same({{"kv_precision", "auto"}}, {{"kv_precision", ""}});
  same({{"engine", "vLLM"}, {"engine_version", "0.6.0"}},
       {{"engine", "vllm"}, {"engine_version", "0.6.0"}});
  same({{"engine", "TensorRT-LLM"}}, {{"engine", "trtllm"}});
  same({{"load_kind", "max_concurrency"}}, {{"load_kind", "concurrency"}});
  same({{"load_kind", "offline"}}, {{"load_kind", "offline_max"}});
  same({{"load_kind", "rate"}}, {{"load_kind", "request_rate"}});
  same({{"load_kind", "sometimes"}}, {{"load_kind", "concurrency"}});
  EXPECT_THAT(Predict({{"load_kind", "sometimes"}}).reason, HasSubstr("as concurrency"));
  same({{"accelerator", "v5p"}}, {{"accelerator", "tpu_v5p"}});
}

TEST(ServingRow, CountsRequestsASecond) {
  const double tokens = Predict({{"metric", "output_tokens_per_s"}}).value.value();
  const double requests = Predict({{"metric", "requests_per_s"}}).value.value();
  const double each = std::stod(LargeRow({}).at("output_tokens"));
  EXPECT_NEAR(requests * each, tokens, 0.02 * tokens);
}

// Whoever names no engine, or one that was eager in 2023, has that of the part's time.
TEST(ServingRow, WithoutAnEngineHasOneOfItsPartsTime) {
  const auto of = [](const char* engine, const char* part) {
    return Predict({{"engine", engine},
                    {"engine_version", ""},
                    {"accelerator", part},
                    {"metric", "output_tokens_per_s"}});
  };
  for (const char* part : {"mi355x", "b200_sxm", "h200_sxm"}) {
    const double today = of("generic", part).value.value();
    EXPECT_EQ(of("not stated", part).value, today) << part;
    // 128 requests at once, prompts ahead of decoding: no faster than engines of today.
    const double tgi = of("tgi", part).value.value();
    EXPECT_LE(tgi, 1.02 * today) << part;
    EXPECT_GT(tgi, 0.4 * today) << part;
  }
  EXPECT_LT(of("tgi", "a100_sxm_80gb").value.value(), of("generic", "a100_sxm_80gb").value.value());
}

// Of the maker and the kind, never silently another one.
TEST(ServingRow, TakesTheNearestPartOfItsKind) {
  const std::map<std::string, std::string> nearest = {
      {"groq", "groq_lpu_v1"}, {"w7900", "a6000"},        {"rx_7900_xtx", "rtx_3090"},
      {"ryzen_ai_9", "gb10"},  {"b200_sxm6", "b200_sxm"}, {"mi308x", "mi300x"}};
  for (const auto& [name, part] : nearest) {
    EXPECT_THAT(Predict({{"accelerator", name}}).reason,
                HasSubstr("no part \"" + name + "\": as " + part))
        << name;
  }
  EXPECT_THAT(Predict({{"accelerator", "trainium2"}}).reason, ::testing::Not(HasSubstr("h100")));
}

TEST(ServingRow, IsListedWithItsReasonWhenItMakesNoSense) {
  EXPECT_THAT(Predict({{"metric", "joy"}}).reason, HasSubstr("the metric \"joy\" is not known"));
  EXPECT_THAT(Predict({{"layers", ""}}).reason, HasSubstr("do not make a transformer"));
  EXPECT_THAT(Predict({{"load_kind", "concurrency"}, {"load_value", ""}}).reason,
              HasSubstr("the load \"concurrency\""));
  EXPECT_THAT(Predict({{"output_tokens", ""}}).reason, HasSubstr("lengths"));
  EXPECT_THAT(Predict({{"accelerators", "1"}}).reason, HasSubstr("more than 1 accelerators"));
}

TEST(ServingRow, IsRefusedWhenItsWeightsDoNotFit) {
  const ServingPrediction big =
      Predict({{"weights_precision", "bf16"}, {"tp", "1"}, {"accelerators", "1"}});
  EXPECT_TRUE(big.refused);
  EXPECT_THAT(big.reason, HasSubstr("no room for a KV cache"));
}

TEST(ServingRow, IsSlowerOnALinkThatIsCut) {
  EXPECT_GT(Predict({{"accelerator", "h800_sxm"}}).value.value(), Predict({}).value.value());
}

// gb200 is like b200_sxm, whose small kernels are an estimate and whose HBM is not.
TEST(ServingCatalogue, TakesOverTheEstimatesOfTheEntryThatAnotherIsLike) {
  const auto estimates = ShippedServingCatalogue().estimates;
  EXPECT_EQ(estimates.count("b200_sxm.kernel_us"), 1U);
  EXPECT_EQ(estimates.count("gb200.kernel_us"), 1U);
  EXPECT_EQ(estimates.count("gb200.hbm_efficiency"), 0U);
  // The A100's kernels of latent caches are an estimate, the H100's are measured.
  EXPECT_EQ(estimates.count("a100_sxm_40gb.latent_efficiency"), 1U);
  EXPECT_EQ(estimates.count("h100_sxm.latent_efficiency"), 0U);
  EXPECT_EQ(estimates.count("h200_sxm.latent_efficiency"), 0U);
}

// The machine of a part is the catalogue's, by any of its names.
TEST(ServingCatalogue, TakesMachinesFromTheCatalogue) {
  const ServingCatalogue catalogue = ShippedServingCatalogue();
  const InferencePart* const gaudi = catalogue.FindPart("gaudi_2");
  ASSERT_NE(gaudi, nullptr);
  EXPECT_EQ(gaudi, catalogue.FindPart("gaudi2"));
  EXPECT_DOUBLE_EQ(catalogue.FindPart("gb200")->domain, 72);
  EXPECT_DOUBLE_EQ(catalogue.FindPart("h800_sxm")->link_bandwidth, 200e9);
  EXPECT_DOUBLE_EQ(catalogue.FindPart("h200_sxm")->hbm_bandwidth, 4.8e12);
  EXPECT_GT(catalogue.FindPart("h100_sxm")->inside.in_switch_efficiency, 0.5);
}

// 24 links of a Gaudi 3: three to each of the seven others. An H100 has a switch.
TEST(ServingCatalogue, KnowsWhatFewerMembersCanSend) {
  const ServingCatalogue catalogue = ShippedServingCatalogue();
  const InferencePart& gaudi = *catalogue.FindPart("gaudi3");
  EXPECT_DOUBLE_EQ(RingBandwidth(gaudi, 2), gaudi.link_bandwidth * 3 / 24);
  EXPECT_DOUBLE_EQ(RingBandwidth(gaudi, 8), gaudi.link_bandwidth * 21 / 24);
  const InferencePart& h100 = *catalogue.FindPart("h100_sxm");
  EXPECT_DOUBLE_EQ(RingBandwidth(h100, 2), h100.link_bandwidth);
}

// What was measured of experts is of one part and of those that are the same silicon.
TEST(ServingCatalogue, KeepsMeasuredExpertsToTheirPart) {
  const ServingCatalogue catalogue = ShippedServingCatalogue();
  const auto share = [&catalogue](const char* part, ExpertFormat format) {
    return catalogue.FindPart(part)->experts[static_cast<std::size_t>(format)].efficiency;
  };
  EXPECT_GT(share("h100_sxm", ExpertFormat::kFp8Blocks), 0);
  EXPECT_DOUBLE_EQ(share("h200_sxm", ExpertFormat::kFp8Blocks),
                   share("h100_sxm", ExpertFormat::kFp8Blocks));
  EXPECT_EQ(share("mi300x", ExpertFormat::kBf16), 0);
  EXPECT_EQ(share("h100_sxm", ExpertFormat::kNvfp4), 0);
}

ServingCase CaseOf(const ServingCells& cells) {
  ServingCase row;
  EXPECT_EQ(ReadServingCase(LargeRow(cells), ShippedServingCatalogue(), row), "");
  return row;
}

TEST(ServingRow, ReadsHowItWasRunFromItsNotes) {
  const ServingCells experts = {{"tp", "8"},
                                {"accelerators", "8"},
                                {"experts", "128"},
                                {"top_k", "8"},
                                {"expert_ffn", "1536"}};
  EXPECT_EQ(CaseOf(experts).layout.data, 1);
  ServingCells apart = experts;
  apart["notes"] = "the doc's MoE option file sets enable_attention_dp: true";
  EXPECT_EQ(CaseOf(apart).layout.data, 8);
  EXPECT_EQ(CaseOf(apart).layout.tensor, 1);
  EXPECT_TRUE(CaseOf({{"notes", "only the MLP weights are FP8"}}).layout.narrow_ffn_alone);
  // Nobody streams tokens to an engine's own benchmark.
  EXPECT_GT(CaseOf({{"engine_version", "1.0"}}).engine.stream_time, 0);
  EXPECT_EQ(CaseOf({{"engine_version", "1.0"}, {"source", "NVIDIA TensorRT-LLM guide"}})
                .engine.stream_time,
            0);
}

// Attention in 16 bits beside an FFN in 8 leaves less room, and takes longer.
TEST(IterationCosts, TellAttentionFromTheFeedForwardBlock) {
  const ServingCatalogue catalogue = ShippedServingCatalogue();
  InferenceLayout layout;
  layout.tensor = 8;
  layout.weights = WeightFormat::kFp8;
  const auto costs = [&] {
    return IterationCosts(*catalogue.FindModel("llama-3.1-405b"), *catalogue.FindPart("h200_sxm"),
                          *catalogue.FindEngine("vllm_1"), layout, "");
  };
  const IterationCosts whole = costs();
  layout.narrow_ffn_alone = true;
  const IterationCosts ffn = costs();
  const double attention = 126.0 * 16384 * 128 * (2 * 128 + 2 * 8) / 8;  // one byte more each
  EXPECT_NEAR((ffn.weight_bytes() - whole.weight_bytes()).si(), attention, 1e-3 * attention);
  EXPECT_GT(ffn.Base(1, 1, 1), whole.Base(1, 1, 1));
}

// Caches of layers with a window hold all tokens in engines that do not say how long they are.
TEST(IterationCosts, KeepWindowsWholeWhereTheEngineDoes) {
  const ServingCatalogue catalogue = ShippedServingCatalogue();
  InferenceLayout layout;
  layout.weights = WeightFormat::kMxfp4;
  InferenceEngine engine = *catalogue.FindEngine("vllm_1");
  const auto tokens = [&] {
    return static_cast<double>(IterationCosts(*catalogue.FindModel("gpt-oss-120b"),
                                              *catalogue.FindPart("h200_sxm"), engine, layout, "")
                                   .cache_tokens());
  };
  const double windows = tokens();
  engine.whole_windows = true;
  EXPECT_NEAR(windows / tokens(), 2, 0.02);
}

TEST(ServingCatalogue, FindsTheFamilyOfARelease) {
  const ServingCatalogue catalogue = ShippedServingCatalogue();
  EXPECT_EQ(catalogue.EngineOf("vllm", "0.6.3.post2")->name, "vllm_0");
  EXPECT_EQ(catalogue.EngineOf("vllm", "0.11.0")->name, "vllm_1");
  EXPECT_EQ(catalogue.EngineOf("vllm", "2025-11")->name, "vllm_1");
  EXPECT_EQ(catalogue.EngineOf("trtllm", "0.6.1")->name, "trtllm_session");
  EXPECT_EQ(catalogue.EngineOf("trtllm", "1.0.0rc3")->name, "trtllm_1");
  EXPECT_EQ(catalogue.EngineOf("sglang", "0.4.3.post2")->name, "sglang_04");
  EXPECT_EQ(catalogue.EngineOf("sglang", "0.4.6")->name, "sglang");
  EXPECT_EQ(catalogue.EngineOf("vllm-ascend", "0.9.1")->name, "vllm_ascend");
  EXPECT_EQ(catalogue.EngineOf("vllm-ascend", "0.11.0rc2")->name, "vllm_ascend_graph");
  EXPECT_EQ(catalogue.EngineOf("jetstream", "0.2")->name, "jetstream");
  EXPECT_EQ(catalogue.EngineOf("exllamav2", "0.1")->name, "exllama");
  EXPECT_EQ(catalogue.EngineOf("none", "1"), nullptr);
}

// Printed by engines: a 70B model in BF16 on eight H100 keeps 320 KB of keys and values a token,
// DeepSeek-V3 70 KB (61 layers of 576 values of 16 bits).
TEST(IterationCosts, HoldAsMuchPerTokenAsTheAttentionKeeps) {
  const ServingCatalogue catalogue = ShippedServingCatalogue();
  InferenceLayout layout;
  layout.tensor = 8;
  const InferencePart& part = *catalogue.FindPart("h200_sxm");
  const InferenceEngine& engine = *catalogue.FindEngine("vllm_1");
  const IterationCosts dense(*catalogue.FindModel("llama-3.1-70b"), part, engine, layout, "");
  EXPECT_DOUBLE_EQ(dense.token_bytes().si() * 8, 2.0 * 80 * 8 * 128 * 2);
  layout.weights = WeightFormat::kFp8;
  const IterationCosts latent(*catalogue.FindModel("deepseek-r1"), part, engine, layout, "");
  EXPECT_DOUBLE_EQ(latent.token_bytes().si(), 61.0 * 576 * 2);
  layout.weights = WeightFormat::kBf16;
  // Four KV heads on eight ranks are held twice.
  InferenceModel narrow = *catalogue.FindModel("llama-3.1-70b");
  narrow.kv_heads = 4;
  const IterationCosts copied(narrow, part, engine, layout, "");
  EXPECT_DOUBLE_EQ(copied.token_bytes().si() * 8, 2.0 * 80 * 8 * 128 * 2);
}

// "0: the same" of small parts once became one sequence at a time.
TEST(ServingCatalogue, BatchesOnEveryPart) {
  const ServingCatalogue catalogue = ShippedServingCatalogue();
  for (const ServingEngineEntry& entry : catalogue.engines) {
    for (const InferencePart& part : catalogue.parts) {
      const InferenceEngine engine = EngineOn(part, entry.engine);
      // llama.cpp takes 4 and Ollama one, on every part.
      EXPECT_GE(engine.batch_max, std::min<std::int64_t>(16, entry.engine.batch_max))
          << engine.name << " on " << part.name;
      EXPECT_GE(engine.token_budget, std::min<std::int64_t>(1024, entry.engine.token_budget))
          << engine.name << " on " << part.name;
    }
  }
  const InferenceEngine& sglang = *catalogue.FindEngine("sglang");
  EXPECT_EQ(EngineOn(*catalogue.FindPart("l40s"), sglang).batch_max, sglang.batch_max);
}

TEST(ServingRow, MayNameItsModelAlone) {
  ServingCells name = {{"model", "meta-llama/Llama-3.1-70B-Instruct"}};
  for (const char* column :
       {"layers", "hidden", "heads", "kv_heads", "head_dim", "ffn", "vocab", "attention"}) {
    name[column] = "";
  }
  const ServingPrediction alone = Predict(name);
  ASSERT_TRUE(alone.value) << alone.reason;
  EXPECT_NEAR(*alone.value, Predict({}).value.value(), 1e-9 * *alone.value);
  EXPECT_THAT(alone.reason, HasSubstr("model as llama-3.1-70b of the catalogue"));
  name["model"] = "llama-3.1-71b";
  EXPECT_THAT(Predict(name).reason, HasSubstr("did you mean"));
  name["model"] = "DeepSeek-R1";
  name["weights_precision"] = "";
  EXPECT_THAT(Predict(name).reason, HasSubstr("weights in fp8"));
}

// SGLang's --enable-dp-attention leaves a slice of every expert on each rank, and all ranks' tokens
// meet there: prompts gain little. Whole experts on ranks gain more.
TEST(ServingRow, SlicesExpertsBesideDataParallelAttentionAsItsEngineDoes) {
  const auto of = [](const char* engine, const char* ep, const char* tp, const char* dp) {
    return ServingCells{{"model", "DeepSeek-R1"},
                        {"layers", ""},
                        {"hidden", ""},
                        {"heads", ""},
                        {"engine", engine},
                        {"engine_version", "0.5.2"},
                        {"accelerator", "h200_sxm"},
                        {"accelerators", "8"},
                        {"tp", tp},
                        {"dp_attention", dp},
                        {"ep", ep},
                        {"load_kind", "offline_max"},
                        {"load_value", "500"},
                        {"input_tokens", "4000"},
                        {"metric", "total_tokens_per_s"}};
  };
  EXPECT_FALSE(CaseOf(of("sglang", "", "1", "8")).layout.experts_spread);
  EXPECT_TRUE(CaseOf(of("sglang", "8", "1", "8")).layout.experts_spread);
  EXPECT_TRUE(CaseOf(of("vllm", "", "1", "8")).layout.experts_spread);
  EXPECT_FALSE(CaseOf(of("vllm", "1", "1", "8")).layout.experts_spread);
  const double tensor = Predict(of("sglang", "", "8", "1")).value.value();
  const double sliced = Predict(of("sglang", "", "1", "8")).value.value();
  const double spread = Predict(of("sglang", "8", "1", "8")).value.value();
  ServingCells off = of("sglang", "", "1", "8");
  off["notes"] = "--tp 8 --enable-dp-attention";
  EXPECT_EQ(CaseOf(off).layout.tensor, 8);
  off["notes"] = "--tp 8 --dp-size 8 --enable-dp-attention";
  EXPECT_EQ(CaseOf(off).layout.data, 8);
  EXPECT_LT(sliced / tensor, 1.6);
  EXPECT_GT(spread, sliced);
}

// Four beams are four rows of an iteration behind one prompt; tokens count once.
TEST(ServingRow, SearchesWithBeams) {
  const ServingCells plain = {
      {"metric", "output_tokens_per_s"}, {"load_kind", "offline_max"}, {"load_value", "400"}};
  ServingCells beams = plain;
  beams["notes"] = "beam search of 4";
  EXPECT_EQ(CaseOf(beams).layout.beams, 4);
  const ServingPrediction four = Predict(beams);
  EXPECT_THAT(four.reason, HasSubstr("beam search of 4"));
  EXPECT_LT(*four.value, Predict(plain).value.value());
  EXPECT_GT(*four.value, Predict(plain).value.value() / 4);
  EXPECT_EQ(CaseOf({{"source", "MLPerf Inference v4.1"}, {"model", "GPT-J-6B"}}).layout.beams, 4);
  // The room of a prompt of 1,000 tokens and four answers of 200, over that of one.
  EXPECT_DOUBLE_EQ(CaseOf(beams).layout.beams_room, 1800.0 / 1200);
}

// Prompts are prefilled once, each beam reads its prompt and decodes a row.
TEST(IterationCosts, OfBeamsAreThoseOfAsManySequences) {
  const ServingCatalogue catalogue = ShippedServingCatalogue();
  InferenceLayout layout;
  const auto costs = [&] {
    return IterationCosts(*catalogue.FindModel("llama-3.1-8b"), *catalogue.FindPart("h100_sxm"),
                          *catalogue.FindEngine("vllm_1"), layout, "");
  };
  const IterationCosts one = costs();
  SetBeams(4, 1000, 100, layout);
  const IterationCosts four = costs();
  EXPECT_NEAR(four.Base(16, 16, 16) / one.Base(64, 64, 64), 1, 1e-9);
  EXPECT_NEAR(four.PerRead(16) / one.PerRead(16), 4, 1e-9);
  EXPECT_NEAR(static_cast<double>(one.cache_tokens()) / static_cast<double>(four.cache_tokens()),
              1400.0 / 1100, 1e-3);
}

TEST(ServingRow, ReadsTheLongestRequestThatItsEngineIsSetTo) {
  const ServingCells old = {{"engine", "vllm"}, {"engine_version", "0.6.0"}};
  ServingCells set = old;
  set["notes"] = "--max-model-len 8192";
  EXPECT_EQ(CaseOf(set).model.context, 8192);
  EXPECT_EQ(CaseOf(old).model.context, 0);
}

// AMD's kernels of 2024 read caches once for a group of heads; its entries of MLPerf had them
// first.
TEST(ServingRow, HasTheKernelsOfItsReleaseOnAmdParts) {
  const auto of = [](const char* version, const char* source) {
    return CaseOf({{"engine", "vllm"},
                   {"engine_version", version},
                   {"accelerator", "mi300x"},
                   {"source", source}})
        .engine.name;
  };
  EXPECT_EQ(of("0.5.1", "a blog"), "vllm_0_rocm");
  EXPECT_EQ(of("0.5.1", "MLPerf Inference v4.1"), "vllm_06_rocm");
  EXPECT_EQ(of("0.6.3", "a blog"), "vllm_06_rocm");
  EXPECT_EQ(of("0.9.1", "a blog"), "vllm_1_rocm");
}

// Kernels of DeepSeek-V3 have generations: vLLM of early 2025 took longer for the same work.
TEST(ServingRow, OfEarlyDeepSeekTakesItsFirstKernels) {
  const auto tpot = [](const char* engine, const char* version) {
    return Predict({{"model", "DeepSeek-R1"},
                    {"layers", ""},
                    {"hidden", ""},
                    {"heads", ""},
                    {"engine", engine},
                    {"engine_version", version},
                    {"accelerator", "h200_sxm"},
                    {"accelerators", "8"},
                    {"tp", "8"},
                    {"load_value", "4"}})
        .value.value();
  };
  EXPECT_GT(tpot("vllm", "0.7.3"), 1.3 * tpot("vllm", "0.19.0"));
  EXPECT_GT(tpot("sglang", "0.4.3"), 1.3 * tpot("sglang", "0.5.9"));
}

TEST(ValidateServing, ReportsEveryRowAndPairsAsRatios) {
  const std::string folder = ::testing::TempDir();
  const std::string table = folder + "/serving.csv", pairs = folder + "/pairs.csv";
  const ServingCells a = LargeRow({}), b = LargeRow({{"id", "B"}, {"load_value", "32"}});
  const ServingCells odd = LargeRow({{"id", "C"}, {"value", "fast"}});
  std::ofstream out(table);
  std::string head;
  for (const auto& [column, text] : a) {
    head += (head.empty() ? "" : ",") + column;
  }
  out << head << "\n";
  for (const ServingCells* row : {&a, &b, &odd}) {
    std::string line;
    for (const auto& [column, text] : *row) {
      line += (line.empty() ? "" : ",") + text;
    }
    out << line << "\n";
  }
  out.close();
  std::ofstream(pairs) << "factor,source,id_a,id_b,metric,value_a,value_b,ratio_b_over_a\n"
                          "load,test,A,B,tpot_ms,20,30,1.5\n";
  const MeasuredReport rows = ValidateServing({table}, ShippedServingCatalogue(), {});
  ASSERT_EQ(rows.results.size(), 3U);
  EXPECT_TRUE(rows.results[0].predicted);
  EXPECT_EQ(rows.results[2].status, CaseStatus::kUnsupported);
  EXPECT_THAT(rows.results[2].reason, HasSubstr("no positive number"));
  ServingValidation options;
  options.pairs = pairs;
  const MeasuredReport ratios = ValidateServing({table}, ShippedServingCatalogue(), options);
  ASSERT_EQ(ratios.results.size(), 1U);
  EXPECT_DOUBLE_EQ(*ratios.results[0].predicted,
                   *rows.results[1].predicted / *rows.results[0].predicted);
}

}  // namespace
}  // namespace gridlock
