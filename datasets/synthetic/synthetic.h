// Generated tasks whose Bayes loss is known token by token: docs/synthetic.md.
// Ids are a pure function of (task, parameters, seed, document): integer
// arithmetic on Philox draws, the same bytes on every platform. Floors are
// doubles that use std::log: equal to the last few bits only.
#pragma once
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace plastometer::synthetic {

enum TokenLabel : uint8_t {
  kOrdinary = 0,
  kAnswer = 1,  // determined by what came before: the recall under test
  // No exact floor: a bound from below stands there. 0, or what a reader pays
  // who knows the law that the document was drawn from (regular).
  kUnscored = 2,
  kChange = 3,  // the first token drawn after the law was drawn anew
};

// Of tasks whose ids are words; numbers are those of datasets/word_class.h.
enum WordKind : uint8_t {
  kNoWord = 0,
  kFunctionWord = 1,
  kSeenContent = 2,  // stood earlier in the document
  kNewContent = 3
};

struct Token {
  int32_t id = 0;
  // -ln p(id | all ids before it) under the exact law of the task.
  double floor_nats = 0;
  TokenLabel label = kOrdinary;
  WordKind word = kNoWord;
};

// Documents from here on are for evaluation, those below for training: a model
// never meets a document that it was trained on.
inline constexpr uint64_t kHeldOutDocuments = uint64_t{1} << 40;

// One document, token after token, without end.
class TokenStream {
 public:
  virtual ~TokenStream() = default;
  virtual Token Next() = 0;
};

// A predictor, fed any ids; a task's own is Bayes-optimal.
class FloorAgent {
 public:
  virtual ~FloorAgent() = default;
  // -ln p(id | ids observed before), >= 0; then learns id, 0 <= id < vocab.
  virtual double Observe(int32_t id) = 0;
};

// All have the length asked for.
struct SyntheticDocument {
  std::vector<int32_t> ids;
  std::vector<double> floor_nats;
  std::vector<uint8_t> labels;  // TokenLabel
  std::vector<uint8_t> words;   // WordKind
};

class SyntheticTask {
 public:
  virtual ~SyntheticTask() = default;
  const std::string& name() const { return name_; }
  // Complete: defaults filled in.
  const nlohmann::json& parameters() const { return *parameters_; }
  uint64_t seed() const { return seed_; }
  virtual int32_t vocab_size() const = 0;
  virtual std::unique_ptr<TokenStream> Open(uint64_t document) const = 0;
  // Null where the floor is known from how the document was made and not by a
  // filter: recall tasks, regular.
  virtual std::unique_ptr<FloorAgent> NewAgent() const { return nullptr; }

  // Where a law comes back (forgetting): a reader who knows every border and
  // begins anew there. What the other gains on it is what memory is worth.
  virtual std::unique_ptr<FloorAgent> NewForgettingAgent() const {
    return nullptr;
  }

  // The first `length` tokens; a longer document begins with the shorter.
  SyntheticDocument Document(uint64_t document, size_t length) const;

 protected:
  SyntheticTask(std::string name,
                std::shared_ptr<const nlohmann::json> parameters,
                uint64_t seed);
  // Draws of one document. Documents are below 2^63; above are the task's own.
  uint64_t key() const { return key_; }

 private:
  std::string name_;
  std::shared_ptr<const nlohmann::json> parameters_;
  uint64_t seed_;
  uint64_t key_;
};

// `parameters` is an object; what it leaves out has defaults. Throws kUsage:
// an unknown task or parameter, a value out of its range.
std::unique_ptr<SyntheticTask> MakeSyntheticTask(
    const std::string& name, const nlohmann::json& parameters, uint64_t seed);
std::vector<std::string> SyntheticTaskNames();

// A baseline for any ids below `vocab`: (count + alpha) / (total + vocab alpha)
// after the last `order` ids; alpha 1 is Laplace's rule, 1/2 that of
// Krichevsky and Trofimov. The first `order` ids cost ln vocab. Order 1 with a
// task's own alpha is the Bayes law of chains. Throws kUsage: vocab < 2,
// order < 0, alpha <= 0, vocab^(order + 1) above 2^63.
std::unique_ptr<FloorAgent> NewNgramAgent(int32_t vocab, int order,
                                          double alpha);

}  // namespace plastometer::synthetic
