#include "base/lines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/interrupt.h"
#include "tests/errors.h"

namespace plastometer {
namespace {

using Lines = std::vector<std::pair<std::string, int64_t>>;

// Hands out `content` a few bytes at a time.
ReadBytes Slowly(std::string content, size_t step) {
  return [content = std::move(content), step, at = size_t{0}](
             char* data, size_t size) mutable {
    const size_t n = content.copy(data, std::min(size, step), at);
    at += n;
    return n;
  };
}

Lines AllOf(const ReadBytes& read) {
  Lines lines;
  ForEachLine(read, "a.jsonl", [&](std::string_view line, int64_t number) {
    lines.emplace_back(line, number);
    return true;
  });
  return lines;
}

TEST(Lines, WhereverAChunkEnds) {
  const Lines expected = {{"one", 1}, {"", 2}, {"three", 3}, {"last", 4}};
  for (const size_t step : {1, 2, 3, 100})
    EXPECT_EQ(AllOf(Slowly("one\n\nthree\nlast", step)), expected);
  EXPECT_EQ(AllOf(Slowly("one\n", 100)), (Lines{{"one", 1}}));
  EXPECT_TRUE(AllOf(Slowly("", 1)).empty());
}

TEST(Lines, EnoughIsEnough) {
  int64_t num_lines = 0;
  ForEachLine(Slowly("a\nb\nc\n", 100), "a.jsonl",
              [&](std::string_view, int64_t number) {
                num_lines = number;
                return number < 2;
              });
  EXPECT_EQ(num_lines, 2);
}

// What a small compressed file may unpack to.
TEST(Lines, ALineWithoutEndIsRefusedBeforeItFillsTheMemory) {
  size_t read = 0;
  const ReadBytes endless = [&](char* data, size_t size) {
    std::fill_n(data, size, 'x');
    read += size;
    return size;
  };
  EXPECT_EQ(MessageOf([&] { AllOf(endless); }),
            "a.jsonl: line 1 is longer than 128 MiB; expected one document a "
            "line");
  EXPECT_LE(read, kMaxLineBytes + (size_t{2} << 20));
}

TEST(Lines, ASignalEndsTheReading) {
  const InterruptGuard guard;
  const ReadBytes endless = [](char* data, size_t) {
    *data = '\n';
    std::raise(SIGTERM);
    return size_t{1};
  };
  EXPECT_THROW(AllOf(endless), Interrupted);
}

TEST(Lines, OnlyRegularFilesAreRead) {
  const TemporaryFolder folder;
  EXPECT_EQ(MessageOf([&] {
              ForEachLineOfFile(folder.path(),
                                [](std::string_view, int64_t) { return true; });
            }),
            folder.path().string() +
                ": cannot be opened; expected a readable regular file");
}

}  // namespace
}  // namespace plastometer
