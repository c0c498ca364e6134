#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "sim/base/units.h"
#include "sim/pages/confirmation.h"
#include "sim/pages/explain.h"
#include "sim/pages/scenario_fields.h"
#include "sim/report/layout.h"

namespace gridlock {
namespace {

struct Part {
  std::string name;
  double seconds = 0;
};

/// Parts of a row, the largest first.
std::vector<Part> PartsOf(const Dataset& step, const std::string& variable, const std::string& axis,
                          std::size_t row) {
  const std::size_t count = step.Length(axis);
  std::vector<Part> parts;
  for (std::size_t i = 0; i < count; ++i) {
    const double seconds = step.At(variable, row * count + i);
    if (seconds > 0) {
      parts.push_back({step.TextAt(axis, i), seconds});
    }
  }
  std::stable_sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
    return a.seconds > b.seconds;
  });
  return parts;
}

/// What an accelerator does in an activity; the name where none is known.
std::string ActivityWords(const std::string& activity) {
  static constexpr std::pair<const char*, const char*> kWords[] = {
      {"compute", "kernels that the matrix units pace"},
      {"memory_bound", "kernels that HBM paces"},
      {"tensor_comm", "exposed messages inside model-parallel groups"},
      {"pipeline_wait", "waiting for other stages or their messages"},
      {"data_comm", "exposed collectives over replicas"},
      {"expert_comm", "exposed all-to-alls of experts"},
      {"launch", "waiting for the host: launches, or its optimizer"},
      {"overhead", "fixed time of the training framework"},
      {"idle", "waiting for the slowest to end"}};
  const auto* const found = std::find_if(std::begin(kWords), std::end(kWords), [&](const auto& w) {
    return activity == w.first;
  });
  return found == std::end(kWords) ? activity : found->second;
}

Explanation WallPart(const Dataset& step, std::size_t row) {
  Explanation part{"Which wall", {}};
  const double time = step.At("step_time", row);
  for (const Part& wall : PartsOf(step, "attribution", "attribution_resource", row)) {
    if (wall.seconds / time >= 0.01) {
      part.lines.push_back(fmt::format("{:>6}  {}: {} of the {} of the critical path",
                                       Percent(wall.seconds / time), ResourceInWords(wall.name),
                                       InSeconds(wall.seconds), InSeconds(time)));
    }
  }
  part.lines.emplace_back(
      "The critical path is the chain of work and messages that ends last; what paces a part of it "
      "would shorten the step if it were faster.");
  return part;
}

Explanation MfuPart(const Dataset& step, std::size_t row) {
  const double model = step.At("model_flop", row), hardware = step.At("hardware_flop", row);
  const double peak = step.At("peak_flop_rate", row), time = step.At("step_time", row);
  Explanation part{"How much of the peak is used", {}};
  part.lines.push_back(
      fmt::format("  MFU = model FLOP / (peak x step time) = {:.4g} / ({:.4g}/s x {}) "
                  "= {}",
                  model, peak, InSeconds(time), Percent(model / (peak * time))));
  if (hardware > model) {
    part.lines.push_back(fmt::format(
        "  HFU = {:.4g} / ({:.4g}/s x {}) = {}: recomputation adds {} of the FLOP", hardware, peak,
        InSeconds(time), Percent(hardware / (peak * time)), Percent((hardware - model) / model)));
  }
  const std::vector<Part> activities = PartsOf(step, "breakdown", "activity", row);
  for (const Part& activity : activities) {
    if (activity.name == "compute" && activity.seconds > 0) {
      part.lines.push_back(fmt::format(
          "  While the matrix units pace ({} of the step), they run at about {} / {} = {} of their "
          "peak: kernels of these shapes reach no more (gemm, attention_efficiency), and under "
          "load "
          "the clock is lower (sustained_clock). gridlock catalog show PART has these numbers.",
          Percent(activity.seconds / time), Percent(hardware / (peak * time)),
          Percent(activity.seconds / time), Percent(hardware / (peak * activity.seconds))));
    }
  }
  for (const Part& activity : activities) {
    if (activity.seconds / time >= 0.01) {
      part.lines.push_back(fmt::format("{:>6}  {}: {}", Percent(activity.seconds / time),
                                       activity.name, ActivityWords(activity.name)));
    }
  }
  return part;
}

/// The idle time that a pipeline must have, and what was simulated.
Explanation BubblePart(const Dataset& step, std::size_t row) {
  const auto fields = FieldsOfText(step.Attribute("scenario"));
  const double stages = NumberEndingIn(fields, "layout.pipeline", 1);
  const double chunks = NumberEndingIn(fields, "layout.virtual_pipeline", 1);
  const double batch = NumberEndingIn(fields, ".global_batch", 0);
  const double data = NumberEndingIn(fields, "layout.data", 1);
  const double micro = NumberEndingIn(fields, ".micro_batch", 1);
  const double count = batch / data / micro;
  Explanation part{"The pipeline", {}};
  if (stages <= 1 || count <= 0) {
    return part;
  }
  part.lines.push_back(fmt::format(
      "  bubble / work = (p - 1) / (v m) = ({:g} - 1) / ({:g} x {:g}) = {} of the work of a stage",
      stages, chunks, count, Percent((stages - 1) / (chunks * count))));
  part.lines.push_back(fmt::format(
      "  m = global batch / (data x micro-batch) = {:g} / ({:g} x {:g}) = {:g} micro-batches",
      batch, data, micro, count));
  double waits = 0;
  for (const Part& activity : PartsOf(step, "breakdown", "activity", row)) {
    waits += activity.name == "pipeline_wait" || activity.name == "idle" ? activity.seconds : 0;
  }
  part.lines.push_back(
      fmt::format("Simulated: an accelerator waits {} of the {} for other stages, with the "
                  "messages between them "
                  "and uneven stages.",
                  InSeconds(waits), InSeconds(step.At("step_time", row))));
  return part;
}

/// A number per resource of a row.
double OfResource(const Dataset& step, const std::string& variable, const std::string& resource,
                  std::size_t row) {
  const std::size_t count = step.Length("resource");
  for (std::size_t i = 0; i < count; ++i) {
    if (step.TextAt("resource", i) == resource) {
      return step.At(variable, row * count + i);
    }
  }
  return std::nan("");
}

Explanation RooflinePart(const Dataset& step, std::size_t row) {
  Explanation part{"The roofline", {}};
  const std::size_t count = step.Length("operation");
  const double peak = OfResource(step, "resource_capacity", "compute", row);
  const double hbm = OfResource(step, "resource_capacity", "hbm", row);
  if (count == 0 || !(peak > 0) || !(hbm > 0)) {
    return part;
  }
  part.lines.push_back(fmt::format(
      "  ridge = peak / HBM bandwidth = {:.4g} FLOP/s / {:.4g} byte/s = {:.0f} FLOP/byte", peak,
      hbm, peak / hbm));
  part.lines.emplace_back(
      "A kernel above the ridge can keep the matrix units busy; one below it waits for HBM.");
  std::vector<Part> kernels;
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < count; ++i) {
    order.push_back(row * count + i);
  }
  const auto seconds = [&](std::size_t i) {
    const double all = step.At("operation_calls", i) * step.At("operation_time", i);
    return std::isfinite(all) ? all : 0.0;
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return seconds(a) > seconds(b);
  });
  for (std::size_t k = 0; k < std::min<std::size_t>(5, count); ++k) {
    const std::size_t i = order[k];
    const double intensity = step.At("operation_flop", i) / step.At("operation_hbm", i);
    part.lines.push_back(
        fmt::format("  {:<28} {:>10.4g} FLOP / {:>9.4g} byte = {:>7.1f} FLOP/byte, {} a step",
                    step.TextAt("operation", i - row * count), step.At("operation_flop", i),
                    step.At("operation_hbm", i), intensity, InSeconds(seconds(i))));
  }
  return part;
}

Explanation MovePart(const Dataset& step, std::size_t row) {
  Explanation part{"What would move it", {}};
  const double time = step.At("step_time", row);
  const std::vector<Part> walls = PartsOf(step, "attribution", "attribution_resource", row);
  for (std::size_t i = 0; i < std::min<std::size_t>(3, walls.size()); ++i) {
    const double saved = walls[i].seconds * (1 - 1 / 1.1);
    part.lines.push_back(
        fmt::format("  10 % more of {}: at most {} x (1 - 1/1.1) = {}, {} of the step",
                    ResourceInWords(walls[i].name), InSeconds(walls[i].seconds), InSeconds(saved),
                    Percent(saved / time)));
  }
  part.lines.emplace_back(
      "It is at most that, because behind a wall that moves stands the next one. Simulate it:");
  for (std::size_t i = 0; i < std::min<std::size_t>(3, walls.size()); ++i) {
    const std::string knob = LinkOfWall(walls[i].name);
    if (!knob.empty()) {
      part.lines.push_back(fmt::format("  gridlock cap SCENARIO --link {} --values 90%,50%", knob));
    }
  }
  if (NumberEndingIn(FieldsOfText(step.Attribute("scenario")), "layout.pipeline", 1) > 1) {
    part.lines.emplace_back(
        "  gridlock run SCENARIO --set job.pretraining.global_batch=N  (more micro-batches, less "
        "bubble)");
  }
  return part;
}

}  // namespace

std::string VerdictOfStep(const Dataset& step, std::size_t row) {
  const double time = step.At("step_time", row);
  const std::vector<Part> walls = PartsOf(step, "attribution", "attribution_resource", row);
  const std::vector<Part> activities = PartsOf(step, "breakdown", "activity", row);
  std::string text =
      fmt::format("A step takes {} at an MFU of {}", InSeconds(time), Percent(step.At("mfu", row)));
  if (!walls.empty()) {
    text += fmt::format("; {} set the pace of {} of it", ResourceInWords(walls[0].name),
                        Percent(walls[0].seconds / time));
    text += walls.size() > 1 ? fmt::format(", {} of {}", ResourceInWords(walls[1].name),
                                           Percent(walls[1].seconds / time))
                             : "";
  }
  for (const Part& activity : activities) {
    if (activity.name != "compute") {
      text += fmt::format(". Beside arithmetic, most time of an accelerator goes to {} ({})",
                          ActivityWords(activity.name), Percent(activity.seconds / time));
      break;
    }
  }
  return text + ".";
}

std::vector<Explanation> ExplainStep(const Dataset& step, std::size_t row) {
  return {WallPart(step, row), MfuPart(step, row), BubblePart(step, row), RooflinePart(step, row),
          MovePart(step, row)};
}

}  // namespace gridlock
