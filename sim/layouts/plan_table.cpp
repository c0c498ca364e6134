#include "sim/layouts/plan_table.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sim/record/step_measures.h"
#include "sim/report/json.h"
#include "sim/report/layout.h"
#include "workloads/adapters.h"
#include "workloads/schedule.h"

namespace gridlock {

namespace {

constexpr double kJoulesPerMegawattHour = 3.6e9;

bool AnyExperts(const LayoutPlan& plan) {
  return plan.proposals.front().layout.choice.expert_tensor > 0;
}

// A column of the table: a header and a cell per proposal.
struct TextColumn {
  std::string head;
  std::vector<std::string> cells;
};

std::string Laid(const std::vector<TextColumn>& columns) {
  std::string text;
  const std::size_t rows = columns.front().cells.size();
  for (std::size_t row = 0; row <= rows; ++row) {
    std::string line;
    for (const TextColumn& column : columns) {
      std::size_t width = column.head.size();
      for (const std::string& cell : column.cells) {
        width = std::max(width, cell.size());
      }
      const std::string& cell = row == 0 ? column.head : column.cells[row - 1];
      line += line.empty() ? "" : "  ";
      line += fmt::format("{:>{}}", cell, width);
    }
    text += line + "\n";
  }
  return text;
}

std::string ZeroAndMore(const LayoutChoice& choice) {
  std::string words = fmt::format("{}", choice.zero);
  words += choice.shard_group > 0 ? fmt::format("/{}", choice.shard_group) : "";
  words += choice.base > 0 ? std::string(" ") + FrozenFormatName(choice.base - 1) : "";
  return words + (choice.offload != 0 ? " +host" : "");
}

std::string OrderOf(const LayoutChoice& choice) {
  return static_cast<RankOrder>(choice.rank_order) == RankOrder::kTensorPipelineData ? "tp-pp-dp"
                                                                                     : "tp-dp-pp";
}

const char* ScheduleName(const LayoutChoice& choice) {
  return NamesOf(static_cast<Schedule>(choice.schedule)).words;
}

class TableOf {
 public:
  explicit TableOf(const LayoutPlan& plan) : plan_(plan) {}

  std::string Text() && {
    int place = 0;
    Add("#", [&](const Proposal& p) {
      return fmt::format("{}{}", ++place, p.own ? "*" : "");
    });
    AddSizes();
    AddStep();
    AddRun();
    return Laid(columns_);
  }

 private:
  template <typename F>
  void Add(const char* head, const F& cell) {
    TextColumn column{head, {}};
    for (const Proposal& proposal : plan_.proposals) {
      column.cells.push_back(cell(proposal));
    }
    columns_.push_back(std::move(column));
  }

  template <typename F>
  void AddNumber(const char* head, std::int64_t usual, const F& value) {
    const bool shown =
        std::any_of(plan_.proposals.begin(), plan_.proposals.end(), [&](const Proposal& p) {
          return value(p) != usual;
        });
    if (shown) {
      Add(head, [&](const Proposal& p) {
        return std::to_string(value(p));
      });
    }
  }

  void AddSizes() {
    using C = const Proposal&;
    const std::int64_t first = plan_.proposals.front().step.accelerators;
    AddNumber("accelerators", first, [](C p) {
      return p.step.accelerators;
    });
    AddNumber("TP", 0, [](C p) {
      return p.layout.choice.tensor;
    });
    AddNumber("CP", 1, [](C p) {
      return p.layout.choice.context;
    });
    AddNumber("PP", 0, [](C p) {
      return p.layout.choice.pipeline;
    });
    AddNumber("chunks", 1, [](C p) {
      return p.layout.choice.virtual_pipeline;
    });
    AddNumber("DP", 0, [](C p) {
      return p.layout.choice.data;
    });
    if (AnyExperts(plan_)) {
      AddNumber("EP", 0, [](C p) {
        return p.layout.choice.expert;
      });
      AddNumber("ETP", 1, [](C p) {
        return p.layout.choice.expert_tensor;
      });
    }
    AddNumber("mb", 0, [](C p) {
      return p.layout.choice.micro_batch;
    });
    Add("ZeRO", [](C p) {
      return ZeroAndMore(p.layout.choice);
    });
    AddNumber("of domain", 0, [](C p) {
      return p.layout.choice.domain_ranks;
    });
    Add("recompute", [](C p) {
      return std::string(RecomputeName(p.layout.choice));
    });
    Add("order", [](C p) {
      return OrderOf(p.layout.choice);
    });
  }

  void AddStep() {
    using C = const Proposal&;
    Add("HBM GB", [](C p) {
      return fmt::format("{:.1f}", p.peak().si() / 1e9);
    });
    Add("free", [](C p) {
      return fmt::format("{:.0f} %", 100 * (1 - p.peak() / p.room()));
    });
    Add("step s", [](C p) {
      return fmt::format("{:.4g}", p.step.step_time.si());
    });
    Add("MFU", [](C p) {
      return fmt::format("{:.1f} %", 100 * p.step.mfu());
    });
    Add("binds", [](C p) {
      return fmt::format("{} {:.0f} %", NameOfBindingWall(p.step),
                         100 * ShareOfBindingWall(p.step));
    });
    Add("MW", [](C p) {
      return fmt::format("{:.3g}", p.run.power_w / 1e6);
    });
  }

  void AddRun() {
    using C = const Proposal&;
    if (plan_.tokens > 0) {
      Add("days", [](C p) {
        return fmt::format("{:.3g}", p.run.days);
      });
      Add("MWh", [](C p) {
        return fmt::format("{:.3g}", p.run.energy_j / kJoulesPerMegawattHour);
      });
    }
    if (plan_.proposals.front().run.dollars) {
      Add("M USD", [](C p) {
        return fmt::format("{:.3g}", p.run.dollars.value_or(0) / 1e6);
      });
    }
    const std::int64_t first = plan_.proposals.front().step.accelerators;
    if (std::any_of(plan_.proposals.begin(), plan_.proposals.end(), [&](C p) {
          return p.step.accelerators != first;
        })) {
      Add("front", [](C p) {
        return std::string(p.on_front ? "yes" : "");
      });
    }
  }

  const LayoutPlan& plan_;
  std::vector<TextColumn> columns_;
};

std::string CountsText(const SearchCounts& counts) {
  std::string text = fmt::format(
      "{} layouts checked, {} fit HBM, {} evaluated whole; the others cannot beat these\n",
      Grouped(static_cast<double>(counts.checked)), Grouped(static_cast<double>(counts.fitting)),
      Grouped(static_cast<double>(counts.evaluated)));
  for (int r = 0; r < kRefusals; ++r) {
    if (counts.refused[r] > 0) {
      text += fmt::format("refused {:>11}: {}\n", Grouped(static_cast<double>(counts.refused[r])),
                          RefusedInWords(static_cast<Refused>(r)));
    }
  }
  return text;
}

// Of a frozen base, where several formats were tried.
const char* BaseOf(const LayoutChoice& choice) {
  return choice.base > 0 ? FrozenFormatName(choice.base - 1) : "";
}

void WriteChoice(const LayoutChoice& choice, JsonWriter& json) {
  json.Key("layout");
  json.BeginObject();
  json.Member("tensor", choice.tensor);
  json.Member("context", choice.context);
  json.Member("pipeline", choice.pipeline);
  json.Member("virtual_pipeline", choice.virtual_pipeline);
  json.Member("data", choice.data);
  json.Member("expert", choice.expert);
  json.Member("expert_tensor", choice.expert_tensor);
  json.Member("micro_batch", choice.micro_batch);
  json.Member("zero", choice.zero);
  json.Member("recompute", RecomputeName(choice));
  json.Member("offload_activations", choice.offload != 0);
  json.Member("embedding_as_layer", choice.embedding_as_layer != 0);
  json.Member("uneven_layers", choice.uneven_layers != 0);
  json.Member("rank_order", OrderOf(choice));
  json.Member("schedule", ScheduleName(choice));
  json.Member("shard_group", choice.shard_group);
  json.Member("base", BaseOf(choice));
  json.Member("domain_ranks", choice.domain_ranks);
  json.Member("exchanges_heads", choice.exchanges_heads != 0);
  json.EndObject();
}

void WriteProposal(const Proposal& proposal, bool tokens, JsonWriter& json) {
  const StepRecord& step = proposal.step;
  json.BeginObject();
  json.Member("accelerators", step.accelerators);
  WriteChoice(proposal.layout.choice, json);
  json.Member("own_layout", proposal.own);
  json.Member("fidelity", step.fidelity);
  json.Member("step_time_s", step.step_time.si());
  json.Member("analytic_step_time_s", proposal.layout.analytic);
  json.Member("mfu", step.mfu());
  json.Member("tokens_per_s", TokensPerSecond(step));
  json.Member("peak_hbm_bytes", proposal.peak().si());
  json.Member("hbm_bytes", proposal.room().si());
  json.Member("binding_wall", NameOfBindingWall(step));
  json.Member("binding_wall_share", ShareOfBindingWall(step));
  json.Member("mean_power_w", proposal.run.power_w);
  if (tokens) {
    json.Member("days", proposal.run.days);
    json.Member("energy_j", proposal.run.energy_j);
    json.Member("accelerator_hours", proposal.run.accelerator_hours);
  }
  if (proposal.run.dollars) {
    json.Member("usd", *proposal.run.dollars);
  }
  json.Member("on_front", proposal.on_front);
  json.Key("attribution_s");
  json.BeginObject();
  for (const Attribution& part : Walls(step)) {
    json.Member(part.resource, part.time.si());
  }
  json.EndObject();
  json.EndObject();
}

}  // namespace

PlanHead HeadOf(const Scenario& scenario) {
  const TrainingSpec& job = scenario.training();
  PlanHead head;
  head.scenario = scenario.name;
  head.model = job.model.name;
  head.stack = job.stack.name;
  head.accelerator = scenario.site().server.accelerator.name;
  head.global_batch = job.global_batch;
  head.sequence_length = job.sequence_length;
  return head;
}

std::string WhyItLost(const StepRecord& winner, const StepRecord& loser) {
  std::string text = fmt::format("{} slower", FormatSeconds(loser.step_time - winner.step_time));
  const std::vector<Attribution> parts = Differences(winner, loser);
  std::string list;
  for (const Attribution& part : parts) {
    const double seconds = part.time.si();
    list += fmt::format("{}{} {} of {}", list.empty() ? ": " : ", ",
                        FormatSeconds(Seconds(std::abs(seconds))), seconds > 0 ? "more" : "less",
                        part.words.empty() ? part.resource : part.words);
  }
  return text + list;
}

std::string PlanText(const PlanHead& head, const LayoutPlan& plan, bool explain) {
  std::string text = fmt::format(
      "{} on {} {}, stack {}, {} sequences of {} tokens = {:.3g} M tokens a step\n", head.model,
      Grouped(static_cast<double>(plan.proposals.front().step.accelerators)), head.accelerator,
      head.stack, Grouped(static_cast<double>(head.global_batch)),
      Grouped(static_cast<double>(head.sequence_length)),
      static_cast<double>(head.global_batch) * static_cast<double>(head.sequence_length) / 1e6);
  for (const std::string& note : head.notes) {
    text += Wrapped("note: ", note, 6);
  }
  text += "\n" + TableOf(plan).Text() + "\n";
  const bool simulated = plan.proposals.front().simulated;
  text += simulated ? "times with contention, each best variant of its split\n"
                    : "times in closed form, without contention\n";
  if (plan.own_fits) {
    const ScoredLayout& best = plan.proposals.front().layout;
    text += fmt::format(
        "the scenario's own layout{}: {:.4g} s in closed form, {:.4g} s for the first\n",
        plan.proposals.front().own ? " is the first" : "", plan.own_analytic_s, best.analytic);
  }
  for (std::size_t i = 1; explain && i < plan.proposals.size(); ++i) {
    text += Wrapped(fmt::format("#{} against #{}: ", i + 1, i),
                    WhyItLost(plan.proposals[i - 1].step, plan.proposals[i].step), 4);
  }
  text += CountsText(plan.counts);
  for (const std::string& note : plan.notes) {
    text += Wrapped("", note, 2);
  }
  return text;
}

std::string PlanCsv(const LayoutPlan& plan) {
  std::string text =
      "rank,accelerators,tensor,context,pipeline,virtual_pipeline,data,expert,expert_tensor,"
      "micro_batch,zero,recompute,offload_activations,embedding_as_layer,uneven_layers,rank_order,"
      "peak_hbm_bytes,hbm_bytes,step_time_s,analytic_step_time_s,mfu,binding_wall,"
      "binding_wall_share,mean_power_w,days,energy_j,usd,on_front,schedule,shard_group,base,"
      "domain_ranks,exchanges_heads\n";
  int rank = 0;
  for (const Proposal& p : plan.proposals) {
    const LayoutChoice& c = p.layout.choice;
    const bool budget = plan.tokens > 0;
    text += fmt::format(
        "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},"
        "{},{},{},{},{}\n",
        ++rank, p.step.accelerators, c.tensor, c.context, c.pipeline, c.virtual_pipeline, c.data,
        c.expert, c.expert_tensor, c.micro_batch, c.zero, RecomputeName(c), c.offload,
        c.embedding_as_layer, c.uneven_layers, OrderOf(c), p.peak().si(), p.room().si(),
        p.step.step_time.si(), p.layout.analytic, p.step.mfu(), NameOfBindingWall(p.step),
        ShareOfBindingWall(p.step), p.run.power_w, budget ? fmt::format("{}", p.run.days) : "",
        budget ? fmt::format("{}", p.run.energy_j) : "",
        p.run.dollars ? fmt::format("{}", *p.run.dollars) : "", p.on_front ? 1 : 0, ScheduleName(c),
        c.shard_group, BaseOf(c), c.domain_ranks, c.exchanges_heads);
  }
  return text;
}

std::string PlanJson(const PlanHead& head, const LayoutPlan& plan) {
  JsonWriter json;
  json.BeginObject();
  json.Member("scenario_name", head.scenario);
  json.Member("model", head.model);
  json.Member("stack", head.stack);
  json.Member("accelerator", head.accelerator);
  json.Member("global_batch", head.global_batch);
  json.Member("sequence_length", head.sequence_length);
  json.Member("tokens", plan.tokens);
  json.Key("notes");
  json.BeginArray();
  for (const std::vector<std::string>* const notes : {&head.notes, &plan.notes}) {
    for (const std::string& note : *notes) {
      json.Value(note);
    }
  }
  json.EndArray();
  json.Key("proposals");
  json.BeginArray();
  for (const Proposal& proposal : plan.proposals) {
    WriteProposal(proposal, plan.tokens > 0, json);
  }
  json.EndArray();
  if (plan.own_fits) {
    json.Member("own_analytic_step_time_s", plan.own_analytic_s);
  }
  json.Member("layouts_checked", plan.counts.checked);
  json.Member("layouts_fitting", plan.counts.fitting);
  json.Member("layouts_evaluated", plan.counts.evaluated);
  json.Member("checking_s", plan.counts.checking_s);
  json.Member("evaluating_s", plan.counts.evaluating_s);
  json.Key("refused");
  json.BeginObject();
  for (int r = 0; r < kRefusals; ++r) {
    json.Member(RefusedName(static_cast<Refused>(r)), plan.counts.refused[r]);
  }
  json.EndObject();
  json.EndObject();
  return json.Finish();
}

std::string SoFar(const std::vector<ScoredLayout>& best) {
  std::string text = best.empty() ? "" : "\nbest so far, without contention:\n";
  for (const ScoredLayout& layout : best) {
    text += fmt::format("{:>12}  {}\n", FormatSeconds(Seconds(layout.analytic)),
                        ChoiceInWords(layout.choice));
  }
  return text;
}

}  // namespace gridlock
