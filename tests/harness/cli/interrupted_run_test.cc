// Runs that are cut short, and runs in shards: the losses are those of an
// undisturbed run, to the bit. PLASTOMETER_NUM_KILLS (default 5) is how often
// a run is killed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>

#include "tests/harness/cli/program.h"
#include "tests/paths.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

constexpr char kBatchesOfThree[] =
    "run --model model.safetensors --data text.txt --context 64 --batch 3 "
    "--threads 1 --profiles uniform,retina,frozen ";

class InterruptedRun : public testing::Test {
 protected:
  void SetUp() override {
    std::string text;
    for (int i = 0; i < 150; ++i)
      text += "Text number " + std::to_string(i * i) +
              " keeps the program busy for a while.\n";
    WriteFile(workshop_.File("text.txt"), text);
    const Outcome whole =
        workshop_.Run(std::string(kBatchesOfThree) + "--out whole");
    ASSERT_EQ(whole.exit_code, 0) << whole.err;
    losses_ = Losses("whole");
  }
  std::string Losses(const std::string& run) const {
    return ReadFile(workshop_.File(run) / "losses.safetensors");
  }
  // The run in a process of its own. `arguments` of execv.
  pid_t Start(const std::string& arguments) const {
    const pid_t child = fork();
    if (child != 0) return child;
    const std::string command = "cd '" + workshop_.File(".").string() +
                                "' && exec '" + BuiltPath("plastometer") +
                                "' " + arguments + " >out.log 2>err.log";
    execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
    _exit(99);
  }
  uintmax_t JournalBytes(const std::string& run) const {
    std::error_code error;
    const uintmax_t size =
        fs::file_size(workshop_.File(run) / "journal.jsonl", error);
    return error ? 0 : size;
  }
  // Until the journal holds `bytes`, or the program has ended.
  int SignalWhen(pid_t child, const std::string& run, uintmax_t bytes,
                 int signal) const {
    int status = 0;
    while (JournalBytes(run) < bytes) {
      if (waitpid(child, &status, WNOHANG) == child) return status;
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    kill(child, signal);
    waitpid(child, &status, 0);
    return status;
  }

  // The line of `err` that is a command, without the program's name.
  static std::string PrintedCommand(const std::string& err) {
    constexpr std::string_view kProgram = "\n  plastometer ";
    const size_t at = err.find(kProgram);
    if (at == std::string::npos) return "none in: " + err;
    const size_t begin = at + kProgram.size();
    return err.substr(begin, err.find('\n', begin) - begin);
  }

  Workshop workshop_;
  std::string losses_;
};

// What is printed works as it is printed: with a folder that a shell must
// quote, in a shard, and after a full disk.
// A file that the run opens must not get the text of a closed stdout or stderr.
TEST_F(InterruptedRun, ClosedDescriptorsHarmNothing) {
  const auto run = [&](const std::string& name, const std::string& closed) {
    const Outcome outcome =
        workshop_.Run(kBatchesOfThree + ("--out " + name + " " + closed));
    EXPECT_EQ(Losses(name), losses_) << closed;
    EXPECT_EQ(workshop_.Run("report " + name + " --out page-" + name).exit_code,
              0)
        << closed;
    return outcome.exit_code;
  };
  EXPECT_EQ(run("a", "2>&-"), 0);
  EXPECT_EQ(run("b", "<&-"), 0);
  EXPECT_EQ(run("c", ">&-"), 8);  // the table reached nobody
  EXPECT_EQ(run("d", "<&- >&- 2>&-"), 8);
}

TEST_F(InterruptedRun, TheLineThatIsPrintedGoesOn) {
  const std::string options = "--out 'a run' --shard 0/2 --seed 3";
  const int status = SignalWhen(Start(kBatchesOfThree + options), "a run",
                                JournalBytes("whole") / 4, SIGINT);
  ASSERT_TRUE(WIFEXITED(status));
  const std::string line = PrintedCommand(ReadFile(workshop_.File("err.log")));
  EXPECT_EQ(line, "run --threads 1 --seed 3 --shard 0/2 --resume 'a run'");
  const Outcome resumed = workshop_.Run(line);
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_THAT(resumed.out, HasSubstr("shard 0 of 2"));

  const uintmax_t blocks = JournalBytes("whole") / 2 / 512;
  const Outcome full =
      workshop_.Run(kBatchesOfThree + std::string("--out full --per-domain"),
                    "ulimit -f " + std::to_string(blocks) + ";");
  EXPECT_EQ(full.exit_code, 8) << full.err;
  EXPECT_EQ(PrintedCommand(full.err),
            "run --threads 1 --per-domain --resume full");
  const Outcome after = workshop_.Run(PrintedCommand(full.err));
  EXPECT_EQ(after.exit_code, 0) << after.err;
  EXPECT_EQ(Losses("full"), losses_);
}

TEST_F(InterruptedRun, ASignalKeepsWhatIsFinishedAndSaysHowToGoOn) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string run = "r" + std::to_string(signal);
    const int status =
        SignalWhen(Start(std::string(kBatchesOfThree) + "--out " + run), run,
                   JournalBytes("whole") / 4, signal);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 128 + signal);
    EXPECT_FALSE(fs::exists(workshop_.File(run) / "results.json"));
    const std::string line =
        PrintedCommand(ReadFile(workshop_.File("err.log")));
    EXPECT_EQ(line, "run --threads 1 --resume " + run);
    const Outcome resumed = workshop_.Run(line);
    ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
    EXPECT_EQ(Losses(run), losses_);
  }
}

TEST_F(InterruptedRun, KilledAnywhereItGoesOnToTheSameBits) {
  const char* wanted = std::getenv("PLASTOMETER_NUM_KILLS");
  const int num_kills = wanted == nullptr ? 5 : std::atoi(wanted);
  const uintmax_t journal_bytes = JournalBytes("whole");
  std::mt19937 random(5);
  int num_cut = 0;
  for (int i = 0; i < num_kills; ++i) {
    const std::string run = "k" + std::to_string(i);
    SignalWhen(Start(std::string(kBatchesOfThree) + "--out " + run), run,
               1 + random() % journal_bytes, SIGKILL);
    if (fs::exists(workshop_.File(run) / "results.json")) continue;
    ++num_cut;
    // A write that the kill cut in two.
    if (i % 2 == 0) {
      std::string journal = ReadFile(workshop_.File(run) / "journal.jsonl");
      const size_t last = journal.rfind('\n', journal.size() - 2);
      if (last != std::string::npos) {
        journal.resize(last + 1 + random() % (journal.size() - last - 1));
        WriteFile(workshop_.File(run) / "journal.jsonl", journal);
      }
    }
    const Outcome resumed = workshop_.Run("run --resume " + run);
    ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
    EXPECT_EQ(Losses(run), losses_) << run;
  }
  EXPECT_GT(num_cut, 0);
}

TEST_F(InterruptedRun, OnlyTheSamePinsGoOn) {
  const int status = SignalWhen(Start(std::string(kBatchesOfThree) + "--out r"),
                                "r", JournalBytes("whole") / 4, SIGKILL);
  ASSERT_TRUE(WIFSIGNALED(status));
  WriteFile(workshop_.File("text.txt"),
            "Another text. " + ReadFile(workshop_.File("text.txt")));
  const Outcome other = workshop_.Run("run --resume r");
  EXPECT_EQ(other.exit_code, 5);
  EXPECT_THAT(other.err, AllOf(HasSubstr("other pins"), HasSubstr("->")));
}

TEST_F(InterruptedRun, ShardsMergeToTheUnshardedRun) {
  for (const int n : {2, 3, 7}) {
    std::string runs;
    for (int i = 0; i < n; ++i) {
      const std::string run = "s" + std::to_string(n) + "_" + std::to_string(i);
      const Outcome shard = workshop_.Run(std::string(kBatchesOfThree) +
                                          "--shard " + std::to_string(i) + "/" +
                                          std::to_string(n) + " --out " + run);
      ASSERT_EQ(shard.exit_code, 0) << shard.err;
      EXPECT_THAT(shard.out, HasSubstr("plastometer merge"));
      EXPECT_FALSE(fs::exists(workshop_.File(run) / "results.json"));
      runs = run + " " + runs;  // any order
    }
    const std::string merged = "m" + std::to_string(n);
    const Outcome outcome = workshop_.Run("merge " + runs + "--out " + merged);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(Losses(merged), losses_);
    EXPECT_THAT(outcome.out, HasSubstr("uniform"));
  }
}

TEST_F(InterruptedRun, MergeRefusesMissingDoubleAndForeignShardsByName) {
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(workshop_
                  .Run(std::string(kBatchesOfThree) + "--shard " +
                       std::to_string(i) + "/3 --out s" + std::to_string(i))
                  .exit_code,
              0);
  ASSERT_EQ(workshop_
                .Run("run --model model.safetensors --data text.txt --context "
                     "48 --threads 1 --shard 2/3 --out foreign")
                .exit_code,
            0);
  const auto expect = [&](const std::string& runs, const std::string& words) {
    const Outcome outcome = workshop_.Run("merge " + runs + " --out m");
    EXPECT_EQ(outcome.exit_code, 4) << runs;
    EXPECT_THAT(outcome.err, HasSubstr(words)) << runs;
    EXPECT_FALSE(fs::exists(workshop_.File("m")));
  };
  expect("s0 s2", "shard 1/3 is missing");
  expect("s0 s1 s1", "both shard 1 of 3");
  expect("s0 s1 foreign", "foreign/journal.jsonl is of plan");
  expect("s0 s1 absent", "absent");
}

TEST_F(InterruptedRun, BadShardsAreUsageErrors) {
  for (const std::string shard : {"3/3", "x/2", "1", "-1/2"}) {
    const Outcome outcome = workshop_.Run(std::string(kBatchesOfThree) +
                                          "--shard=" + shard + " --out x");
    EXPECT_EQ(outcome.exit_code, 2) << shard;
    EXPECT_FALSE(fs::exists(workshop_.File("x")));
  }
  EXPECT_THAT(workshop_
                  .Run(std::string(kBatchesOfThree) + "--shard auto --out x",
                       "unset RANK WORLD_SIZE;")
                  .err,
              HasSubstr("no launcher"));
  const Outcome launched =
      workshop_.Run(std::string(kBatchesOfThree) + "--shard auto --out a",
                    "export RANK=1 WORLD_SIZE=2;");
  EXPECT_THAT(launched.out, HasSubstr("shard 1 of 2"));
}

TEST_F(InterruptedRun, ThePlanIsPrintedWithoutMeasuring) {
  const Outcome plan =
      workshop_.Run(std::string(kBatchesOfThree) + "--plan --out p");
  ASSERT_EQ(plan.exit_code, 0) << plan.err;
  EXPECT_THAT(plan.out, AllOf(HasSubstr("case run.retina"), HasSubstr("unit "),
                              HasSubstr("plan ")));
  EXPECT_FALSE(fs::exists(workshop_.File("p")));
}

}  // namespace
}  // namespace plastometer
