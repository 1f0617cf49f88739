// Which words are learned how strongly: gradient and applied step by word
// class, plain and among tokens of equal loss or equal frequency.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "harness/results/by_work.h"
#include "harness/results/window_statistics.h"

namespace plastometer {

struct ClassMean {
  std::string condition, word_class;  // "all", "loss 2 to 4 nats", ...
  int64_t tokens = 0;
  stats::Interval log_step;  // 0: as is usual at its position
};

// Means over a class's tokens of a norm over all layers and heads that learn;
// a step of 0 counts as 0.
struct ClassNorms {
  std::string word_class;
  int64_t tokens = 0;
  stats::Interval gradient, step;
};

// Mean log step of one class minus another's, by work; plain, and compared only
// within bins of equal loss or equal frequency. Its exponential is a factor.
struct ClassContrast {
  std::string a, b;
  stats::Interval plain, equal_loss, equal_frequency;
};

struct WordLearning {
  std::vector<ClassNorms> norms;
  std::vector<ClassMean> classes;
  std::vector<ClassContrast> contrasts;
  // Steps of one token in one learning layer; of these, those of exactly 0,
  // which no logarithm holds; and tokens whose step is 0 in every such layer.
  int64_t steps = 0, zero_steps = 0, zero_tokens = 0;
};

// Window by window.
class WordSums {
 public:
  // `counts`: how often each token id stands in the run's text. `class_names`
  // by the class's value.
  WordSums(size_t num_works, uint64_t seed,
           const std::map<int32_t, int64_t>& counts,
           std::vector<std::string> class_names);
  void Add(size_t work, const WindowStatistics& s);
  WordLearning Finish() const;

 private:
  struct Sum {
    ByWork works;
    int64_t tokens = 0;
  };
  using Sums = std::map<std::pair<size_t, size_t>, Sum>;  // condition, class

  std::vector<double> LogSteps(const WindowStatistics& s);
  void AddTo(Sums& sums, size_t condition, size_t word_class, size_t work,
             double value);
  stats::Interval Contrast(const Sums& sums, size_t num_conditions, size_t a,
                           size_t b) const;
  std::string NameOf(size_t word_class) const;
  void FinishContrasts(WordLearning& words) const;

  size_t num_works_;
  uint64_t seed_;
  std::vector<std::string> class_names_;
  std::map<int32_t, double> rank_of_id_;
  Sums gradient_, step_, plain_, by_loss_, by_rank_;
  int64_t steps_ = 0, zero_steps_ = 0, zero_tokens_ = 0;
};

}  // namespace plastometer
