# What makes a shipped binary harder to attack, in Release builds without a sanitizer (a sanitizer finds the same faults
# sooner, and _FORTIFY_SOURCE hides calls from it). docs/performance.md says what it costs; tests/packaging/test_hardening.py
# reads it from the binary.

option(PORTCULLIS_HARDENING "Harden Release builds: RELRO, PIE, stack protector, _FORTIFY_SOURCE, control-flow enforcement" ON)

include(CheckCXXCompilerFlag)

function(harden)
  if(NOT PORTCULLIS_HARDENING OR PORTCULLIS_SANITIZE)
    return()
  endif()
  set(release $<CONFIG:Release>)
  # Distributions may define a lower level in their own flags: undefine it first.
  add_compile_options($<${release}:-U_FORTIFY_SOURCE> $<${release}:-D_FORTIFY_SOURCE=3>)
  foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection)
    string(MAKE_C_IDENTIFIER "PORTCULLIS_HAS${flag}" known)
    check_cxx_compiler_flag(${flag} ${known})
    if(${known})
      add_compile_options($<${release}:${flag}>)
    endif()
  endforeach()
  # The table of imported functions is filled in at the start and then read-only; no stack is executable.
  add_link_options($<${release}:LINKER:-z,relro,-z,now,-z,noexecstack>)
  # -fPIE for programs and for what goes into them, where CMake's own property would compile libraries with -fPIC, which is
  # slower. What is loaded at run time (tests/support) keeps its own.
  set(program $<AND:${release},$<NOT:$<IN_LIST:$<TARGET_PROPERTY:TYPE>,SHARED_LIBRARY;MODULE_LIBRARY>>>)
  add_compile_options("$<${program}:-fPIE>")
  add_link_options("$<${program}:-pie>")
endfunction()
harden()
