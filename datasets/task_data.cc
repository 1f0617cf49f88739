#include "datasets/task_data.h"

#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "datasets/synthetic/synthetic.h"

namespace plastometer {
namespace {

using synthetic::SyntheticDocument;
using synthetic::SyntheticTask;

std::unique_ptr<SyntheticTask> Make(const TaskData& data) {
  return synthetic::MakeSyntheticTask(
      data.name,
      ParseJson(data.parameters_json, "parameters of task " + data.name),
      data.seed);
}

static_assert(int{synthetic::kFunctionWord} == int(WordClass::kFunction) &&
              int{synthetic::kSeenContent} == int(WordClass::kSeenContent) &&
              int{synthetic::kNewContent} == int(WordClass::kNewContent));

Window MakeWindow(const TaskData& data, int64_t index,
                  const SyntheticDocument& document) {
  Window w;
  w.source = w.domain = data.name;
  w.work = w.document = std::to_string(index);
  w.ids = document.ids;
  for (const uint8_t word : document.words)
    w.word_classes.push_back(static_cast<WordClass>(word));
  for (size_t t = 0; t < document.ids.size(); ++t) {
    const bool exact = document.labels[t] != synthetic::kUnscored;
    w.floor_nats.push_back(exact ? document.floor_nats[t]
                                 : std::numeric_limits<double>::quiet_NaN());
    if (data.answers_only)
      w.scored.push_back(t > 0 && document.labels[t] == synthetic::kAnswer);
  }
  return w;
}

// Of its window: ids, floors and word classes.
uint64_t BytesOfDocument(int64_t num_tokens) {
  return BoundedProduct(static_cast<uint64_t>(num_tokens),
                        sizeof(int32_t) + sizeof(double) + sizeof(WordClass));
}

// JSON that a terminal can break into lines.
std::string Spaced(const std::string& json) {
  std::string text;
  for (const char c : json) text += c == ',' ? ", " : std::string(1, c);
  return text;
}

}  // namespace

EvaluationSet LoadTaskData(const TaskData& data) {
  const auto task = Make(data);
  const uint64_t first = data.held_out ? synthetic::kHeldOutDocuments : 0;
  RequireMemory(
      BoundedProduct(static_cast<uint64_t>(data.num_documents),
                     sizeof(Window) + BytesOfDocument(data.num_tokens)),
      std::to_string(data.num_documents) + " documents of " +
          std::to_string(data.num_tokens) + " tokens of task " + data.name);
  EvaluationSet set;
  size_t num_answers = 0;
  for (int64_t d = 0; d < data.num_documents; ++d) {
    set.windows.push_back(
        MakeWindow(data, d,
                   task->Document(first + static_cast<uint64_t>(d),
                                  static_cast<size_t>(data.num_tokens))));
    for (const uint8_t scored : set.windows.back().scored)
      num_answers += scored;
  }
  if (data.answers_only && num_answers == 0)
    throw InvalidError("task " + data.name + " has no answer in " +
                       std::to_string(data.num_documents) + " documents of " +
                       std::to_string(data.num_tokens) +
                       " tokens; score all, or take longer documents");
  set.sha256 = WindowsSha256(set.windows);
  set.notes.push_back("generated: task " + data.name + ", parameters " +
                      Spaced(task->parameters().dump()) + ", seed " +
                      std::to_string(data.seed) +
                      (data.held_out ? ", documents that training never sees"
                                     : ", training documents"));
  return set;
}

int64_t TaskVocabulary(const TaskData& data) {
  return Make(data)->vocab_size();
}

}  // namespace plastometer
