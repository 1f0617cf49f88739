// Which words lose what under which profile: losses by word class and by work,
// plain and among tokens of equal loss under uniform.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/word_class.h"
#include "harness/results/by_work.h"
#include "harness/results/record.h"

namespace plastometer {

struct ClassGroup {
  std::string name;
  std::vector<WordClass> classes;
};
// Prose: what carries syntax, and what carries meaning; and of code.
ClassGroup FunctionWords();
ClassGroup ContentWords();
ClassGroup Keywords();
ClassGroup Identifiers();
ClassGroup OneClass(WordClass word_class);

// Bin k of equal loss: uniform's loss of the token is in [edge k, edge k + 1)
// nats, the last one has no upper end.
inline constexpr double kEqualLossEdges[] = {0, 0.5, 1, 2, 3, 4, 5, 6, 8};
inline constexpr size_t kNumEqualLossBins = std::size(kEqualLossEdges);

// Window by window. All ByWork: one a work, in the order of WorkPlaces, weight
// 0 where a work has no such token. Profiles by their place in
// RunRecord::profiles. Scored tokens whose loss is finite under every profile.
class ClassLosses {
 public:
  explicit ClassLosses(const RunRecord& record);
  // Of the record that it was made of; `word_class` [T], values of WordClass.
  // Throws kInternal when they are not as many as the window's tokens.
  void Add(const RunRecord& record, size_t window,
           std::span<const uint8_t> word_class);

  int64_t Tokens(const ClassGroup& group) const;
  // Loss of the group's tokens: nats, and tokens.
  ByWork Loss(size_t profile, const ClassGroup& group) const;
  // L_p - L_q of the group's tokens; in one bin of equal loss.
  ByWork Difference(size_t p, size_t q, const ClassGroup& group) const;
  ByWork DifferenceInBin(size_t bin, size_t p, size_t q,
                         const ClassGroup& group) const;
  // L_p - L_q of the tokens of `a` less that of `b`, within each work; weighted
  // by the smaller number of tokens.
  ByWork Contrast(size_t p, size_t q, const ClassGroup& a,
                  const ClassGroup& b) const;
  // The same within each bin of equal loss, then over bins: what is left once
  // that one of them is easier is out.
  ByWork ContrastAtEqualLoss(size_t p, size_t q, const ClassGroup& a,
                             const ClassGroup& b) const;
  const std::vector<std::string>& domain_of_work() const {
    return domain_of_work_;
  }

 private:
  size_t num_works() const { return domain_of_work_.size(); }
  size_t Cell(size_t work, size_t word_class, size_t bin) const {
    return (work * kNumWordClasses + word_class) * kNumEqualLossBins + bin;
  }
  template <class Value>
  ByWork Sum(const ClassGroup& group, size_t first_bin, size_t last_bin,
             const Value& value) const;

  std::vector<std::string> domain_of_work_;
  std::vector<size_t> work_of_window_;
  size_t uniform_ = 0;
  std::vector<double> tokens_;            // [work, class, bin]
  std::vector<std::vector<double>> nll_;  // [profile][work, class, bin], nats
};

}  // namespace plastometer
