// A small language: sentences of function words, content words and names, in
// styles that shift, after a rule that is stated once and asked for later. A
// reader learns from the ids which style is on, which names are about, and what
// the rule says; the agent that knows the law gives the floor.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

#include "datasets/synthetic/draw.h"
#include "datasets/synthetic/parameters.h"
#include "datasets/synthetic/tasks.h"

namespace plastometer::synthetic {

namespace {

constexpr int32_t kStop = 0;
constexpr int32_t kRule = 1;
constexpr int32_t kQuery = 2;
constexpr int32_t kFirstWord = 3;

enum Part { kEnd, kFunction, kContent, kName };
constexpr int kNumParts = 4;

// Weights in sixteenths of the part that follows; a sentence begins after kEnd.
using Grammar = std::array<std::array<uint64_t, kNumParts>, kNumParts>;
constexpr uint64_t kGrammarTotal = 16;
constexpr std::array<Grammar, 2> kGrammars{{
    // end, function, content, name
    {{{0, 12, 0, 4}, {0, 2, 10, 4}, {6, 6, 3, 1}, {6, 8, 2, 0}}},  // full
    {{{0, 2, 10, 4}, {0, 0, 12, 4}, {5, 2, 7, 2}, {6, 1, 9, 0}}},  // terse
}};

struct LanguageForm {
  int32_t functions = 0, contents = 0, names = 0;  // words of each part
  int32_t styles = 0;
  int32_t rules = 0;  // pairs of a cue and its answer
  Fraction shift;     // before each unit: the style is drawn anew
  Fraction query;     // a unit is a query, while cues are left
  Fraction novelty;   // of names: theta of Hoppe's urn

  int32_t first_content() const { return kFirstWord + functions; }
  int32_t first_name() const { return first_content() + contents; }
  int32_t vocab() const { return first_name() + names; }
  // Cues are of the first half of the content words, answers of the second.
  int32_t num_cues() const { return contents / 2; }
  int32_t first_answer() const { return first_content() + num_cues(); }
  int32_t num_answers() const { return contents - num_cues(); }

  Part PartOf(int32_t id) const {
    return id < kFirstWord        ? kEnd
           : id < first_content() ? kFunction
           : id < first_name()    ? kContent
                                  : kName;
  }
};

// What the form of a style says: the grammar and the frequencies of words.
struct Style {
  const Grammar* grammar;
  std::vector<uint64_t> functions, contents;
  uint64_t functions_total, contents_total;
};

// Zipf's law over ranks; each style has its words in another order.
std::vector<uint64_t> ZipfWeights(int32_t size, int32_t style, int32_t styles) {
  std::vector<uint64_t> weights;
  const int64_t turn = int64_t{size} * style / styles;
  for (int32_t i = 0; i < size; ++i)
    weights.push_back((uint64_t{1} << 20) /
                      static_cast<uint64_t>((i + turn) % size + 1));
  return weights;
}

std::vector<Style> MakeStyles(const LanguageForm& form) {
  std::vector<Style> styles;
  for (int32_t s = 0; s < form.styles; ++s) {
    Style style{&kGrammars[static_cast<size_t>(s) % kGrammars.size()],
                ZipfWeights(form.functions, s, form.styles),
                ZipfWeights(form.contents, s, form.styles), 0, 0};
    style.functions_total = std::accumulate(style.functions.begin(),
                                            style.functions.end(), uint64_t{0});
    style.contents_total = std::accumulate(style.contents.begin(),
                                           style.contents.end(), uint64_t{0});
    styles.push_back(std::move(style));
  }
  return styles;
}

struct Language {
  explicit Language(const LanguageForm& f) : form(f), styles(MakeStyles(f)) {}
  const LanguageForm form;
  const std::vector<Style> styles;
};

// What the ids alone tell: where in the text we are, and what has been seen.
class Reader {
 public:
  enum Phase {
    kRuleMark,
    kStatedCue,
    kStatedAnswer,
    kRuleStop,
    kUnit,  // a sentence or a query begins
    kSentence,
    kAskedCue,
    kAskedAnswer
  };

  explicit Reader(const LanguageForm& form)
      : form_(form),
        phase_(form.rules > 0 ? kRuleMark : kUnit),
        name_counts_(static_cast<size_t>(form.names), 0) {}

  Phase phase() const { return phase_; }
  Part last() const { return last_; }
  bool first_unit() const { return num_units_ == 0; }
  const std::vector<size_t>& unasked() const { return unasked_; }
  int32_t cue(size_t rule) const { return cues_[rule]; }
  int32_t answer() const { return answers_[asked_]; }
  const std::vector<uint64_t>& name_counts() const { return name_counts_; }
  uint64_t num_mentions() const { return num_mentions_; }
  uint64_t num_unseen_names() const {
    return name_counts_.size() - num_names_seen_;
  }
  // Hoppe's urn: a new name weighs theta, while there are any; each mention 1.
  // All times theta's denominator.
  uint64_t new_name_weight() const {
    return num_unseen_names() > 0 ? form_.novelty.num : 0;
  }
  uint64_t mentions_weight() const { return num_mentions_ * form_.novelty.den; }

  WordKind KindOf(int32_t id) const {
    switch (form_.PartOf(id)) {
      case kEnd:
        return kNoWord;
      case kFunction:
        return kFunctionWord;
      default:
        return seen_.count(id) > 0 ? kSeenContent : kNewContent;
    }
  }

  // p(id | ids read before, style).
  double Probability(int32_t id, const Style& style) const {
    switch (phase_) {
      case kRuleMark:
        return id == kRule;
      case kStatedCue:
        return Unused(id, cues_, form_.first_content(), form_.num_cues());
      case kStatedAnswer:
        return Unused(id, answers_, form_.first_answer(), form_.num_answers());
      case kRuleStop:
        return id == kStop;
      case kUnit: {
        const double query = unasked_.empty() ? 0 : form_.query.value();
        return id == kQuery ? query : (1 - query) * InSentence(id, style);
      }
      case kSentence:
        return InSentence(id, style);
      case kAskedCue: {
        const auto is_it = [&](size_t rule) { return cues_[rule] == id; };
        return std::ranges::any_of(unasked_, is_it)
                   ? 1.0 / static_cast<double>(unasked_.size())
                   : 0;
      }
      default:
        return id == answer();
    }
  }

  // `id` has a probability above 0.
  void Read(int32_t id) {
    if (phase_ == kUnit) ++num_units_;
    if (phase_ == kUnit || phase_ == kSentence) last_ = form_.PartOf(id);
    switch (phase_) {
      case kRuleMark:
        phase_ = kStatedCue;
        break;
      case kStatedCue:
        cues_.push_back(id);
        phase_ = kStatedAnswer;
        break;
      case kStatedAnswer:
        answers_.push_back(id);
        unasked_.push_back(unasked_.size());
        phase_ = static_cast<int32_t>(answers_.size()) < form_.rules
                     ? kStatedCue
                     : kRuleStop;
        break;
      case kRuleStop:
        phase_ = kUnit;
        break;
      case kUnit:
        if (id == kQuery) {
          phase_ = kAskedCue;
          break;
        }
        [[fallthrough]];
      case kSentence:
        phase_ = id == kStop ? kUnit : kSentence;
        break;
      case kAskedCue:
        Ask(id);
        break;
      case kAskedAnswer:
        phase_ = kUnit;
        break;
    }
    if (form_.PartOf(id) == kName) {
      uint64_t& count =
          name_counts_[static_cast<size_t>(id - form_.first_name())];
      num_names_seen_ += count++ == 0;
      ++num_mentions_;
    }
    seen_.insert(id);
  }

 private:
  static double Unused(int32_t id, const std::vector<int32_t>& used,
                       int32_t first, int32_t size) {
    if (id < first || id >= first + size ||
        std::ranges::find(used, id) != used.end())
      return 0;
    return 1.0 / (size - static_cast<int32_t>(used.size()));
  }

  double InSentence(int32_t id, const Style& style) const {
    if (id == kRule || id == kQuery) return 0;
    const Part part = form_.PartOf(id);
    const Part from = phase_ == kUnit ? kEnd : last_;
    const double p = static_cast<double>((*style.grammar)[from][part]) /
                     static_cast<double>(kGrammarTotal);
    const auto share = [](uint64_t weight, uint64_t total) {
      return static_cast<double>(weight) / static_cast<double>(total);
    };
    switch (part) {
      case kEnd:
        return p;
      case kFunction:
        return p * share(style.functions[static_cast<size_t>(id - kFirstWord)],
                         style.functions_total);
      case kContent:
        return p * share(style.contents[static_cast<size_t>(
                             id - form_.first_content())],
                         style.contents_total);
      default:
        return p * Name(static_cast<size_t>(id - form_.first_name()));
    }
  }

  // All unseen names alike; of earlier mentions, too, all alike.
  double Name(size_t name) const {
    const auto fresh = static_cast<double>(new_name_weight());
    const auto mentions = static_cast<double>(mentions_weight());
    if (name_counts_[name] == 0)
      return fresh / (mentions + fresh) /
             static_cast<double>(num_unseen_names());
    return static_cast<double>(name_counts_[name] * form_.novelty.den) /
           (mentions + fresh);
  }

  void Ask(int32_t cue) {
    const auto at = std::ranges::find_if(
        unasked_, [&](size_t rule) { return cues_[rule] == cue; });
    asked_ = *at;
    unasked_.erase(at);
    phase_ = kAskedAnswer;
  }

  LanguageForm form_;
  Phase phase_;
  Part last_ = kEnd;
  int64_t num_units_ = 0;
  std::vector<int32_t> cues_, answers_;
  std::vector<size_t> unasked_;  // rules, in the order stated
  size_t asked_ = 0;
  std::vector<uint64_t> name_counts_;
  uint64_t num_mentions_ = 0, num_names_seen_ = 0;
  std::set<int32_t> seen_;
};

// Knows the law and filters the style, as a hidden Markov model's.
class LanguageAgent : public FloorAgent {
 public:
  explicit LanguageAgent(const Language* language)
      : language_(*language),
        reader_(language->form),
        weights_(language->styles.size(),
                 1.0 / static_cast<double>(language->styles.size())) {}

  double Observe(int32_t id) override {
    if (reader_.phase() == Reader::kUnit && !reader_.first_unit()) Shift();
    std::vector<double> joint(weights_.size());
    double evidence = 0, total = 0;  // total: 1 up to rounding
    for (size_t s = 0; s < joint.size(); ++s) {
      joint[s] = weights_[s] * reader_.Probability(id, language_.styles[s]);
      evidence += joint[s];
      total += weights_[s];
    }
    const double nats = std::max(0.0, -std::log(evidence / total));
    if (evidence <= 0) return nats;  // not of the language: learns nothing
    for (size_t s = 0; s < joint.size(); ++s) weights_[s] = joint[s] / evidence;
    reader_.Read(id);
    return nats;
  }

 private:
  void Shift() {
    const double h = language_.form.shift.value();
    for (double& w : weights_)
      w = (1 - h) * w + h / static_cast<double>(weights_.size());
  }

  const Language& language_;
  Reader reader_;
  std::vector<double> weights_;  // of each style, before the next id
};

class LanguageStream : public TokenStream {
 public:
  LanguageStream(const Language* language, PhiloxStream draws)
      : language_(*language),
        draws_(draws),
        reader_(language->form),
        agent_(language) {
    const LanguageForm& form = language_.form;
    DrawStyle();
    cues_ = DrawDistinct(form.first_content(), form.num_cues(), form.rules,
                         &draws_);
    answers_ = DrawDistinct(form.first_answer(), form.num_answers(), form.rules,
                            &draws_);
  }

  Token Next() override {
    Token token;
    if (reader_.phase() == Reader::kUnit && !reader_.first_unit() &&
        DrawEvent(language_.form.shift, &draws_)) {
      DrawStyle();
      token.label = kChange;
    }
    if (reader_.phase() == Reader::kAskedAnswer) token.label = kAnswer;
    token.id = Draw();
    token.word = reader_.KindOf(token.id);
    token.floor_nats = agent_.Observe(token.id);
    reader_.Read(token.id);
    return token;
  }

 private:
  void DrawStyle() {
    style_ = &language_.styles[DrawBelow(language_.styles.size(), &draws_)];
  }

  int32_t Draw() {
    switch (reader_.phase()) {
      case Reader::kRuleMark:
        return kRule;
      case Reader::kStatedCue:
        return cues_[stated_];
      case Reader::kStatedAnswer:
        return answers_[stated_++];
      case Reader::kRuleStop:
        return kStop;
      case Reader::kUnit:
        if (!reader_.unasked().empty() &&
            DrawEvent(language_.form.query, &draws_))
          return kQuery;
        return DrawWord(kEnd);
      case Reader::kSentence:
        return DrawWord(reader_.last());
      case Reader::kAskedCue:
        return reader_.cue(
            reader_.unasked()[DrawBelow(reader_.unasked().size(), &draws_)]);
      default:
        return reader_.answer();
    }
  }

  int32_t DrawWord(Part from) {
    const LanguageForm& form = language_.form;
    switch (DrawWeighted((*style_->grammar)[from], kGrammarTotal, &draws_)) {
      case kEnd:
        return kStop;
      case kFunction:
        return kFirstWord + DrawOf(style_->functions, style_->functions_total);
      case kContent:
        return form.first_content() +
               DrawOf(style_->contents, style_->contents_total);
      default:
        return form.first_name() + DrawName();
    }
  }

  int32_t DrawOf(const std::vector<uint64_t>& weights, uint64_t total) {
    return static_cast<int32_t>(DrawWeighted(weights, total, &draws_));
  }

  int32_t DrawName() {
    const auto& counts = reader_.name_counts();
    const uint64_t fresh = reader_.new_name_weight();
    const uint64_t total = reader_.mentions_weight() + fresh;
    if (DrawBelow(total, &draws_) >= fresh)
      return DrawOf(counts, reader_.num_mentions());
    uint64_t left = DrawBelow(reader_.num_unseen_names(), &draws_);
    size_t name = 0;
    while (counts[name] > 0 || left-- > 0) ++name;
    return static_cast<int32_t>(name);
  }

  const Language& language_;
  PhiloxStream draws_;
  Reader reader_;
  LanguageAgent agent_;
  const Style* style_ = nullptr;
  std::vector<int32_t> cues_, answers_;
  size_t stated_ = 0;
};

class LanguageTask : public SyntheticTask {
 public:
  LanguageTask(std::shared_ptr<const nlohmann::json> complete, uint64_t seed,
               const LanguageForm& form)
      : SyntheticTask("language", std::move(complete), seed), language_(form) {}
  int32_t vocab_size() const override { return language_.form.vocab(); }
  std::unique_ptr<TokenStream> Open(uint64_t document) const override {
    return std::make_unique<LanguageStream>(&language_,
                                            PhiloxStream(key(), document));
  }
  std::unique_ptr<FloorAgent> NewAgent() const override {
    return std::make_unique<LanguageAgent>(&language_);
  }

 private:
  Language language_;
};

}  // namespace

TaskPtr MakeLanguage(const nlohmann::json& parameters, uint64_t seed) {
  Parameters p("language", parameters);
  const auto integer = [&p](const char* key, int64_t fallback, int64_t low) {
    return static_cast<int32_t>(p.Integer(key, fallback, low, 4096));
  };
  LanguageForm form;
  form.functions = integer("functions", 15, 1);
  form.contents = integer("contents", 192, 2);
  form.names = integer("names", 46, 1);
  form.styles = integer("styles", 2, 1);
  form.rules = integer("rules", 8, 0);
  form.shift = p.Ratio("shift", {1, 16});
  form.query = p.Ratio("query", {1, 8});
  form.novelty = p.Ratio("novelty", {2, 1});
  p.Require(form.rules <= form.num_cues(),
            "there are more rules than cues, which are contents / 2");
  p.Require(form.shift.value() <= 1, "shift is above 1");
  p.Require(form.query.value() < 1, "query is not below 1");
  p.Require(form.novelty.num > 0, "novelty is 0: no name would ever be new");
  return std::make_unique<LanguageTask>(p.Complete(), seed, form);
}

}  // namespace plastometer::synthetic
