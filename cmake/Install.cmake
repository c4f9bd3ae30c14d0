# What `cmake --install` puts where, by the file system hierarchy: the binary, its pages and completions (which it prints
# itself), the service with its user and folders, the configuration, the documentation.

include(GNUInstallDirs)
set(PORTCULLIS_UNIT_DIR lib/systemd/system CACHE STRING "Where systemd finds units")
set(PORTCULLIS_ZSH_DIR ${CMAKE_INSTALL_DATADIR}/zsh/site-functions CACHE STRING "Where zsh finds completions")

set(printed ${CMAKE_BINARY_DIR}/printed)
set(pages "")
# print(FILE ARGUMENT...): FILE is what `portcullis ARGUMENT...` prints.
function(print file)
  add_custom_command(OUTPUT ${printed}/${file}
                     COMMAND ${CMAKE_COMMAND} -E make_directory ${printed}
                     COMMAND portcullis ${ARGN} > ${printed}/${file}.new
                     COMMAND ${CMAKE_COMMAND} -E rename ${printed}/${file}.new ${printed}/${file}
                     DEPENDS portcullis VERBATIM)
  set(pages ${pages} ${printed}/${file} PARENT_SCOPE)
endfunction()
print(portcullis.1 man portcullis)
print(portcullis.yaml.5 man portcullis.yaml)
print(portcullis.bash completion bash)
print(_portcullis completion zsh)
print(portcullis.fish completion fish)
if(CMAKE_BUILD_TYPE STREQUAL Release)
  set(with_all ALL) # the other builds are not installed
endif()
add_custom_target(pages ${with_all} DEPENDS ${pages})

install(TARGETS portcullis RUNTIME)
install(FILES ${printed}/portcullis.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${printed}/portcullis.yaml.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES ${printed}/portcullis.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME portcullis)
install(FILES ${printed}/_portcullis DESTINATION ${PORTCULLIS_ZSH_DIR})
install(FILES ${printed}/portcullis.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

install(FILES packaging/portcullis.sysusers DESTINATION lib/sysusers.d RENAME portcullis.conf)
install(FILES packaging/portcullis.tmpfiles DESTINATION lib/tmpfiles.d RENAME portcullis.conf)
# The folders lie beside each other as they do in the source, so that the links between them lead to the same files.
install(FILES CHANGELOG.md SECURITY.md TYPE DOC)
install(DIRECTORY docs TYPE DOC FILES_MATCHING PATTERN "*.md" PATTERN "*.png" PATTERN "*.svg")
install(DIRECTORY examples TYPE DOC)

# The unit names the binary and the configuration, whose places may be chosen as late as `cmake --install --prefix`: what
# depends on the prefix is decided there.
configure_file(packaging/install.cmake.in ${printed}/install.cmake @ONLY)
install(SCRIPT ${printed}/install.cmake)
install(FILES ${printed}/portcullis.service DESTINATION ${PORTCULLIS_UNIT_DIR})
