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

# Six files a compilation, for small files that instantiate the same templates: half of the compiler's time. A name in one's
# anonymous namespace is then seen by the others. Preset tidy compiles each on its own.
# Not CMake's UNITY_BUILD, which leaves out a file that has options of its own, a precompiled header for instance.
function(plastometer_together name sources_variable)
  if(CMAKE_DISABLE_PRECOMPILE_HEADERS)
    set(${sources_variable} ${ARGN} PARENT_SCOPE)
    return()
  endif()
  set(_batches "")
  set(_batch "")
  set(_number 0)
  list(LENGTH ARGN _left)
  foreach(_source IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH _source OUTPUT_VARIABLE _path)
    file(READ "${_path}" _text)
    foreach(_chooses_precompiled IN ITEMS <nlohmann/json.hpp> <gtest/gtest.h>)
      if(_text MATCHES "#include ${_chooses_precompiled}" AND NOT _batch MATCHES "#include ${_chooses_precompiled}")
        string(PREPEND _batch "#include ${_chooses_precompiled}\n")
      endif()
    endforeach()
    cmake_path(RELATIVE_PATH _path BASE_DIRECTORY "${PROJECT_SOURCE_DIR}")
    string(APPEND _batch "#include \"${_path}\"\n")
    math(EXPR _left "${_left} - 1")
    math(EXPR _number "${_number} + 1")
    math(EXPR _full "${_number} % 6")
    if(_full EQUAL 0 OR _left EQUAL 0)
      set(_file "${CMAKE_CURRENT_BINARY_DIR}/${name}_${_number}.cc")
      file(CONFIGURE OUTPUT "${_file}" CONTENT "${_batch}" @ONLY)
      list(APPEND _batches "${_file}")
      set(_batch "")
    endif()
  endforeach()
  set(${sources_variable} ${_batches} PARENT_SCOPE)
endfunction()

# Usage: plastometer_library(NAME [TORCH|HOT] SOURCES a.cc ... [TOGETHER b.cc ...] [DEPENDS target ...])
# TORCH: its files include LibTorch. HOT: time is spent in there when the program runs. TOGETHER: sources too, several a
# compilation.
function(plastometer_library name)
  cmake_parse_arguments(ARG "TORCH;HOT" "" "SOURCES;TOGETHER;DEPENDS" ${ARGN})
  plastometer_together(${name} _together ${ARG_TOGETHER})
  list(APPEND ARG_SOURCES ${_together})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC plastometer_options ${ARG_DEPENDS})
  if(ARG_HOT)
    # Without a precompiled header: g++ 12 crashes on one that was made at another level.
    target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O3>)
  else()
    plastometer_use_precompiled("${ARG_TORCH}" ${ARG_SOURCES})
  endif()
endfunction()

# Usage: plastometer_test(NAME SOURCES a_test.cc ... [TOGETHER b_test.cc ...] [DEPENDS target ...] [LABELS l ...] [TIMEOUT s] [TORCH|HOT])
# One ctest entry a binary. Every test carries the label `cpu` or `gpu`; `torch-free` marks those that link no LibTorch.
function(plastometer_test name)
  cmake_parse_arguments(ARG "TORCH;HOT" "TIMEOUT" "SOURCES;TOGETHER;DEPENDS;LABELS" ${ARGN})
  plastometer_together(${name} _together ${ARG_TOGETHER})
  list(APPEND ARG_SOURCES ${_together})
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
