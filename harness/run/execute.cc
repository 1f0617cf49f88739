#include "harness/run/execute.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/interrupt.h"
#include "harness/run/measure.h"
#include "harness/run/progress.h"
#include "harness/run/tracing.h"
#include "model/model.h"

namespace plastometer {
namespace {

// What is there already.
struct Done {
  std::set<UnitId> units, traces;
};

Done DoneUnits(const RunPlan& plan, const Journal& journal,
               const std::string& source) {
  Done done;
  for (const JournalUnit& unit : journal.units)
    done.units.insert(CheckedId(plan, unit, source));
  for (const JournalTrace& trace : journal.traces)
    done.traces.insert(CheckedId(plan, trace, source));
  return done;
}

class Executor {
 public:
  Executor(const RunPlan& plan, const std::vector<LoadedGroup>& groups,
           const Shard& shard, int threads, Done done, JournalWriter& journal,
           RunFolder& folder)
      : plan_(plan),
        groups_(groups),
        shard_(shard),
        threads_(threads),
        done_(std::move(done)),
        journal_(journal),
        folder_(folder) {}

  void Run(bool show_progress) {
    int64_t first_batch = 0;  // batches are numbered over all groups
    for (size_t g = 0; g < groups_.size(); ++g) {
      RunGroup(g, first_batch, show_progress);
      first_batch += static_cast<int64_t>(
          BatchesOf(groups_[g].data.windows, groups_[g].spec.batch_size)
              .size());
    }
  }

 private:
  bool IsMine(int64_t batch) const { return batch % shard_.num == shard_.idx; }

  void RunGroup(size_t g, int64_t first_batch, bool show_progress) {
    const LoadedGroup& group = groups_[g];
    const std::vector<Batch> batches =
        BatchesOf(group.data.windows, group.spec.batch_size);
    // Bits of the lanes that are not portable depend on a batch's rows, so a
    // batch is measured whole or not at all.
    const auto wanted = [&](size_t batch, size_t profile) {
      if (!IsMine(first_batch + static_cast<int64_t>(batch))) return false;
      const auto& windows = batches[batch].window_idx;
      return !std::all_of(windows.begin(), windows.end(), [&](size_t w) {
        return done_.units.contains({g, profile, w});
      });
    };
    if (!AnythingLeft(g, first_batch, batches, wanted)) return;
    const Model model = Model::Load(group.choice.file, {group.lane, threads_});
    std::optional<Progress> progress;
    if (show_progress)
      progress.emplace("measuring " + group.spec.name,
                       NumMine(first_batch, batches.size(), g) -
                           NumWanted(batches.size(), g, wanted));
    MeasureOptions options;
    options.batch_size = group.spec.batch_size;
    options.wanted = wanted;
    options.accuracy = group.record.accuracy;
    options.progress = [&](int64_t done, int64_t total) {
      if (progress) progress->Update(done, total);
    };
    MeasureUnits(model, group.data.windows, group.profiles, options,
                 [&](const auto& units) { Record(g, units); });
    ForEachTrace(g, first_batch, batches, [&](size_t p, size_t w) {
      ThrowIfInterrupted();
      TraceOne(model, g, p, w);
    });
  }

  // Batches under one profile each: this shard's, and what is left of them.
  int64_t NumMine(int64_t first_batch, size_t num_batches, size_t g) const {
    int64_t count = 0;
    for (size_t b = 0; b < num_batches; ++b)
      count += IsMine(first_batch + static_cast<int64_t>(b));
    return count * static_cast<int64_t>(plan_.groups[g].cases.size());
  }
  template <class Wanted>
  int64_t NumWanted(size_t num_batches, size_t g, const Wanted& wanted) const {
    int64_t count = 0;
    for (size_t b = 0; b < num_batches; ++b)
      for (size_t p = 0; p < plan_.groups[g].cases.size(); ++p)
        count += wanted(b, p);
    return count;
  }

  // Traced windows of this shard that are not in the journal.
  template <class Visit>
  void ForEachTrace(size_t g, int64_t first_batch,
                    const std::vector<Batch>& batches, const Visit& visit) {
    for (size_t b = 0; b < batches.size(); ++b) {
      if (!IsMine(first_batch + static_cast<int64_t>(b))) continue;
      for (const size_t w : batches[b].window_idx) {
        for (size_t p = 0; p < plan_.groups[g].cases.size(); ++p)
          if (IsTraced(plan_, {g, p, w}) && !done_.traces.contains({g, p, w}))
            visit(p, w);
      }
    }
  }

  template <class Wanted>
  bool AnythingLeft(size_t g, int64_t first_batch,
                    const std::vector<Batch>& batches, const Wanted& wanted) {
    bool any = false;
    ForEachTrace(g, first_batch, batches, [&](size_t, size_t) { any = true; });
    for (size_t b = 0; b < batches.size() && !any; ++b)
      for (size_t p = 0; p < plan_.groups[g].cases.size() && !any; ++p)
        any = wanted(b, p);
    return any;
  }

  void Record(size_t g, const std::vector<UnitResult>& units) {
    std::string lines;
    for (const UnitResult& unit : units) {
      // Its batch was cut short.
      if (done_.units.contains({g, unit.profile_idx, unit.window_idx}))
        continue;
      JournalUnit record;
      record.key = UnitKey(plan_, g, unit.profile_idx, unit.window_idx);
      record.group_idx = static_cast<int64_t>(g);
      record.profile_idx = static_cast<int64_t>(unit.profile_idx);
      record.window_idx = static_cast<int64_t>(unit.window_idx);
      record.batch_idx = static_cast<int64_t>(unit.batch_idx);
      record.batch_seconds = unit.batch_seconds;
      record.batch_windows = unit.batch_windows;
      record.working_bytes = unit.working_bytes;
      record.counters = unit.counters;
      record.loss_bytes = plan_.groups[g].loss_bytes;
      record.nll = unit.nll;
      record.correct = unit.correct;
      lines += JournalLine(record);
    }
    journal_.Append(lines);
    folder_.Keep();
  }

  void TraceOne(const Model& model, size_t g, size_t p, size_t w) {
    JournalTrace record;
    record.key = UnitKey(plan_, g, p, w);
    record.group_idx = static_cast<int64_t>(g);
    record.profile_idx = static_cast<int64_t>(p);
    record.window_idx = static_cast<int64_t>(w);
    record.trace = TraceWindow(model, groups_[g].profiles.profiles[p].profile,
                               groups_[g].data.windows[w].ids);
    journal_.Append(JournalLine(record));
  }

  const RunPlan& plan_;
  const std::vector<LoadedGroup>& groups_;
  const Shard shard_;
  const int threads_;
  Done done_;
  JournalWriter& journal_;
  RunFolder& folder_;
};

int64_t ParseCount(const std::string& text, const std::string& what) {
  int64_t value = -1;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0)
    throw UsageError("--shard: " + what + " is '" + text +
                     "'; expected a number, as in 0/3");
  return value;
}

}  // namespace

Shard ParseShard(const std::string& text) {
  if (text.empty()) return {};
  Shard shard;
  if (text == "auto") {
    constexpr std::pair<const char*, const char*> kLaunchers[] = {
        {"SLURM_PROCID", "SLURM_NTASKS"},
        {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
        {"PMI_RANK", "PMI_SIZE"},
        {"RANK", "WORLD_SIZE"}};
    for (const auto& [rank, size] : kLaunchers) {
      const char *r = std::getenv(rank), *n = std::getenv(size);
      if (r == nullptr || n == nullptr) continue;
      shard = {ParseCount(r, rank), ParseCount(n, size)};
      if (shard.idx < shard.num) return shard;
    }
    throw UsageError(
        "--shard auto: no launcher has set rank and size (looked for Slurm's, "
        "Open MPI's, PMI's and torchrun's variables); give --shard i/n");
  }
  const size_t slash = text.find('/');
  shard.idx = ParseCount(text.substr(0, slash), "the shard");
  shard.num = slash == std::string::npos
                  ? 0
                  : ParseCount(text.substr(slash + 1), "the number of shards");
  if (shard.idx >= shard.num)
    throw UsageError("--shard is '" + text +
                     "'; expected i/n with i from 0 to n - 1");
  return shard;
}

void Execute(const RunPlan& plan, const std::vector<LoadedGroup>& groups,
             RunFolder& folder, const Shard& shard, int threads,
             bool show_progress) {
  const std::filesystem::path file = folder.File(kJournalFile);
  const JournalHeader header{plan.sha256(), plan.code_tree, shard.idx,
                             shard.num};
  Done done;
  uint64_t valid_bytes = 0;
  if (std::filesystem::exists(file)) {
    const Journal journal = ReadJournal(file);
    if (journal.header != header)
      throw RefusedError(file.string() +
                         " belongs to another plan, code or shard; finished "
                         "units are kept only when all pins match");
    done = DoneUnits(plan, journal, file.string());
    valid_bytes = journal.valid_bytes;
  }
  JournalWriter journal(file, valid_bytes);
  if (valid_bytes == 0) journal.Append(JournalLine(header));
  Executor(plan, groups, shard, threads, std::move(done), journal, folder)
      .Run(show_progress);
  folder.Keep();
}

}  // namespace plastometer
