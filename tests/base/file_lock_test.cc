#include "base/file_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "tests/errors.h"

namespace plastometer {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(FileLock, IsHeldByOneAtATime) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "lock";
  std::optional<FileLock> first;
  first.emplace(file, "the thing");
  const auto again = [&] { FileLock second(file, "the thing"); };
  EXPECT_THAT(MessageOf(again, ErrorKind::kRefused),
              AllOf(HasSubstr("the thing is being written by process " +
                              std::to_string(getpid())),
                    HasSubstr(file.string())));
  first.reset();
  again();
  EXPECT_THAT(
      MessageOf([&] { FileLock lock(folder.path() / "no" / "lock", "x"); },
                ErrorKind::kInfrastructure),
      HasSubstr("No such file"));
}

}  // namespace
}  // namespace plastometer
