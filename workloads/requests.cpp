#include "workloads/requests.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "sim/base/check.h"

namespace gridlock {

namespace {

// The 90th percentile of the standard normal distribution.
constexpr double kNormalP90 = 1.2815515655446004;

}  // namespace

AdapterChoice::AdapterChoice(const AskedAdapters& asked) {
  double sum = 0;
  for (int n = 1; n <= asked.count; ++n) {
    sum += std::pow(n, -asked.skew);
    up_to_.push_back(sum);
  }
}

std::int32_t AdapterChoice::At(double u) const {
  if (up_to_.empty()) {
    return -1;
  }
  const auto found = std::upper_bound(up_to_.begin(), up_to_.end() - 1, u * up_to_.back());
  return static_cast<std::int32_t>(found - up_to_.begin());
}

RequestStream::RequestStream(const ServingSpec& fleet, const std::string& fleet_name,
                             std::uint64_t seed)
    : shape_{1.0, fleet.arrivals.swing, fleet.arrivals.peak},
      peak_shape_(1.0 + fleet.arrivals.swing),
      adapter_choice_(fleet.asked_adapters),
      arrivals_(seed, "serving/" + fleet_name + "/arrivals"),
      groups_(seed, "serving/" + fleet_name + "/groups"),
      prompts_(seed, "serving/" + fleet_name + "/prompts"),
      outputs_(seed, "serving/" + fleet_name + "/outputs"),
      routes_(seed, "serving/" + fleet_name + "/routes"),
      adapters_(seed, "serving/" + fleet_name + "/adapters") {
  CHECK(fleet.replicas > 0 && fleet.replicas_simulated > 0 && !fleet.groups.empty());
  const double simulated = static_cast<double>(fleet.replicas_simulated) / fleet.replicas;
  peak_rate_ = fleet.arrivals.requests_per_second * simulated * peak_shape_;
  CHECK(peak_rate_ > 0);
  double share = 0;
  for (const RequestGroupSpec& group : fleet.groups) {
    share += group.share;
    groups_of_fleet_.push_back(
        {share, LengthsOf(group.prompt), LengthsOf(group.output), group.images.prompt_tokens()});
  }
}

Request RequestStream::Next() {
  NextArrival();
  Request request;
  request.arrival = clock_;
  request.route = routes_.Uniform();
  const double u = groups_.Uniform() * groups_of_fleet_.back().share_up_to;
  const auto group = std::upper_bound(groups_of_fleet_.begin(), groups_of_fleet_.end() - 1, u,
                                      [](double x, const Group& g) {
                                        return x < g.share_up_to;
                                      });
  request.group = static_cast<std::int32_t>(group - groups_of_fleet_.begin());
  request.prompt_tokens = Draw(group->prompt, prompts_) + group->image_tokens;
  request.output_tokens = Draw(group->output, outputs_);
  request.adapter = adapter_choice_.At(adapters_.Uniform());
  return request;
}

double RequestStream::RateAt(const ArrivalSpec& arrivals, Seconds at) {
  const double phase = 2 * std::numbers::pi * (at - arrivals.peak).si() / kSecondsPerDay;
  return arrivals.requests_per_second * (1.0 + arrivals.swing * std::cos(phase));
}

RequestStream::Lengths RequestStream::LengthsOf(const LengthSpec& spec) {
  CHECK(spec.median >= 1 && spec.p90 >= spec.median && spec.max >= 1);
  return {std::log(spec.median), std::log(spec.p90 / spec.median) / kNormalP90, spec.max};
}

std::int64_t RequestStream::Draw(const Lengths& lengths, Random& random) {
  const double tokens = std::round(random.LogNormal(lengths.mu, lengths.sigma));
  return static_cast<std::int64_t>(std::clamp(tokens, 1.0, static_cast<double>(lengths.max)));
}

void RequestStream::NextArrival() {
  do {
    clock_ += Seconds(arrivals_.Exponential(1 / peak_rate_));
  } while (arrivals_.Uniform() * peak_shape_ >= RateAt(shape_, clock_));
}

double MeanOf(const LengthSpec& lengths) {
  const double mu = std::log(lengths.median);
  const double sigma = std::log(lengths.p90 / lengths.median) / kNormalP90;
  const double most = static_cast<double>(lengths.max);
  if (sigma <= 0) {
    return std::min(lengths.median, most);
  }
  const auto below = [](double z) {
    return 0.5 * std::erfc(-z / std::numbers::sqrt2);
  };
  const double cut = (std::log(most) - mu) / sigma;
  return std::exp(mu + 0.5 * sigma * sigma) * below(cut - sigma) + most * (1 - below(cut));
}

}  // namespace gridlock
