# bt_embed_files(<target> NAMESPACE <namespace> HEADER <header> FILES <file>=<function>...)
#   puts files into <target> as functions that answer their content, made when the target is built.
# Run as a script (-P) it writes that source.

if(CMAKE_SCRIPT_MODE_FILE)
    set(text "// Made from the files of tracker/web/ by cmake/EmbedFiles.cmake.\n\n#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\n")
    foreach(entry ${ENTRIES})
        string(REGEX MATCH "^(.*)=(.*)$" _ "${entry}")
        set(name "${CMAKE_MATCH_2}")
        file(READ "${CMAKE_MATCH_1}" bytes HEX)
        string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
        string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1, " bytes "${bytes}")
        string(APPEND text "\nstd::string_view ${name}() {\n    static constexpr unsigned char kBytes[] = {\n${bytes}\n};\n"
            "    return {reinterpret_cast<const char*>(kBytes), sizeof kBytes};\n}\n")
    endforeach()
    string(APPEND text "\n}  // namespace ${NAMESPACE}\n")
    file(WRITE "${OUTPUT}" "${text}")
    return()
endif()

set(BT_EMBED_SCRIPT "${CMAKE_CURRENT_LIST_FILE}")

function(bt_embed_files target)
    cmake_parse_arguments(ARG "" "NAMESPACE;HEADER" "FILES" ${ARGN})
    set(output "${PROJECT_BINARY_DIR}/generated/${target}_files.cpp")
    set(entries "")
    set(inputs "")
    foreach(entry ${ARG_FILES})
        string(REGEX MATCH "^(.*)=(.*)$" _ "${entry}")
        list(APPEND inputs "${PROJECT_SOURCE_DIR}/${CMAKE_MATCH_1}")
        list(APPEND entries "${PROJECT_SOURCE_DIR}/${entry}")
    endforeach()
    add_custom_command(OUTPUT "${output}"
        COMMAND "${CMAKE_COMMAND}" "-DOUTPUT=${output}" "-DHEADER=${ARG_HEADER}" "-DNAMESPACE=${ARG_NAMESPACE}"
            "-DENTRIES=${entries}" -P "${BT_EMBED_SCRIPT}"
        DEPENDS ${inputs} "${BT_EMBED_SCRIPT}" VERBATIM)
    target_sources(${target} PRIVATE "${output}")
endfunction()
