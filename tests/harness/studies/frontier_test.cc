// Planted truths: losses that are made up, fronts known by construction.
#include "harness/studies/frontier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/error.h"
#include "harness/studies/frontier_choice.h"
#include "harness/studies/frontier_moves.h"

namespace plastometer {
namespace {

using testing::Each;
using testing::HasSubstr;

constexpr int64_t kSteps = 64;  // mini-batches of the planted text

int64_t Updates(const LayerSchedule& layer) {
  return layer.EverPlastic() ? (kSteps + layer.every - 1) / layer.every : 0;
}

int64_t CostOf(const Profile& profile) {
  int64_t cost = 0;
  for (int64_t l = 0; l < profile.num_layers(); ++l)
    cost += Updates(profile.layer(l));
  return cost;
}

// Layer l is worth worth[l] times a concave function of its updates; another
// rate than 1 costs a little.
struct Additive {
  std::vector<double> worth;
  double Nats(const Profile& profile) const {
    double nats = 4, scale = 1;
    for (int64_t l = 0; l < profile.num_layers(); ++l) {
      const double share =
          static_cast<double>(Updates(profile.layer(l))) / kSteps;
      nats -= worth[l] * std::sqrt(share);
      if (share > 0) scale = profile.layer(l).lambda;
    }
    return nats + 0.01 * std::abs(scale - 1);
  }
};

MeasureProfile Measuring(const Additive& law, int64_t* calls = nullptr) {
  return [law, calls](const Profile& profile, int64_t) {
    if (calls != nullptr) ++*calls;
    ProfileMeasured point{{}, CostOf(profile)};
    for (int w = 0; w < 12; ++w)  // works of unlike difficulty
      point.works.push_back({100 * (law.Nats(profile) + 0.1 * w), 100});
    return point;
  };
}

FrontierChoice Search(const Additive& law, SearchMethod method,
                      int64_t evaluations = 0, int64_t* calls = nullptr) {
  FrontierOptions options;
  options.method = method;
  options.evaluations = evaluations;
  return SearchFrontier({.num_layers = static_cast<int64_t>(law.worth.size())},
                        kFrontierCosts[0], options, Measuring(law, calls));
}

using Points = std::vector<std::pair<int64_t, double>>;  // dearest first

Points PointsOf(const FrontierChoice& choice) {
  Points points;
  for (const FrontierMember& m : choice.members)
    points.emplace_back(m.tuning.cost, m.tuning.nats);
  return points;
}

// By brute force, without the search's code: costs in order, each with the
// lowest loss that beats all cheaper ones.
Points TrueFront(const Additive& law) {
  Points all, front;
  const std::vector<int64_t> periods = {1, 2, 4, 8, 16, 0};
  for (const int64_t a : periods)
    for (const int64_t b : periods) {
      const Profile profile = ProfileOf(Pace{{a, b}, 1}, "");
      all.emplace_back(CostOf(profile), law.Nats(profile) + 0.55);
    }
  std::ranges::sort(all);
  for (const auto& point : all)
    if (front.empty() || point.second < front.back().second)
      front.push_back(point);
  std::ranges::reverse(front);
  return front;
}

TEST(Frontier, ExhaustiveFindsThePlantedFront) {
  const Additive law{{0.3, 0.2}};
  int64_t calls = 0;
  const FrontierChoice choice = Search(law, SearchMethod::kAuto, 0, &calls);
  EXPECT_EQ(choice.method, SearchMethod::kExhaustive);
  EXPECT_EQ(choice.num_candidates, 3 * (6 * 6 - 1) + 1);
  EXPECT_EQ(choice.num_tried, choice.num_candidates);
  EXPECT_EQ(calls, choice.num_tried + 1);  // and uniform;until=512
  const Points expected = TrueFront(law);
  ASSERT_EQ(choice.front_size, expected.size());
  ASSERT_LE(expected.size(), kMaxFrontierMembers);
  const Points got = PointsOf(choice);
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(got[i].first, expected[i].first);
    EXPECT_NEAR(got[i].second, expected[i].second, 1e-12);
  }
}

// Of additive losses with diminishing returns greedy passes every corner of the
// convex hull: each step is the least lost per update saved.
TEST(Frontier, GreedyPassesEveryCornerOfAnAdditiveFront) {
  const Additive law{{0.3, 0.05, 0.11, 0.02, 0.23, 0.17}};
  const FrontierSpace space{.num_layers = 6};
  const MeasureProfile measure = Measuring(law);
  Tried tried(space, 100000, measure);
  tried.MeasureDefaults();
  const int64_t before = tried.num_measured();
  Descend(tried, {std::vector<int64_t>(6, 1), 1}, 0);
  EXPECT_LT(tried.num_measured() - before, 6 * 5 * 6 / 2);  // it is lazy
  struct Step {
    double price;
    int64_t saved;
    double lost;
  };
  std::vector<Step> steps;
  for (const double worth : law.worth)
    for (const auto& [from, to] :
         Points{{64, 32}, {32, 16}, {16, 8}, {8, 4}, {4, 0}}) {
      const double lost = worth * (std::sqrt(static_cast<double>(from) / 64) -
                                   std::sqrt(to / 64.0));
      const auto saved = from - static_cast<int64_t>(to);
      steps.push_back({lost / static_cast<double>(saved), saved, lost});
    }
  std::ranges::sort(steps, {}, &Step::price);
  int64_t cost = 6 * 64;
  double nats = 4 + 0.55;
  for (const double worth : law.worth) nats -= worth;
  const auto front = tried.Front();
  for (const Step& step : steps) {
    cost -= step.saved;
    nats += step.lost;
    EXPECT_TRUE(std::ranges::any_of(front, [&](const TriedPace& p) {
      return p.cost == cost && std::abs(p.nats - nats) < 1e-9;
    })) << cost;
  }
}

TEST(Frontier, GreedyStaysWithinItsBudget) {
  const Additive law{std::vector<double>(12, 0.1)};
  for (const int64_t budget : {1, 10, 60, 200}) {
    int64_t calls = 0;
    const FrontierChoice choice =
        Search(law, SearchMethod::kAuto, budget, &calls);
    EXPECT_EQ(choice.method, SearchMethod::kGreedy);
    EXPECT_LE(choice.num_tried, std::max<int64_t>(budget, 10));
    EXPECT_EQ(calls, choice.num_tried + 1);
    EXPECT_LE(choice.members.size(), kMaxFrontierMembers);
  }
}

// Better at twice the rate, which greedy from uniform never sees.
TEST(Frontier, OtherRatesAreTried) {
  const Additive law{{0.3, 0.05, 0.1, 0.2, 0.1, 0.1}};
  FrontierOptions options;
  options.evaluations = 300;
  const FrontierChoice choice =
      SearchFrontier({.num_layers = 6}, kFrontierCosts[0], options,
                     [&](const Profile& profile, int64_t) {
                       ProfileMeasured point = Measuring(law)(profile, 0);
                       for (int64_t l = 0; l < 6; ++l)
                         if (profile.layer(l).lambda == 2)
                           point.works[0].sum -= 100;
                       return point;
                     });
  EXPECT_EQ(choice.members.front().pace.scale, 2);
}

TEST(Frontier, ThinnedButNotOfItsEndsAndPicks) {
  const Additive law{{0.3, 0.051, 0.113, 0.022}};
  const FrontierChoice choice = Search(law, SearchMethod::kExhaustive);
  EXPECT_GT(choice.front_size, kMaxFrontierMembers);
  ASSERT_EQ(choice.members.size(), kMaxFrontierMembers);
  EXPECT_EQ(choice.members.front().tuning.cost, 4 * kSteps);  // lowest loss
  EXPECT_EQ(choice.members.front().tuning.profile, "front-01");
  EXPECT_EQ(choice.members.back().tuning.profile, "front-16");
  ASSERT_TRUE(choice.half);
  // The lowest loss with half saved: nothing tried that saves half is better.
  const TuningPoint& half = choice.members[*choice.half].tuning;
  EXPECT_LE(half.cost, 2 * kSteps);
  double best = std::numeric_limits<double>::infinity();
  for (const int64_t a : {1, 2, 4, 8, 16, 0})
    for (const int64_t b : {1, 2, 4, 8, 16, 0})
      for (const int64_t c : {1, 2, 4, 8, 16, 0})
        for (const int64_t d : {1, 2, 4, 8, 16, 0}) {
          const Profile profile = ProfileOf(Pace{{a, b, c, d}, 1}, "");
          if (CostOf(profile) <= 2 * kSteps)
            best = std::min(best, law.Nats(profile) + 0.55);
        }
  EXPECT_NEAR(half.nats, best, 1e-12);
  // The gap is 0.486: 5 % of it may be lost.
  ASSERT_TRUE(choice.furthest);
  const double most = 4.55 - 0.95 * 0.486;
  EXPECT_LT(choice.members[*choice.furthest].tuning.nats, most);
  for (size_t i = *choice.furthest + 1; i < choice.members.size(); ++i)
    EXPECT_GT(choice.members[i].tuning.nats, most);
}

TEST(Frontier, ALossThatIsNotFiniteIsNoMember) {
  const FrontierChoice choice = SearchFrontier(
      {.num_layers = 2}, kFrontierCosts[0], {},
      [](const Profile& profile, int64_t) {
        ProfileMeasured point = Measuring({{0.3, 0.05}})(profile, 0);
        if (profile.layer(0).lambda > 0 && profile.layer(0).every == 1)
          point.works[0].sum = stats::kUnknown;
        return point;
      });
  ASSERT_FALSE(choice.members.empty());
  for (const FrontierMember& m : choice.members)
    EXPECT_NE(m.pace.periods[0], 1) << PaceText(m.pace);
}

TEST(Frontier, RefusesWhatItCannotDo) {
  const auto message = [](int64_t layers, SearchMethod method, int64_t n) {
    try {
      Search({std::vector<double>(static_cast<size_t>(layers), 0.1)}, method,
             n);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kUsage);
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(message(12, SearchMethod::kExhaustive, 0),
              HasSubstr("more than 4096 candidates"));
  EXPECT_THAT(message(2, SearchMethod::kExhaustive, 50),
              HasSubstr("--evaluations is 50; an exhaustive search takes 106"));
  EXPECT_THAT(message(2, SearchMethod::kAuto, -1),
              HasSubstr("--evaluations is -1"));
}

TEST(Frontier, PacesAreProfilesAndBack) {
  const FrontierSpace space{.num_layers = 4};
  const Pace pace{{1, 16, 0, 4}, 0.5};
  EXPECT_EQ(PaceText(pace), "1x.4@0.5");
  EXPECT_EQ(PaceText({{8, 2, 32, 0}, 1}), "82?.");
  const Profile profile = ProfileOf(pace, "name");
  EXPECT_EQ(profile.PlasticLayers(), "0-1,3");
  EXPECT_EQ(PaceOf(profile, space), pace);
  const auto pace_of = [&](const std::string& text) {
    return PaceOf(Profile::Parse(text, 4), space);
  };
  EXPECT_EQ(pace_of("uniform;every=8"), (Pace{{8, 8, 8, 8}, 1}));
  EXPECT_EQ(pace_of("late:25%@2"), (Pace{{0, 0, 0, 1}, 2}));
  EXPECT_EQ(pace_of("frozen"), (Pace{{0, 0, 0, 0}, 1}));
  for (const char* other : {"uniform;until=512", "uniform;every=3", "ramp:1->0",
                            "uniform@3", "uniform;eta=flip"})
    EXPECT_FALSE(pace_of(other)) << other;
  EXPECT_EQ(CountPaces(space, 10000), 3886);
  EXPECT_EQ(CountPaces({.num_layers = 48}, 10000), 10000);
}

RunRecord TwoWindowsAWork(int num_works) {
  RunRecord record;
  for (int w = 0; w < 2 * num_works; ++w) {
    WindowRecord window;
    window.source = "s";
    window.work = std::to_string(100 + w / 2);
    window.num_tokens = 101;
    record.windows.push_back(window);
  }
  return record;
}

TEST(Frontier, TuningWindowsAreSpreadOverWorks) {
  const RunRecord record = TwoWindowsAWork(8);  // works 0, 2, 4, 6 tune
  using Windows = std::vector<size_t>;
  EXPECT_EQ(TuningWindows(record, 0), (Windows{0, 1, 4, 5, 8, 9, 12, 13}));
  EXPECT_EQ(TuningWindows(record, 2), (Windows{0, 8}));
  EXPECT_EQ(TuningWindows(record, 4), (Windows{0, 4, 8, 12}));
  EXPECT_EQ(TuningWindows(record, 6), (Windows{0, 1, 4, 8, 9, 12}));
}

// Nothing of the evaluation works enters the choice: they are not asked about,
// and other losses there change nothing.
TEST(Frontier, ChoosesOnTuningWorksAlone) {
  const RunRecord record = TwoWindowsAWork(24);
  const Additive law{{0.3, 0.05, 0.11, 0.02, 0.23, 0.17}};
  const auto choose = [&](double elsewhere) {
    std::set<size_t> asked;
    FrontierRequest request;
    request.options.evaluations = 80;
    const FrontierChoice choice = ChooseFrontier(
        record, {.num_layers = 6}, request,
        [&](const Profile& profile, const std::vector<size_t>& windows) {
          WindowsMeasured measured{{}, CostOf(profile)};
          for (const size_t w : windows) {
            asked.insert(w);
            const bool tunes = w / 2 % 2 == 0;
            measured.nats.push_back(100 *
                                    (tunes ? law.Nats(profile) : elsewhere));
          }
          return measured;
        },
        [](int64_t done, int64_t total) { EXPECT_LE(done, total); });
    EXPECT_EQ(asked.size(), 16U);
    for (const size_t w : asked) EXPECT_EQ(w / 2 % 2, 0U);
    EXPECT_EQ(choice.num_works, 12U);
    return choice;
  };
  const FrontierChoice a = choose(1), b = choose(7);
  ASSERT_EQ(a.members.size(), b.members.size());
  for (size_t i = 0; i < a.members.size(); ++i)
    EXPECT_EQ(a.members[i].pace, b.members[i].pace);
  EXPECT_EQ(a.half, b.half);
  EXPECT_EQ(a.furthest, b.furthest);
}

TEST(Frontier, OneWorkCannotBeJudged) {
  EXPECT_THROW(ChooseFrontier(TwoWindowsAWork(1), {.num_layers = 2}, {},
                              [](const Profile&, const std::vector<size_t>&) {
                                return WindowsMeasured{};
                              },
                              {}),
               Error);
}

}  // namespace
}  // namespace plastometer
