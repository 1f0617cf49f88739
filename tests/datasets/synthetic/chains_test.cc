#include <algorithm>
#include <random>

#include "datasets/synthetic/draw.h"
#include "tests/datasets/synthetic/helpers.h"

namespace plastometer::synthetic {
namespace {

// ln of the probability of the transitions in ids[begin, end) under rows
// ~ Dirichlet(alpha): a product of Beta functions, no step-by-step rule.
double LogMarginal(const Ids& ids, size_t begin, size_t end, int k, double a) {
  std::vector<std::vector<int>> c(k, std::vector<int>(k));
  for (size_t t = begin; t < end; ++t) ++c[ids[t - 1]][ids[t]];
  double sum = 0;
  for (const auto& row : c) {
    int n = 0;
    for (const int count : row) {
      sum += std::lgamma(count + a) - std::lgamma(a);
      n += count;
    }
    sum += std::lgamma(k * a) - std::lgamma(n + k * a);
  }
  return sum;
}

TEST(Chains, FloorIsTheDirichletMarginal) {
  const auto task = Task("chains", R"({"states": 3, "alpha": [1, 2]})");
  for (const Ids& ids : AllSequences(3, 6)) {
    const double expected = std::log(3) - LogMarginal(ids, 1, 6, 3, 0.5);
    ASSERT_NEAR(NatsOf(*task, ids), expected, 1e-12);
  }
}

// A's transitions, in two pieces, and B's are two independent marginals.
double ForgettingNats(const Ids& ids, size_t away, size_t back, int k, double a,
                      bool forgets) {
  std::vector<std::vector<std::pair<size_t, size_t>>> chains = {{{1, away}},
                                                                {{away, back}}};
  if (forgets)
    chains.push_back({{back, ids.size()}});
  else
    chains[0].emplace_back(back, ids.size());
  double nats = std::log(k);
  for (const auto& pieces : chains) {
    std::vector<std::vector<int>> c(k, std::vector<int>(k));
    for (const auto& [begin, end] : pieces)
      for (size_t t = begin; t < end; ++t) ++c[ids[t - 1]][ids[t]];
    for (const auto& row : c) {
      int n = 0;
      for (const int count : row) {
        nats -= std::lgamma(count + a) - std::lgamma(a);
        n += count;
      }
      nats -= std::lgamma(k * a) - std::lgamma(n + k * a);
    }
  }
  return nats;
}

TEST(Forgetting, FloorsAreTheMarginalsOfAAndB) {
  const auto task =
      Task("forgetting",
           R"({"states": 2, "alpha": [1, 2], "first": 3, "second": 2})");
  for (const Ids& ids : AllSequences(2, 8)) {
    ASSERT_NEAR(NatsOf(*task, ids), ForgettingNats(ids, 3, 5, 2, 0.5, false),
                1e-12);
    const auto agent = task->NewForgettingAgent();
    double nats = 0;
    for (const int32_t id : ids) nats += agent->Observe(id);
    ASSERT_NEAR(nats, ForgettingNats(ids, 3, 5, 2, 0.5, true), 1e-12);
  }
  EXPECT_EQ(Task("chains", "{}")->NewForgettingAgent(), nullptr);
}

TEST(Forgetting, DocumentsFollowTheFloor) {
  ExpectFloorsAreTheLaw(
      *Task("forgetting",
            R"({"states": 2, "alpha": [1, 2], "first": 2, "second": 2})"),
      7, 200000);
}

TEST(Forgetting, MemoryIsWorthSomething) {
  const auto task = Task("forgetting", "{}");
  double gain = 0;
  for (uint64_t d = 0; d < 50; ++d) {
    const auto document = task->Document(d, 768);
    EXPECT_EQ(document.labels[256], kChange);
    EXPECT_EQ(document.labels[512], kChange);
    const auto agent = task->NewForgettingAgent();
    for (size_t t = 0; t < 768; ++t) {
      const double nats = agent->Observe(document.ids[t]);
      if (t < 512) {
        ASSERT_NEAR(nats, document.floor_nats[t], 1e-12);
      } else {
        gain += nats - document.floor_nats[t];
      }
    }
  }
  EXPECT_GT(gain / 50, 20);  // nats a document
}

TEST(Chains, DocumentsFollowTheFloor) {
  const auto task = Task("chains", R"({"states": 2, "alpha": [1, 2]})");
  ExpectFloorsAreTheLaw(*task, 6, 200000);
}

// Against chains made the usual way: 10^6 matrices of gamma variates.
TEST(Chains, FloorIsTheMeanOverSampledChains) {
  const Ids ids{0, 1, 1, 0, 1, 1, 1};
  std::mt19937_64 bits(5);
  std::gamma_distribution<double> gamma(0.5);
  const int samples = 1000000;
  double sum = 0, squares = 0;
  for (int s = 0; s < samples; ++s) {
    double g[2][2];
    for (auto& row : g)
      for (double& x : row) x = gamma(bits);
    double p = 0.5;
    for (size_t t = 1; t < ids.size(); ++t) {
      const auto& row = g[ids[t - 1]];
      p *= row[ids[t]] / (row[0] + row[1]);
    }
    sum += p, squares += p * p;
  }
  const double mean = sum / samples;
  const double error = std::sqrt((squares / samples - mean * mean) / samples);
  const auto task = Task("chains", R"({"states": 2, "alpha": [1, 2]})");
  EXPECT_NEAR(std::exp(-NatsOf(*task, ids)), mean, 5 * error);
  EXPECT_LT(error, mean / 200);
}

// Rows that urns converge to are uniform on the simplex: their expected entropy
// is psi(k + 1) - psi(2), a harmonic sum.
TEST(Chains, EntropyOfSampledRows) {
  PhiloxStream draws(3, 0);
  const int rows = 2000, balls = 4096, k = 8;
  double sum = 0, squares = 0;
  for (int r = 0; r < rows; ++r) {
    Urn urn(k, {1, 1});
    for (int i = 0; i < balls; ++i) urn.Draw(&draws);
    double h = 0;
    for (size_t i = 0; i < k; ++i)
      h -= urn.Probability(i) * std::log(urn.Probability(i));
    sum += h, squares += h * h;
  }
  double expected = 0;
  for (int i = 2; i <= k; ++i) expected += 1.0 / i;
  EXPECT_NEAR(expected, 1.7179, 5e-5);
  const double mean = sum / rows;
  const double error = std::sqrt((squares / rows - mean * mean) / rows);
  // A finite urn is too even by (k - 1) / (2 balls) at most.
  EXPECT_NEAR(mean, expected, 5 * error + 7.0 / (2 * balls));
  EXPECT_LT(error, 0.01);
}

// The library's rows, read off an agent of a library of one chain.
double TransitionOf(const SyntheticTask& task, int32_t from, int32_t to) {
  const auto agent = task.NewAgent();
  agent->Observe(from);
  return std::exp(-agent->Observe(to));
}

TEST(Library, RowsAreProbabilities) {
  const auto task = Task("library", R"({"states": 5, "topics": 1})");
  for (int32_t from = 0; from < 5; ++from) {
    double sum = 0;
    for (int32_t to = 0; to < 5; ++to) sum += TransitionOf(*task, from, to);
    EXPECT_NEAR(sum, 1, 1e-13);
  }
}

// A library of one chain is the first topic of the same library of more, so
// that the chains of topics 0, 1 can be read off: P_2 = 2 mean - P_1.
struct TwoChains {
  double p[2][2][2];
  explicit TwoChains(const std::string& rest) {
    const auto one = Task("library", R"({"states": 2, "topics": 1)" + rest);
    const auto two = Task("library", R"({"states": 2, "topics": 2)" + rest);
    for (int32_t i = 0; i < 2; ++i) {
      for (int32_t j = 0; j < 2; ++j) {
        p[0][i][j] = TransitionOf(*one, i, j);
        p[1][i][j] = 2 * TransitionOf(*two, i, j) - p[0][i][j];
      }
    }
  }
};

// Sums over every path of topics.
double EnumeratedNats(const TwoChains& chains, const Ids& ids, double h) {
  const size_t steps = ids.size() - 1;
  double sum = 0;
  for (const Ids& z : AllSequences(2, steps)) {
    double p = 0.5 * 0.5;
    for (size_t t = 0; t < steps; ++t) {
      if (t > 0) p *= (z[t] == z[t - 1] ? 1 - h : 0) + h / 2;
      p *= chains.p[z[t]][ids[t]][ids[t + 1]];
    }
    sum += p;
  }
  return -std::log(sum);
}

TEST(Library, FilterIsTheSumOverPaths) {
  const TwoChains chains("}");
  ASSERT_GT(std::abs(chains.p[0][0][0] - chains.p[1][0][0]), 0.01);
  for (const auto& [hazard, h] :
       {std::pair<std::string, double>{"[0, 1]", 0}, {"[1, 4]", 0.25}}) {
    const auto task = Task(
        "library", R"({"states": 2, "topics": 2, "hazard": )" + hazard + "}");
    for (const Ids& ids : AllSequences(2, 7))
      ASSERT_NEAR(NatsOf(*task, ids), EnumeratedNats(chains, ids, h), 1e-11);
  }
}

TEST(Library, DocumentsFollowTheFloor) {
  for (const std::string hazard : {"[0, 1]", "[1, 4]"}) {
    const auto task = Task(
        "library", R"({"states": 2, "topics": 3, "hazard": )" + hazard + "}");
    ExpectFloorsAreTheLaw(*task, 5, 100000);
  }
}

// Sums over every set of changes before transitions 2, 3, ...
double SwitchingNats(const Ids& ids, int k, double a, double h) {
  const size_t n = ids.size();
  double sum = 0;
  for (const Ids& change : AllSequences(2, n - 2)) {
    double log_p = -std::log(k);
    size_t begin = 1;
    for (size_t t = 2; t < n; ++t) {
      log_p += std::log(change[t - 2] ? h : 1 - h);
      if (!change[t - 2]) continue;
      log_p += LogMarginal(ids, begin, t, k, a);
      begin = t;
    }
    sum += std::exp(log_p + LogMarginal(ids, begin, n, k, a));
  }
  return -std::log(sum);
}

TEST(Switching, RunLengthsAreTheSumOverChangePoints) {
  const auto task = Task("switching", R"({"states": 3, "hazard": [1, 4]})");
  for (const Ids& ids : AllSequences(3, 7))
    ASSERT_NEAR(NatsOf(*task, ids), SwitchingNats(ids, 3, 1, 0.25), 1e-11);
}

TEST(Switching, KnownChangesAreSegmentsOfTheirOwn) {
  const auto task = Task("switching", R"({"states": 3, "period": 3})");
  for (const Ids& ids : AllSequences(3, 7)) {
    double nats = std::log(3);
    nats -= LogMarginal(ids, 1, 3, 3, 1);
    nats -= LogMarginal(ids, 3, 6, 3, 1);
    nats -= LogMarginal(ids, 6, 7, 3, 1);
    ASSERT_NEAR(NatsOf(*task, ids), nats, 1e-12);
  }
}

TEST(Switching, DocumentsFollowTheFloor) {
  for (const std::string law : {R"("hazard": [1, 4])", R"("period": 3)"}) {
    const auto task = Task("switching", R"({"states": 2, )" + law + "}");
    ExpectFloorsAreTheLaw(*task, 6, 200000);
  }
}

TEST(Switching, LabelsTheFirstTokenOfANewChain) {
  const auto document =
      Task("switching", R"({"period": 16})")->Document(0, 100);
  for (size_t t = 0; t < 100; ++t)
    EXPECT_EQ(document.labels[t], t > 0 && t % 16 == 0 ? kChange : kOrdinary);
  const auto random =
      Task("switching", R"({"hazard": [1, 10]})")->Document(0, 10000);
  // 1,000 expected, standard deviation 30: five of them.
  EXPECT_NEAR(std::count(random.labels.begin(), random.labels.end(), kChange),
              1000, 150);
}

TEST(Agents, PredictionsSumToOne) {
  for (const auto& [name, parameters] :
       std::vector<std::pair<std::string, std::string>>{
           {"chains", "{}"},
           {"library", R"({"hazard": [1, 32]})"},
           {"switching", "{}"}}) {
    const auto task = Task(name, parameters);
    const auto ids = task->Document(2, 40).ids;
    for (size_t t = 0; t < ids.size(); ++t) {
      double sum = 0;
      for (int32_t id = 0; id < task->vocab_size(); ++id) {
        const auto agent = task->NewAgent();
        for (size_t s = 0; s < t; ++s) agent->Observe(ids[s]);
        sum += std::exp(-agent->Observe(id));
      }
      ASSERT_NEAR(sum, 1, 1e-12) << name << " " << t;
    }
  }
}

// Another token at t: nothing before t moves by a bit, something after does.
TEST(Agents, AreCausal) {
  for (const std::string name : {"chains", "library", "switching"}) {
    const auto task = Task(name);
    const auto document = task->Document(4, 60);
    Ids ids = document.ids;
    const size_t t = 30;
    ids[t] = (ids[t] + 1) % task->vocab_size();
    const auto agent = task->NewAgent();
    bool later = false;
    for (size_t s = 0; s < ids.size(); ++s) {
      const double nats = agent->Observe(ids[s]);
      if (s < t) {
        ASSERT_EQ(nats, document.floor_nats[s]) << name << " " << s;
      }
      if (s > t) later = later || nats != document.floor_nats[s];
    }
    EXPECT_TRUE(later) << name;
  }
}

}  // namespace
}  // namespace plastometer::synthetic
