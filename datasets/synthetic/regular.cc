// In-context regular languages (RegBench): a finite automaton a document, words
// that it accepts. E. Akyurek, B. Wang, Y. Kim, J. Andreas, "In-context
// language learning: architectures and algorithms", arXiv 2401.12973.
#include <cmath>

#include "datasets/synthetic/draw.h"
#include "datasets/synthetic/parameters.h"
#include "datasets/synthetic/tasks.h"

namespace plastometer::synthetic {

namespace {

struct RegularForm {
  int32_t symbols = 0;  // ids 0 ... symbols - 1; the separator comes after
  int32_t min_symbols = 0;
  int32_t min_nodes = 0, max_nodes = 0;
  int32_t max_edges = 0;  // out of a node
  int32_t max_word = 0;
};

struct Edge {
  int32_t symbol = 0;
  int32_t to = 0;
};

// [node][edge]; words begin at node 0, every node may end one.
using Automaton = std::vector<std::vector<Edge>>;

int32_t DrawFromTo(int32_t low, int32_t high, PhiloxStream* draws) {
  return low + static_cast<int32_t>(
                   DrawBelow(static_cast<uint64_t>(high - low + 1), draws));
}

// Not minimised: nodes that accept the same words emit them with the same
// probabilities, so that the text's law would be the same.
Automaton DrawAutomaton(const RegularForm& form, PhiloxStream* draws) {
  const int32_t nodes = DrawFromTo(form.min_nodes, form.max_nodes, draws);
  const int32_t size = DrawFromTo(form.min_symbols, form.symbols, draws);
  const auto alphabet = DrawDistinct(0, form.symbols, size, draws);
  Automaton automaton(static_cast<size_t>(nodes));
  for (int32_t node = 0; node < nodes; ++node) {
    const int32_t edges = DrawFromTo(1, form.max_edges, draws);
    const auto symbols = DrawDistinct(0, size, edges, draws);
    const auto targets = DrawDistinct(0, nodes - 1, edges, draws);
    for (size_t e = 0; e < symbols.size(); ++e) {
      // No edge leads back to its own node.
      const int32_t to = targets[e] + (targets[e] >= node ? 1 : 0);
      automaton[static_cast<size_t>(node)].push_back(
          {alphabet[static_cast<size_t>(symbols[e])], to});
    }
  }
  return automaton;
}

class RegularStream : public TokenStream {
 public:
  RegularStream(const RegularForm& form, PhiloxStream draws)
      : form_(form), draws_(draws), automaton_(DrawAutomaton(form, &draws_)) {}

  Token Next() override {
    // Every length from 1 is alike: with n lengths left a word ends here with
    // probability 1 / n.
    const int32_t lengths = form_.max_word - length_ + 1;
    const bool may_end = length_ > 0;
    if (may_end && DrawBelow(static_cast<uint64_t>(lengths), &draws_) == 0) {
      length_ = 0;
      node_ = 0;
      return {form_.symbols, std::log(lengths), kUnscored};
    }
    const std::vector<Edge>& edges = automaton_[static_cast<size_t>(node_)];
    const Edge& edge = edges[DrawBelow(edges.size(), &draws_)];
    const double no_end = may_end ? std::log1p(-1.0 / lengths) : 0;
    ++length_;
    node_ = edge.to;
    return {edge.symbol, std::log(static_cast<double>(edges.size())) - no_end,
            kUnscored};
  }

 private:
  const RegularForm form_;
  PhiloxStream draws_;
  const Automaton automaton_;
  int32_t length_ = 0;  // symbols of the present word
  int32_t node_ = 0;
};

class RegularTask : public SyntheticTask {
 public:
  RegularTask(std::shared_ptr<const nlohmann::json> complete, uint64_t seed,
              RegularForm form)
      : SyntheticTask("regular", std::move(complete), seed), form_(form) {}
  int32_t vocab_size() const override { return form_.symbols + 1; }
  std::unique_ptr<TokenStream> Open(uint64_t document) const override {
    return std::make_unique<RegularStream>(form_,
                                           PhiloxStream(key(), document));
  }

 private:
  RegularForm form_;
};

}  // namespace

TaskPtr MakeRegular(const nlohmann::json& parameters, uint64_t seed) {
  Parameters p("regular", parameters);
  const auto integer = [&p](const char* key, int64_t fallback, int64_t low) {
    return static_cast<int32_t>(p.Integer(key, fallback, low, 4096));
  };
  RegularForm form;
  form.symbols = integer("symbols", 18, 1);
  form.min_symbols = integer("min_symbols", 4, 1);
  form.min_nodes = integer("min_nodes", 4, 2);
  form.max_nodes = integer("max_nodes", 12, 2);
  form.max_edges = integer("max_edges", 3, 1);
  form.max_word = integer("max_word", 49, 1);
  p.Require(form.min_symbols <= form.symbols, "min_symbols is above symbols");
  p.Require(form.min_nodes <= form.max_nodes, "min_nodes is above max_nodes");
  p.Require(
      form.max_edges <= form.min_symbols && form.max_edges < form.min_nodes,
      "edges of a node have different symbols and lead to different "
      "other nodes: max_edges is to be at most min_symbols and "
      "min_nodes - 1");
  return std::make_unique<RegularTask>(p.Complete(), seed, form);
}

}  // namespace plastometer::synthetic
