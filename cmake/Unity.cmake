# Compiles the sources of a target in groups, each of which reads its headers once (a "unity build"): a clean build takes
# a third of the processor time, and an edit recompiles the whole group of its file.

option(PORTCULLIS_UNITY "Compile sources in groups of neighbours: for builds that are made from nothing" OFF)

# Puts `sources` of `target`, in their order, into groups of about `bytes` of source text each.
function(group_sources target bytes)
  if(NOT PORTCULLIS_UNITY)
    return()
  endif()
  set(total 0)
  foreach(source IN LISTS ARGN)
    file(SIZE ${source} size)
    math(EXPR total "${total} + ${size}")
  endforeach()
  math(EXPR groups "(${total} + ${bytes} - 1) / ${bytes}")
  set(sum 0)
  foreach(source IN LISTS ARGN)
    math(EXPR number "${sum} * ${groups} / ${total}")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${number})
    file(SIZE ${source} size)
    math(EXPR sum "${sum} + ${size}")
  endforeach()
  # GCC takes a file that is included for a header, which must not use the anonymous namespace for what others see.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
endfunction()
