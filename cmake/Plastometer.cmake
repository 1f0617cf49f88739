# Build rules that every room shares: warnings, floating-point contract, how a library and a test are declared.

add_library(plastometer_options INTERFACE)
target_compile_features(plastometer_options INTERFACE cxx_std_20)
# -ffp-contract=off: a fused multiply-add happens only where the source writes one.
# -O1: time is spent in the few libraries that say so (HOT below); the compiler takes a third less.
target_compile_options(plastometer_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wno-unused-parameter -ffp-contract=off>
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CONFIG:Release>>:-O$<IF:$<BOOL:$<TARGET_PROPERTY:UNOPTIMISED>>,0,1>>
  # g++ 12 sees overlaps in "x" + std::string that are not there.
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict>)
target_include_directories(plastometer_options INTERFACE "${PROJECT_SOURCE_DIR}")

# ccache: objects are shared between trees (paths below the tree count as relative ones, the build folder does not count), and
# precompiled headers are allowed for. What differs from tree to tree, a path in a string, is in tests/paths.cc.in alone.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(_launcher env "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime "${CCACHE_PROGRAM}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${_launcher}")
  set(CMAKE_CUDA_COMPILER_LAUNCHER "${_launcher}")
endif()

# Precompiled headers: the standard library, and what costs the compiler most beside it. Each file gets the heaviest one that it
# includes (a target that says TORCH: torch). A file still includes what it needs: preset tidy builds without them.
# A torch-free test is compiled at -O0, as its precompiled header is: its time is the compiler's. One that computes says HOT.
set(_standard <algorithm> <array> <cmath> <cstdint> <filesystem> <functional> <map> <memory> <optional> <span> <string> <utility>
  <vector>)
function(plastometer_precompiled name)
  cmake_parse_arguments(ARG "UNOPTIMISED" "" "HEADERS;DEPENDS" ${ARGN})
  file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/precompiled/${name}.cc" CONTENT "")
  add_library(plastometer_pch_${name} OBJECT "${CMAKE_BINARY_DIR}/precompiled/${name}.cc")
  target_link_libraries(plastometer_pch_${name} PRIVATE plastometer_options ${ARG_DEPENDS})
  target_precompile_headers(plastometer_pch_${name} PRIVATE ${ARG_HEADERS} ${_standard})
  set_target_properties(plastometer_pch_${name} PROPERTIES CXX_CLANG_TIDY "" UNOPTIMISED "${ARG_UNOPTIMISED}")
endfunction()

# Usage: plastometer_use_precompiled(TORCH|"" SOURCE...)
# Not CMake's REUSE_FROM, which knows one header a target: a file without JSON would read JSON's.
function(plastometer_use_precompiled torch)
  if(CMAKE_DISABLE_PRECOMPILE_HEADERS OR NOT CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    return()
  endif()
  foreach(_source IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH _source)
    set(_text "")
    if(EXISTS "${_source}")
      file(READ "${_source}" _text)
    endif()
    set(_level "")
    if(torch)
      set(_name torch)
    elseif(_text MATCHES "#include <(gtest|gmock)/")
      set(_level $<$<CONFIG:Release>:-O0>)
      set(_name test)
      if(_text MATCHES "#include <nlohmann/json.hpp>")
        set(_name test_json)
      endif()
    elseif(_text MATCHES "#include <nlohmann/json.hpp>")
      set(_name json)
    else()
      set(_name standard)
    endif()
    set(_header "${CMAKE_BINARY_DIR}/CMakeFiles/plastometer_pch_${_name}.dir/cmake_pch.hxx")
    # -fpch-preprocess: without it ccache takes no notice of the precompiled header.
    set_source_files_properties("${_source}" PROPERTIES
      COMPILE_OPTIONS "${_level};-Winvalid-pch;-fpch-preprocess;-include;${_header}" OBJECT_DEPENDS "${_header}.gch")
  endforeach()
endfunction()

# Usage: plastometer_library(NAME [TORCH|HOT] SOURCES a.cc ... [DEPENDS target ...])
# TORCH: its files include LibTorch. HOT: time is spent in there when the program runs.
function(plastometer_library name)
  cmake_parse_arguments(ARG "TORCH;HOT" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC plastometer_options ${ARG_DEPENDS})
  if(ARG_HOT)
    # Without a precompiled header: g++ 12 crashes on one that was made at another level.
    target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O3>)
  else()
    plastometer_use_precompiled("${ARG_TORCH}" ${ARG_SOURCES})
  endif()
endfunction()

# Usage: plastometer_test(NAME SOURCES a_test.cc ... [DEPENDS target ...] [LABELS l ...] [TIMEOUT s] [TORCH|HOT])
# One ctest entry a binary. Every test carries the label `cpu` or `gpu`; `torch-free` marks those that link no LibTorch.
function(plastometer_test name)
  cmake_parse_arguments(ARG "TORCH;HOT" "TIMEOUT" "SOURCES;DEPENDS;LABELS" ${ARGN})
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
  target_link_libraries(${name} PRIVATE plastometer_options plastometer_test_support ${ARG_DEPENDS} GTest::gtest_main GTest::gmock)
  # Not linted: gtest's macros cost clang-tidy more time than all libraries together.
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests" CXX_CLANG_TIDY "")
  if(NOT ARG_HOT)
    plastometer_use_precompiled("${ARG_TORCH}" ${ARG_SOURCES})
  endif()
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
