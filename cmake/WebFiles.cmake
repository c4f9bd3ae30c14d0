# Makes the files of the dashboard part of a target: writes a source file that has them (by the assembler's
# .incbin, which is quick and takes any size) and find_added_file() of src/control/admin/web_files.h.
# The dashboard's own files are in web/src; its chart library comes from the system.

set(WEB_ROOT ${CMAKE_SOURCE_DIR}/web)

set(DYGRAPHS_FOLDER "" CACHE PATH "Folder of dygraph.min.js and dygraph.min.css (dygraphs 2); empty for the places of Debian")
set(dygraphs_folders /usr/share/javascript/dygraphs /usr/share/nodejs/dygraphs/dist)
if(DYGRAPHS_FOLDER)
  set(dygraphs_folders ${DYGRAPHS_FOLDER})
endif()
find_file(DYGRAPHS_SCRIPT NAMES dygraph.min.js dygraph.js PATHS ${dygraphs_folders} NO_DEFAULT_PATH NO_CACHE)
find_file(DYGRAPHS_STYLE NAMES dygraph.min.css dygraph.css PATHS ${dygraphs_folders} NO_DEFAULT_PATH NO_CACHE)
if(NOT DYGRAPHS_SCRIPT OR NOT DYGRAPHS_STYLE)
  list(JOIN dygraphs_folders " and " looked)
  message(FATAL_ERROR
    "The dashboard's chart library is missing: dygraph.min.js and dygraph.min.css are not in ${looked}. "
    "Install the Debian package libjs-dygraphs (apt-get install libjs-dygraphs; scripts/bootstrap.sh build installs it with "
    "everything else), or name the folder of dygraphs 2 with -D DYGRAPHS_FOLDER=FOLDER.")
endif()

# Writes to `out` how the assembler is to find a file: relative to the folder it runs in where the file belongs to the
# source tree, so that clones in different folders compile the same text.
function(web_file_name out file)
  string(FIND "${file}" "${CMAKE_SOURCE_DIR}/" at)
  if(at EQUAL 0)
    file(RELATIVE_PATH file ${CMAKE_BINARY_DIR} ${file})
  endif()
  set(${out} ${file} PARENT_SCOPE)
endfunction()

function(add_web_files target)
  file(GLOB own CONFIGURE_DEPENDS RELATIVE ${WEB_ROOT}/src ${WEB_ROOT}/src/*.js ${WEB_ROOT}/src/*/*.js ${WEB_ROOT}/src/*.css ${WEB_ROOT}/src/*.svg)
  set(entries "/|${WEB_ROOT}/src/index.html" "/assets/dygraph.js|${DYGRAPHS_SCRIPT}" "/assets/dygraph.css|${DYGRAPHS_STYLE}")
  foreach(name IN LISTS own)
    list(APPEND entries "/assets/${name}|${WEB_ROOT}/src/${name}")
  endforeach()
  set(types_html "text/html; charset=utf-8")
  set(types_js "text/javascript; charset=utf-8")
  set(types_css "text/css; charset=utf-8")
  set(types_svg "image/svg+xml")
  set(number 0)
  set(files "")
  set(declarations "")
  set(rows "")
  foreach(entry IN LISTS entries)
    string(REPLACE "|" ";" parts "${entry}")
    list(GET parts 0 path)
    list(GET parts 1 file)
    get_filename_component(extension ${file} LAST_EXT)
    string(SUBSTRING ${extension} 1 -1 extension)
    list(APPEND files ${file})
    web_file_name(name ${file})
    string(APPEND declarations
      "asm(\".section .rodata\\n.global web_file_${number}\\n.global web_file_${number}_end\\n\"\n"
      "    \"web_file_${number}:\\n.incbin \\\"${name}\\\"\\nweb_file_${number}_end:\\n.byte 0\\n.text\\n\");\n"
      "extern \"C\" const char web_file_${number}[], web_file_${number}_end[];\n")
    string(APPEND rows
      "      {\"${path}\", \"${types_${extension}}\",\n"
      "       {web_file_${number}, static_cast<size_t>(web_file_${number}_end - web_file_${number})}},\n")
    math(EXPR number "${number} + 1")
  endforeach()
  set(source ${CMAKE_BINARY_DIR}/web_files.cpp)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT
"// Written by cmake/WebFiles.cmake.
#include \"control/admin/web_files.h\"

#include <cstddef>

${declarations}
namespace portcullis::control {

const WebFile* find_added_file(std::string_view path) {
  static const WebFile files[] = {
${rows}  };
  for (const WebFile& one : files) {
    if (one.path == path) return &one;
  }
  return nullptr;
}

}  // namespace portcullis::control
")
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS "${files}")
  target_sources(${target} PRIVATE ${source})
endfunction()
