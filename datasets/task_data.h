// Windows of a generated task: one a document, with its exact floor.
#pragma once
#include <cstdint>
#include <string>

#include "datasets/corpus.h"

namespace plastometer {

struct TaskData {
  std::string name;                    // docs/synthetic.md
  std::string parameters_json = "{}";  // what is left out has defaults
  uint64_t seed = 1;
  int64_t num_documents = 64;
  int64_t num_tokens = 128;   // of each
  bool answers_only = false;  // score the answers alone
  // Documents that training never sees; false: those that it sees, from the
  // first.
  bool held_out = true;
};

// Throws kUsage: unknown task or parameter, a value out of its range;
// kInvalid: nothing to score.
EvaluationSet LoadTaskData(const TaskData& data);
// Number of ids of the task. Throws kUsage.
int64_t TaskVocabulary(const TaskData& data);

}  // namespace plastometer
