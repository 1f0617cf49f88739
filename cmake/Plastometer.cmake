# Build rules that every room shares: warnings, floating-point contract, how a library and a test are declared.

add_library(plastometer_options INTERFACE)
target_compile_features(plastometer_options INTERFACE cxx_std_20)
# -ffp-contract=off: a fused multiply-add happens only where the source writes one.
target_compile_options(plastometer_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wno-unused-parameter -ffp-contract=off>
  # g++ 12 sees overlaps in "x" + std::string that are not there.
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict>)
target_include_directories(plastometer_options INTERFACE "${PROJECT_SOURCE_DIR}")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
  set(CMAKE_CUDA_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()

# Usage: plastometer_library(NAME SOURCES a.cc ... [DEPENDS target ...])
function(plastometer_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC plastometer_options ${ARG_DEPENDS})
endfunction()

# Usage: plastometer_test(NAME SOURCES a_test.cc ... [DEPENDS target ...] [LABELS l ...] [TIMEOUT s])
# One ctest entry a binary. Every test carries the label `cpu` or `gpu`; `torch-free` marks those that link no LibTorch.
function(plastometer_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPENDS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS cpu)
  endif()
  # What needs neither fetched text nor a GPU is enough to trust an air-gapped build: ctest -L offline.
  if("cpu" IN_LIST ARG_LABELS AND NOT "network" IN_LIST ARG_LABELS)
    list(APPEND ARG_LABELS offline)
    list(REMOVE_DUPLICATES ARG_LABELS)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE plastometer_options ${ARG_DEPENDS} GTest::gtest_main GTest::gmock)
  target_compile_definitions(${name} PRIVATE PLASTOMETER_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data")
  # Not linted: gtest's macros cost clang-tidy more time than all libraries together.
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests" CXX_CLANG_TIDY "")
  add_test(NAME ${name} COMMAND ${name})
  # A skipped test is a test that measured nothing: it fails.
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
    FAIL_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
endfunction()

# Usage: as plastometer_test, for a test that needs a CUDA device (preset gpu only): label gpu, not run unless the fixture
# gpu.device passed, one at a time.
function(plastometer_gpu_test name)
  plastometer_test(${name} ${ARGN} LABELS gpu)
  set_tests_properties(${name} PROPERTIES FIXTURES_REQUIRED cuda_device RESOURCE_LOCK cuda0)
endfunction()
