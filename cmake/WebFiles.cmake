# Makes the files of the dashboard part of a target: writes a source file that has them (by the assembler's
# .incbin, which is quick and takes any size) and find_web_file() of src/control/admin/web_files.h.

set(WEB_ROOT ${CMAKE_SOURCE_DIR}/web)
if(NOT EXISTS ${WEB_ROOT}/node_modules/uplot/dist/uPlot.esm.js)
  message(FATAL_ERROR "The dashboard's libraries are missing: run scripts/bootstrap.sh")
endif()

function(add_web_files target)
  file(GLOB own CONFIGURE_DEPENDS RELATIVE ${WEB_ROOT}/src ${WEB_ROOT}/src/*.js ${WEB_ROOT}/src/*.css ${WEB_ROOT}/src/*.svg)
  set(entries "/|${WEB_ROOT}/src/index.html"
              "/assets/uplot.js|${WEB_ROOT}/node_modules/uplot/dist/uPlot.esm.js"
              "/assets/uplot.css|${WEB_ROOT}/node_modules/uplot/dist/uPlot.min.css")
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
    string(APPEND declarations
      "asm(\".section .rodata\\n.global web_file_${number}\\n.global web_file_${number}_end\\n\"\n"
      "    \"web_file_${number}:\\n.incbin \\\"${file}\\\"\\nweb_file_${number}_end:\\n.byte 0\\n.text\\n\");\n"
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

const WebFile* find_web_file(std::string_view path) {
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
