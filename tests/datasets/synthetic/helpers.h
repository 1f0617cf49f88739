#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "datasets/synthetic/synthetic.h"

namespace plastometer::synthetic {

using Ids = std::vector<int32_t>;

inline std::unique_ptr<SyntheticTask> Task(const std::string& name,
                                           const std::string& parameters = "{}",
                                           uint64_t seed = 1) {
  return MakeSyntheticTask(name, nlohmann::json::parse(parameters), seed);
}

inline double Sum(const std::vector<double>& v) {
  return std::accumulate(v.begin(), v.end(), 0.0);
}

// Sum of the floors of `ids`, which the agent sees for the first time.
inline double NatsOf(const SyntheticTask& task, const Ids& ids) {
  const auto agent = task.NewAgent();
  double nats = 0;
  for (const int32_t id : ids) nats += agent->Observe(id);
  return nats;
}

// Every sequence of `length` ids below `vocab`.
inline std::vector<Ids> AllSequences(int32_t vocab, size_t length) {
  std::vector<Ids> all{{}};
  for (size_t t = 0; t < length; ++t) {
    std::vector<Ids> longer;
    for (const Ids& ids : all) {
      for (int32_t id = 0; id < vocab; ++id) {
        longer.push_back(ids);
        longer.back().push_back(id);
      }
    }
    all = std::move(longer);
  }
  return all;
}

// Documents come with the frequency that their floors promise: the floor is
// the law of the ids. Also: equal ids have equal floors, to the bit, so that a
// floor is a function of what was seen.
inline void ExpectFloorsAreTheLaw(const SyntheticTask& task, size_t length,
                                  int documents) {
  struct Tally {
    std::vector<double> floors;
    int count = 0;
  };
  std::map<Ids, Tally> tallies;
  for (int d = 0; d < documents; ++d) {
    const auto document = task.Document(static_cast<uint64_t>(d), length);
    Tally& tally = tallies[document.ids];
    if (tally.count++ == 0) tally.floors = document.floor_nats;
    ASSERT_EQ(tally.floors, document.floor_nats);
  }
  double seen = 0;
  for (const auto& [ids, tally] : tallies) {
    const double p = std::exp(-Sum(tally.floors));
    seen += p;
    const double deviation = std::sqrt(documents * p * (1 - p));
    EXPECT_NEAR(tally.count, documents * p, 5 * deviation + 1e-9)
        << ::testing::PrintToString(ids);
  }
  // Configurations are small enough that every possible document turns up.
  EXPECT_NEAR(seen, 1, 1e-9);
}

}  // namespace plastometer::synthetic
