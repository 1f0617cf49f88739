// Markov chains learned in context: one chain a document, a library of chains,
// chains that switch. A document is a source of ids and an agent that is fed
// them; the agent's losses are the floor.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "base/memory.h"
#include "datasets/synthetic/draw.h"
#include "datasets/synthetic/parameters.h"
#include "datasets/synthetic/tasks.h"

namespace plastometer::synthetic {

namespace {

constexpr Fraction kAlphaOne{1, 1};
constexpr uint64_t kLibraryStream = uint64_t{1} << 63;

// One id and its label.
class ChainSource {
 public:
  virtual ~ChainSource() = default;
  virtual std::pair<int32_t, TokenLabel> Draw() = 0;
};

class ChainStream : public TokenStream {
 public:
  ChainStream(std::unique_ptr<ChainSource> source,
              std::unique_ptr<FloorAgent> agent)
      : source_(std::move(source)), agent_(std::move(agent)) {}

  Token Next() override {
    const auto [id, label] = source_->Draw();
    return {id, agent_->Observe(id), label};
  }

 private:
  std::unique_ptr<ChainSource> source_;
  std::unique_ptr<FloorAgent> agent_;
};

// ---- A new chain at every change; no change at all is `chains`.

// When the law is drawn anew. At most one of the three is set.
struct Changes {
  Fraction hazard{0, 1};  // before every transition but the first
  int64_t period = 0;     // before transitions period, 2 period, ...
  // A, B, A: B begins with transition `away`, A goes on with transition `back`.
  int64_t away = 0, back = 0;

  bool KnownAt(int64_t position) const {
    if (position < 2) return false;
    return period > 0 ? position % period == 0
                      : away > 0 && (position == away || position == back);
  }
};

// Rows of the present chain, and of the one that comes back.
class Rows {
 public:
  Rows(int states, Fraction alpha, const Changes& changes)
      : states_(states), alpha_(alpha), changes_(changes) {
    Reset();
  }
  void Reset() {
    rows_.assign(static_cast<size_t>(states_), Urn(states_, alpha_));
  }
  // At a change: a new chain, or the first one as it was left.
  void Change(int64_t position) {
    if (changes_.away > 0 && position == changes_.away) first_ = rows_;
    Reset();
    if (changes_.away > 0 && position == changes_.back)
      rows_ = std::move(first_);
  }
  Urn& operator[](int32_t from) { return rows_[static_cast<size_t>(from)]; }

 private:
  const int states_;
  const Fraction alpha_;
  const Changes changes_;
  std::vector<Urn> rows_, first_;
};

class UrnSource : public ChainSource {
 public:
  UrnSource(int states, Fraction alpha, Changes changes, PhiloxStream draws)
      : states_(states),
        changes_(changes),
        draws_(draws),
        rows_(states, alpha, changes) {}

  std::pair<int32_t, TokenLabel> Draw() override {
    TokenLabel label = kOrdinary;
    if (position_ == 0) {
      last_ = static_cast<int32_t>(
          DrawBelow(static_cast<uint64_t>(states_), &draws_));
    } else {
      if (ChangesHere()) {
        rows_.Change(position_);
        label = kChange;
      }
      last_ = rows_[last_].Draw(&draws_);
    }
    ++position_;
    return {last_, label};
  }

 private:
  bool ChangesHere() {
    if (changes_.hazard.num == 0) return changes_.KnownAt(position_);
    return position_ >= 2 && DrawEvent(changes_.hazard, &draws_);
  }

  const int states_;
  const Changes changes_;
  PhiloxStream draws_;
  Rows rows_;
  int32_t last_ = 0;
  int64_t position_ = 0;
};

// Knows where changes are, if there are any: counts of the present chain, and
// of the one that comes back. `forgets`: begins anew at every change.
class CountingAgent : public FloorAgent {
 public:
  CountingAgent(int states, Fraction alpha, const Changes& changes,
                bool forgets = false)
      : states_(states),
        changes_(changes),
        forgets_(forgets),
        rows_(states, alpha, changes) {}

  double Observe(int32_t id) override {
    double nats = std::log(states_);
    if (position_ > 0) {
      if (changes_.KnownAt(position_)) {
        if (forgets_)
          rows_.Reset();
        else
          rows_.Change(position_);
      }
      Urn& row = rows_[last_];
      nats = -std::log(row.Probability(static_cast<size_t>(id)));
      row.Add(static_cast<size_t>(id));
    }
    last_ = id;
    ++position_;
    return nats;
  }

 private:
  const int states_;
  const Changes changes_;
  const bool forgets_;
  Rows rows_;
  int32_t last_ = 0;
  int64_t position_ = 0;
};

// Run-length recursion (Adams and MacKay 2007) over when the present chain
// began. Exact, nothing pruned: time and memory of a step grow with position.
class RunLengthAgent : public FloorAgent {
 public:
  RunLengthAgent(int states, Fraction alpha, Fraction hazard)
      : states_(static_cast<size_t>(states)),
        alpha_(alpha.value()),
        hazard_(hazard.value()),
        pairs_(states_ * states_),
        rows_(states_) {}

  double Observe(int32_t id) override {
    const size_t to = static_cast<size_t>(id);
    double nats = std::log(static_cast<double>(states_));
    if (last_) {
      Begin();
      nats = Update(*last_, to);
    }
    last_ = to;
    return nats;
  }

 private:
  // One more hypothesis: the present chain begins with this transition.
  void Begin() {
    const bool first = weights_.empty();
    if (weights_.size() == weights_.capacity())  // the vectors double
      RequireMemory(2 * weights_.size() * sizeof(double) *
                        (1 + pairs_.size() + rows_.size()),
                    "the exact law of task switching after " +
                        std::to_string(weights_.size()) + " tokens");
    for (double& w : weights_) w *= 1 - hazard_;
    weights_.push_back(first ? 1 : hazard_);
    for (auto& counts : pairs_) counts.push_back(0);
    for (auto& counts : rows_) counts.push_back(0);
  }

  double Update(size_t from, size_t to) {
    std::vector<double>& pair = pairs_[from * states_ + to];
    std::vector<double>& row = rows_[from];
    const double mass = static_cast<double>(states_) * alpha_;
    double evidence = 0;
    for (size_t h = 0; h < weights_.size(); ++h) {
      weights_[h] *= (pair[h]++ + alpha_) / (row[h]++ + mass);
      evidence += weights_[h];
    }
    for (double& w : weights_) w /= evidence;
    return std::max(0.0, -std::log(evidence));
  }

  size_t states_;
  double alpha_;
  double hazard_;
  std::vector<double> weights_;             // [hypothesis], sum 1
  std::vector<std::vector<double>> pairs_;  // [from * states + to][hypothesis]
  std::vector<std::vector<double>> rows_;   // [from][hypothesis]
  std::optional<size_t> last_;
};

class SwitchingTask : public SyntheticTask {
 public:
  SwitchingTask(const std::string& name,
                std::shared_ptr<const nlohmann::json> complete, uint64_t seed,
                int states, Fraction alpha, Changes changes)
      : SyntheticTask(name, std::move(complete), seed),
        states_(states),
        alpha_(alpha),
        changes_(changes) {}

  int32_t vocab_size() const override { return states_; }
  std::unique_ptr<TokenStream> Open(uint64_t document) const override {
    return std::make_unique<ChainStream>(
        std::make_unique<UrnSource>(states_, alpha_, changes_,
                                    PhiloxStream(key(), document)),
        NewAgent());
  }
  std::unique_ptr<FloorAgent> NewAgent() const override {
    if (changes_.hazard.num > 0)
      return std::make_unique<RunLengthAgent>(states_, alpha_, changes_.hazard);
    return std::make_unique<CountingAgent>(states_, alpha_, changes_);
  }
  std::unique_ptr<FloorAgent> NewForgettingAgent() const override {
    if (changes_.away == 0) return nullptr;
    return std::make_unique<CountingAgent>(states_, alpha_, changes_,
                                           /*forgets=*/true);
  }

 private:
  int states_;
  Fraction alpha_;
  Changes changes_;
};

// ---- A library of fixed chains, known to the agent.

struct Library {
  int topics = 0;
  int states = 0;
  Fraction hazard{0, 1};
  std::vector<Urn> rows;  // [topic * states + from]; only read

  const Urn& Row(size_t topic, int32_t from) const {
    return rows[topic * static_cast<size_t>(states) +
                static_cast<size_t>(from)];
  }
};

class LibrarySource : public ChainSource {
 public:
  LibrarySource(const Library* library, PhiloxStream draws)
      : library_(*library), draws_(draws) {}

  std::pair<int32_t, TokenLabel> Draw() override {
    TokenLabel label = kOrdinary;
    if (last_ < 0) {
      DrawTopic();
      last_ = static_cast<int32_t>(
          DrawBelow(static_cast<uint64_t>(library_.states), &draws_));
    } else {
      if (library_.hazard.num > 0 && DrawEvent(library_.hazard, &draws_)) {
        const size_t before = topic_;
        DrawTopic();
        if (topic_ != before) label = kChange;
      }
      const Urn& row = library_.Row(topic_, last_);
      last_ = static_cast<int32_t>(
          DrawWeighted(row.weights(), row.total(), &draws_));
    }
    return {last_, label};
  }

 private:
  void DrawTopic() {
    topic_ = DrawBelow(static_cast<uint64_t>(library_.topics), &draws_);
  }

  const Library& library_;
  PhiloxStream draws_;
  size_t topic_ = 0;
  int32_t last_ = -1;
};

// Forward filter of the hidden Markov model whose state is the topic.
class LibraryAgent : public FloorAgent {
 public:
  explicit LibraryAgent(const Library* library)
      : library_(*library),
        weights_(static_cast<size_t>(library->topics), 1.0 / library->topics) {}

  double Observe(int32_t id) override {
    double nats = std::log(library_.states);
    if (last_ >= 0) nats = Update(id);
    last_ = id;
    return nats;
  }

 private:
  double Update(int32_t id) {
    const double h = library_.hazard.value();
    double evidence = 0;
    for (size_t n = 0; n < weights_.size(); ++n) {
      weights_[n] = ((1 - h) * weights_[n] + h / library_.topics) *
                    library_.Row(n, last_).Probability(static_cast<size_t>(id));
      evidence += weights_[n];
    }
    for (double& w : weights_) w /= evidence;
    return std::max(0.0, -std::log(evidence));
  }

  const Library& library_;
  std::vector<double> weights_;  // [topic], sum 1
  int32_t last_ = -1;
};

class LibraryTask : public SyntheticTask {
 public:
  LibraryTask(std::shared_ptr<const nlohmann::json> complete, uint64_t seed,
              Library library, Fraction alpha, int64_t draws)
      : SyntheticTask("library", std::move(complete), seed),
        library_(std::move(library)) {
    PhiloxStream stream(key(), kLibraryStream);
    const int rows = library_.topics * library_.states;
    library_.rows.assign(static_cast<size_t>(rows),
                         Urn(library_.states, alpha));
    for (Urn& row : library_.rows) {
      for (int64_t i = 0; i < draws; ++i) row.Draw(&stream);
    }
  }

  int32_t vocab_size() const override { return library_.states; }
  std::unique_ptr<TokenStream> Open(uint64_t document) const override {
    return std::make_unique<ChainStream>(
        std::make_unique<LibrarySource>(&library_,
                                        PhiloxStream(key(), document)),
        NewAgent());
  }
  std::unique_ptr<FloorAgent> NewAgent() const override {
    return std::make_unique<LibraryAgent>(&library_);
  }

 private:
  Library library_;
};

int States(Parameters* p) {
  return static_cast<int>(p->Integer("states", 8, 2, 1024));
}

Fraction Alpha(Parameters* p) {
  const Fraction alpha = p->Ratio("alpha", kAlphaOne);
  p->Require(alpha.num >= 1, "alpha is 0; a positive fraction is expected");
  return alpha;
}

Fraction Hazard(Parameters* p, Fraction fallback) {
  const Fraction hazard = p->Ratio("hazard", fallback);
  p->Require(hazard.num <= hazard.den,
             "hazard is above 1; a probability is expected");
  return hazard;
}

}  // namespace

TaskPtr MakeChains(const nlohmann::json& parameters, uint64_t seed) {
  Parameters p("chains", parameters);
  const int states = States(&p);
  const Fraction alpha = Alpha(&p);
  return std::make_unique<SwitchingTask>("chains", p.Complete(), seed, states,
                                         alpha, Changes{});
}

TaskPtr MakeSwitching(const nlohmann::json& parameters, uint64_t seed) {
  Parameters p("switching", parameters);
  const int states = States(&p);
  const Fraction alpha = Alpha(&p);
  Changes changes;
  changes.period = p.Integer("period", 0, 0, int64_t{1} << 40);
  changes.hazard = Hazard(&p, {changes.period > 0 ? 0u : 1u, 128});
  p.Require((changes.period > 0) != (changes.hazard.num > 0),
            "exactly one of period (known changes) and hazard (random ones) "
            "is to be above 0");
  p.Require(changes.period != 1,
            "period is 1: nothing repeats; 2 or more is expected");
  return std::make_unique<SwitchingTask>("switching", p.Complete(), seed,
                                         states, alpha, changes);
}

TaskPtr MakeForgetting(const nlohmann::json& parameters, uint64_t seed) {
  Parameters p("forgetting", parameters);
  const int states = States(&p);
  const Fraction alpha = Alpha(&p);
  Changes changes;
  changes.away = p.Integer("first", 256, 2, int64_t{1} << 32);
  changes.back = changes.away + p.Integer("second", 256, 1, int64_t{1} << 32);
  return std::make_unique<SwitchingTask>("forgetting", p.Complete(), seed,
                                         states, alpha, changes);
}

TaskPtr MakeLibrary(const nlohmann::json& parameters, uint64_t seed) {
  Parameters p("library", parameters);
  Library library;
  library.states = States(&p);
  library.topics = static_cast<int>(p.Integer("topics", 16, 1, 4096));
  library.hazard = Hazard(&p, {0, 1});
  const Fraction alpha = Alpha(&p);
  const int64_t draws = p.Integer("row_draws", 4096, 0, 1 << 20);
  p.Require(
      int64_t{library.topics} * library.states * library.states <= 1 << 20,
      "topics * states^2 is above 2^20; make one of them smaller");
  return std::make_unique<LibraryTask>(p.Complete(), seed, std::move(library),
                                       alpha, draws);
}

}  // namespace plastometer::synthetic
