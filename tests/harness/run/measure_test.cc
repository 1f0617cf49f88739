#include "harness/run/measure.h"

#include <gtest/gtest.h>

#include <csignal>

#include "harness/base/error.h"
#include "harness/base/interrupt.h"
#include "tests/harness/run/tiny_model.h"

namespace plastometer {
namespace {

TEST(Measure, LossesLandWhereTheirWindowIs) {
  const Model model = TinyModel();
  const std::vector<Window> windows = {
      TinyWindow("a", 40, 1), TinyWindow("b", 50, 2), TinyWindow("c", 40, 3)};
  const ProfilePlan plan = PlanProfiles({"uniform", "retina", "frozen"}, 4);
  RunRecord record;
  int64_t last_done = 0, last_total = 0;
  Measure(model, windows, plan,
          {2, [&](int64_t done,
                  int64_t total) { last_done = done, last_total = total; }},
          record);
  EXPECT_EQ(last_done, 6);  // two batches, three profiles
  EXPECT_EQ(last_total, 6);
  ASSERT_EQ(record.windows.size(), 3u);
  EXPECT_EQ(record.windows[1].scored_bytes, 49 * 3);
  for (size_t p = 0; p < 3; ++p) {
    EXPECT_EQ(record.profiles[p].times.size(), 2u);
    for (size_t w = 0; w < 3; ++w) {
      const ForwardResult alone =
          model.Score(windows[w].ids, 1, plan.profiles[p].profile);
      for (int64_t i = 0; i < alone.num_losses; ++i) {
        ASSERT_NEAR(record.profiles[p].nll[record.windows[w].loss_begin + i],
                    alone.nll[i], 1e-11)
            << p << " " << w << " " << i;
      }
      EXPECT_EQ(record.profiles[p].counters[w], alone.counters);
      EXPECT_GT(record.profiles[p].window_seconds[w], 0);
    }
  }
}

TEST(Measure, RefusesNothingAndOneToken) {
  const Model model = TinyModel();
  const ProfilePlan plan = PlanProfiles({"uniform"}, 4);
  RunRecord record;
  EXPECT_THROW(Measure(model, {}, plan, {}, record), Error);
  EXPECT_THROW(Measure(model, {TinyWindow("a", 1, 1)}, plan, {}, record),
               Error);
}

TEST(Measure, UnknownBytesStayUnknown) {
  const Model model = TinyModel();
  Window window = TinyWindow("a", 20, 1);
  window.token_bytes.clear();
  RunRecord record;
  Measure(model, {window}, PlanProfiles({"uniform"}, 4), {}, record);
  EXPECT_EQ(record.windows[0].scored_bytes, -1);
}

TEST(Measure, CountersThatAreOffAreAnInternalError) {
  const Model model = TinyModel();
  const Profile profile = Profile::Parse("retina", 4);
  Counters counters = CountersByFormula(model.config(), profile, 2, 40);
  EXPECT_NO_THROW(CheckCounters(model, profile, 2, 40, counters));
  ++counters.inner_updates;
  EXPECT_THROW(CheckCounters(model, profile, 2, 40, counters), Error);
}

TEST(Measure, StopsAtTheNextUnitAfterASignal) {
  const Model model = TinyModel();
  const InterruptGuard guard;
  std::raise(SIGTERM);
  RunRecord record;
  try {
    Measure(model, {TinyWindow("a", 20, 1)}, PlanProfiles({"uniform"}, 4), {},
            record);
    FAIL() << "expected Interrupted";
  } catch (const Interrupted& interrupted) {
    EXPECT_EQ(interrupted.signal, SIGTERM);
  }
}

}  // namespace
}  // namespace plastometer
