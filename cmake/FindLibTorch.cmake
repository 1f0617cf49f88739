# LibTorch::cpu from the torch wheel (2.11.0, CXX11 ABI) without its TorchConfig, which insists on a CUDA toolkit.
# Looked for in: -DLIBTORCH_ROOT or $LIBTORCH_ROOT (a folder that holds include/ and lib/), then .deps/libtorch/torch,
# then the torch of `python3`.
set(_tried "")
set(_roots "")
if(LIBTORCH_ROOT)
  list(APPEND _roots "${LIBTORCH_ROOT}")
elseif(DEFINED ENV{LIBTORCH_ROOT})
  list(APPEND _roots "$ENV{LIBTORCH_ROOT}")
else()
  list(APPEND _roots "${PROJECT_SOURCE_DIR}/.deps/libtorch/torch")
  execute_process(COMMAND python3 -c "import torch, os; print(os.path.dirname(torch.__file__))"
    OUTPUT_VARIABLE _wheel OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE _rc)
  if(_rc EQUAL 0)
    list(APPEND _roots "${_wheel}")
  endif()
endif()
set(LibTorch_ROOT_FOUND "")
foreach(_root IN LISTS _roots)
  string(APPEND _tried "  ${_root}\n")
  if(EXISTS "${_root}/include/ATen/ATen.h" AND EXISTS "${_root}/lib/libtorch_cpu.so")
    set(LibTorch_ROOT_FOUND "${_root}")
    break()
  endif()
endforeach()
if(NOT LibTorch_ROOT_FOUND)
  message(FATAL_ERROR "LibTorch was not found. Looked for include/ATen/ATen.h and lib/libtorch_cpu.so in:\n${_tried}"
    "Run ci/setup, or give -DLIBTORCH_ROOT=<folder of an unpacked torch 2.11.0 wheel>/torch.")
endif()
set(LibTorch_VERSION "unknown")
if(EXISTS "${LibTorch_ROOT_FOUND}/version.py")
  file(STRINGS "${LibTorch_ROOT_FOUND}/version.py" _line REGEX "^__version__")
  string(REGEX REPLACE ".*'([^']+)'.*" "\\1" LibTorch_VERSION "${_line}")
endif()
if(NOT LibTorch_VERSION MATCHES "^2\\.11\\.")
  message(FATAL_ERROR "LibTorch at ${LibTorch_ROOT_FOUND} has version ${LibTorch_VERSION}; 2.11.x is expected. Run ci/setup.")
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch REQUIRED_VARS LibTorch_ROOT_FOUND VERSION_VAR LibTorch_VERSION)
if(NOT TARGET LibTorch::cpu)
  add_library(LibTorch::c10 SHARED IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES IMPORTED_LOCATION "${LibTorch_ROOT_FOUND}/lib/libc10.so")
  add_library(LibTorch::cpu SHARED IMPORTED)
  set_target_properties(LibTorch::cpu PROPERTIES
    IMPORTED_LOCATION "${LibTorch_ROOT_FOUND}/lib/libtorch_cpu.so"
    INTERFACE_INCLUDE_DIRECTORIES
      "${LibTorch_ROOT_FOUND}/include;${LibTorch_ROOT_FOUND}/include/torch/csrc/api/include"
    INTERFACE_LINK_LIBRARIES LibTorch::c10
    # The wheel's CUDA libraries are found by relative RPATH at load time; they are not ours to link.
    INTERFACE_LINK_OPTIONS "LINKER:--unresolved-symbols=ignore-in-shared-libs")
endif()
