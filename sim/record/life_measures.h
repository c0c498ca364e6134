#pragma once

// Numbers that follow from one job, site or group of requests of a life. A number that cannot be
// told, because nothing was counted, is NaN.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/record/life_record.h"

namespace gridlock {

/// From submission to the end or to the horizon; zero for a job that was never submitted.
Seconds WallTime(const LifeJob& job, const LifeRecord& record);

/// The sum of where its time went; equal to its wall time.
Seconds SumOfTimes(const LifeJob& job);

/// Productive over wall time (ETTR). Kokolis et al. 2024, arXiv 2410.21680.
double Ettr(const LifeJob& job, const LifeRecord& record);

/// Model FLOP of the steps that count over the peak of all accelerators, while they were held.
double HoldingMfu(const LifeJob& job);

/// The mean time of `count` things that took `time` together.
Seconds Per(Seconds time, std::int64_t count);

/// Energy with PUE, capital and operation, for each million tokens; NaN without tokens.
double UsdPerMillionTokens(const LifeJob& job);

/// Time in steps that count over their number.
Seconds MeanStepTime(const LifeJob& job);

/// Accelerator-time in steps that count, and serving, over all accelerators and the whole horizon.
double Goodput(const LifeRecord& record);

/// Of all runs and experiments, in steps that count.
double TokensTrained(const LifeRecord& record);

/// Mean time in the queue of experiments that started; NaN without any.
Seconds MeanWaitOfExperiments(const LifeRecord& record);

/// Of all sites, with PUE.
Joules EnergyOfSites(const LifeRecord& record);

/// Of all sites: energy with PUE, and what accelerators were written off by.
double CostOfSites(const LifeRecord& record);

/// The name of element `number` of an axis of the record, "job" or "site"; "" for -1.
std::string NameAlong(const LifeRecord& record, std::string_view axis, std::int32_t number);

/// 16 hexadecimal digits.
std::string LifeFingerprintText(const LifeRecord& record);

/// "FLEET/GROUP".
std::string NameOfGroup(const LifeRequests& group);

/// Mean of a series over the part [from, to] of the horizon; values that are NaN are left out.
double MeanBetween(const LifeRecord& record, const std::vector<double>& series, Seconds from,
                   Seconds to);

/// Mean of a series over the horizon.
double MeanOf(const LifeRecord& record, const std::vector<double>& series);

/// Energy with PUE over the horizon.
Watts MeanPower(const LifeSite& site, const LifeRecord& record);

/// An interval counts as at the cap when its mean power has this share of the cap or more.
inline constexpr double kAtCap = 0.98;

/// 1 in intervals at the power cap, 0 in others, NaN in those without a cap.
std::vector<double> AtCap(const LifeSite& site);

/// Share of the capped time in which the power is at the cap.
double AtCapShare(const LifeSite& site, const LifeRecord& record);

}  // namespace gridlock
