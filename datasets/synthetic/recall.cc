// Recall tasks: episodes of a fixed length, one after the other, each drawn
// anew. The floor is that of a reader who knows the form of an episode.
#include <algorithm>
#include <cmath>
#include <utility>

#include "datasets/synthetic/draw.h"
#include "datasets/synthetic/parameters.h"
#include "datasets/synthetic/tasks.h"

namespace plastometer::synthetic {

namespace {

using Episode = std::vector<Token>;

class RecallTask : public SyntheticTask {
 public:
  using SyntheticTask::SyntheticTask;
  virtual Episode Draw(PhiloxStream* draws) const = 0;
  std::unique_ptr<TokenStream> Open(uint64_t document) const override;

 protected:
  PhiloxStream Draws(uint64_t document) const { return {key(), document}; }
};

class EpisodeStream : public TokenStream {
 public:
  EpisodeStream(const RecallTask* task, PhiloxStream draws)
      : task_(*task), draws_(draws) {}

  Token Next() override {
    if (used_ == episode_.size()) {
      episode_ = task_.Draw(&draws_);
      used_ = 0;
    }
    return episode_[used_++];
  }

 private:
  const RecallTask& task_;
  PhiloxStream draws_;
  Episode episode_;
  size_t used_ = 0;
};

std::unique_ptr<TokenStream> RecallTask::Open(uint64_t document) const {
  return std::make_unique<EpisodeStream>(this, Draws(document));
}

// ---- Multi-query associative recall: n pairs, keys that get another value,
// then queries among fillers.

struct MqarForm {
  int32_t vocab = 0;
  int32_t pairs = 0;
  int32_t length = 0;
  int32_t updates = 0;          // so many keys get another value
  bool random_fillers = false;  // any id but the keys, in place of 0
  int32_t slots() const { return length / 2 - pairs - updates; }
};

constexpr int32_t kFiller = 0;

// Slots of the queries: slot j of 1, 2, ... weighs 1 / j, without replacement.
std::vector<size_t> DrawSlots(const MqarForm& form, PhiloxStream* draws) {
  std::vector<uint64_t> weights;
  uint64_t total = 0;
  for (int32_t j = 1; j <= form.slots(); ++j) {
    weights.push_back((uint64_t{1} << 40) / static_cast<uint64_t>(j));
    total += weights.back();
  }
  std::vector<size_t> slots;
  for (int32_t i = 0; i < form.pairs; ++i) {
    const size_t slot = DrawWeighted(weights, total, draws);
    total -= std::exchange(weights[slot], 0);
    slots.push_back(slot);
  }
  return slots;
}

class MqarTask : public RecallTask {
 public:
  MqarTask(const std::string& name,
           std::shared_ptr<const nlohmann::json> complete, uint64_t seed,
           MqarForm form)
      : RecallTask(name, complete, seed), form_(form) {}
  int32_t vocab_size() const override { return form_.vocab; }

  Episode Draw(PhiloxStream* draws) const override {
    const auto keys = DrawDistinct(1, num_keys(), form_.pairs, draws);
    auto values = DrawDistinct(form_.vocab / 2, num_values(),
                               form_.pairs + form_.updates, draws);
    const auto updated = DrawDistinct(0, form_.pairs, form_.updates, draws);
    Episode episode;
    for (size_t i = 0; i < values.size(); ++i) {
      const auto n = static_cast<int32_t>(i);
      const int32_t update = n - form_.pairs;
      if (update < 0) {
        episode.push_back({keys[i], std::log(num_keys() - n), kOrdinary});
      } else {
        const auto key = static_cast<size_t>(updated[i - keys.size()]);
        episode.push_back(
            {keys[key], std::log(form_.pairs - update), kOrdinary});
        values[key] = values[i];  // shown above; from here on the last one
      }
      episode.push_back({values[i], std::log(num_values() - n), kOrdinary});
    }
    AddSlots(keys, values, draws, &episode);
    return episode;
  }

 private:
  int32_t num_keys() const { return form_.vocab / 2 - 1; }
  int32_t num_values() const { return form_.vocab - form_.vocab / 2; }

  void AddSlots(const std::vector<int32_t>& keys,
                const std::vector<int32_t>& values, PhiloxStream* draws,
                Episode* episode) const {
    const size_t first = episode->size();
    const auto slots = DrawSlots(form_, draws);
    const int32_t fillers = form_.vocab - form_.pairs;
    // The second token after a filler: a filler, whichever the first one was.
    const double nats = form_.random_fillers ? std::log(fillers) : 0;
    for (int32_t i = 0; i < form_.slots(); ++i) {
      episode->push_back({kFiller, 0, kUnscored});  // a query or not
      episode->push_back({kFiller, nats, kOrdinary});
    }
    for (size_t i = 0; i < slots.size(); ++i) {
      (*episode)[first + 2 * slots[i]].id = keys[i];
      (*episode)[first + 2 * slots[i] + 1] = {values[i], 0, kAnswer};
    }
    if (form_.random_fillers) DrawFillers(keys, first, draws, episode);
  }

  // A filler that were a key would look like a query without its answer.
  void DrawFillers(std::vector<int32_t> keys, size_t first, PhiloxStream* draws,
                   Episode* episode) const {
    std::sort(keys.begin(), keys.end());
    const auto fillers = static_cast<uint64_t>(form_.vocab - form_.pairs);
    for (size_t t = first; t < episode->size(); ++t) {
      if ((*episode)[t].id != kFiller) continue;
      auto id = static_cast<int32_t>(DrawBelow(fillers, draws));
      for (const int32_t key : keys) id += key <= id;
      (*episode)[t].id = id;
    }
  }

  MqarForm form_;
};

// ---- Induction heads: the token after the marker, asked for at the end.

constexpr int32_t kMarker = 0;

class InductionTask : public RecallTask {
 public:
  InductionTask(std::shared_ptr<const nlohmann::json> complete, uint64_t seed,
                int32_t vocab, int32_t length)
      : RecallTask("induction", complete, seed),
        vocab_(vocab),
        length_(length) {}
  int32_t vocab_size() const override { return vocab_; }

  Episode Draw(PhiloxStream* draws) const override {
    const auto others = static_cast<uint64_t>(vocab_ - 1);
    Episode episode;
    int32_t answer = -1;
    bool seen = false;
    for (int32_t t = 0; t < length_ - 2; ++t) {
      // The marker is at one of the places 0 ... length - 4, all alike.
      const int32_t places = seen ? 0 : length_ - 3 - t;
      if (places > 0 && DrawBelow(static_cast<uint64_t>(places), draws) == 0) {
        episode.push_back({kMarker, std::log(places), kOrdinary});
        seen = true;
        continue;
      }
      const auto id = static_cast<int32_t>(1 + DrawBelow(others, draws));
      if (seen && answer < 0) answer = id;
      const double no_marker = places > 0 ? std::log1p(-1.0 / places) : 0;
      episode.push_back({id, std::log(vocab_ - 1) - no_marker, kOrdinary});
    }
    episode.push_back({kMarker, 0, kOrdinary});
    episode.push_back({answer, 0, kAnswer});
    return episode;
  }

 private:
  int32_t vocab_;
  int32_t length_;
};

// ---- Selective copying: data among noise, then the data alone.

constexpr int32_t kNoise = 0;
constexpr int32_t kCopy = 1;
constexpr int32_t kFirstDatum = 2;

class SelectiveCopyTask : public RecallTask {
 public:
  SelectiveCopyTask(std::shared_ptr<const nlohmann::json> complete,
                    uint64_t seed, int32_t vocab, int32_t data, int32_t places)
      : RecallTask("selective-copy", complete, seed),
        vocab_(vocab),
        data_(data),
        places_(places) {}
  int32_t vocab_size() const override { return vocab_; }

  Episode Draw(PhiloxStream* draws) const override {
    const int32_t kinds = vocab_ - kFirstDatum;
    Episode episode;
    std::vector<int32_t> data;
    for (int32_t t = 0; t < places_; ++t) {
      const int32_t left = data_ - static_cast<int32_t>(data.size());
      const int32_t places = places_ - t;
      const auto place =
          static_cast<int32_t>(DrawBelow(static_cast<uint64_t>(places), draws));
      if (place >= left) {
        const double p = static_cast<double>(places - left) / places;
        episode.push_back({kNoise, 0 - std::log(p), kOrdinary});
        continue;
      }
      data.push_back(kFirstDatum + static_cast<int32_t>(DrawBelow(
                                       static_cast<uint64_t>(kinds), draws)));
      const double p = static_cast<double>(left) / places / kinds;
      episode.push_back({data.back(), -std::log(p), kOrdinary});
    }
    episode.push_back({kCopy, 0, kOrdinary});
    for (const int32_t id : data) episode.push_back({id, 0, kAnswer});
    return episode;
  }

 private:
  int32_t vocab_;
  int32_t data_;
  int32_t places_;
};

int32_t Int(Parameters* p, const std::string& key, int64_t fallback,
            int64_t low, int64_t high = 1 << 20) {
  return static_cast<int32_t>(p->Integer(key, fallback, low, high));
}

MqarForm Form(Parameters* p) {
  MqarForm form;
  form.vocab = Int(p, "vocab", 256, 4);
  form.pairs = Int(p, "pairs", 8, 1);
  form.length = Int(p, "length", 64, 4);
  p->Require(form.pairs <= form.vocab / 2 - 1,
             "there are more pairs than keys, which are vocab / 2 - 1");
  return form;
}

}  // namespace

TaskPtr MakeMqar(const nlohmann::json& parameters, uint64_t seed) {
  Parameters p("mqar", parameters);
  const MqarForm form = Form(&p);
  p.Require(form.length % 2 == 0 && form.slots() >= form.pairs,
            "length is to be even and at least 4 * pairs");
  return std::make_unique<MqarTask>("mqar", p.Complete(), seed, form);
}

TaskPtr MakeForgettingMqar(const nlohmann::json& parameters, uint64_t seed) {
  Parameters p("forgetting-mqar", parameters);
  MqarForm form = Form(&p);
  form.updates = Int(&p, "updates", std::min(4, form.pairs), 0);
  form.random_fillers = Int(&p, "random_fillers", 0, 0, 1) == 1;
  p.Require(form.updates <= form.pairs, "there are more updates than pairs");
  p.Require(form.pairs + form.updates <= form.vocab - form.vocab / 2,
            "pairs + updates are more than the values, which are vocab / 2");
  p.Require(form.length % 2 == 0 && form.slots() >= form.pairs,
            "length is to be even and at least 4 * pairs + 2 * updates");
  return std::make_unique<MqarTask>("forgetting-mqar", p.Complete(), seed,
                                    form);
}

TaskPtr MakeInduction(const nlohmann::json& parameters, uint64_t seed) {
  Parameters p("induction", parameters);
  const int32_t vocab = Int(&p, "vocab", 16, 2);
  const int32_t length = Int(&p, "length", 256, 4);
  return std::make_unique<InductionTask>(p.Complete(), seed, vocab, length);
}

TaskPtr MakeSelectiveCopy(const nlohmann::json& parameters, uint64_t seed) {
  Parameters p("selective-copy", parameters);
  const int32_t vocab = Int(&p, "vocab", 16, 3);
  const int32_t data = Int(&p, "data", 16, 1);
  const int32_t places = Int(&p, "places", 256, 1);
  p.Require(data <= places, "there are more data than places");
  return std::make_unique<SelectiveCopyTask>(p.Complete(), seed, vocab, data,
                                             places);
}

}  // namespace plastometer::synthetic
