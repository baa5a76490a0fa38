# Configures tiny projects with cmake/Layers.cmake: the good one must pass, each breach must stop with our message.
# Needs SOURCE_DIR, WORK_DIR, CXX and GENERATOR.
cmake_minimum_required(VERSION 3.25)

# probe(<case> ACCEPTED | REFUSED <regex> LAYERS <bt_layer lines> FILES <path> <include line>...)
function(probe case)
    cmake_parse_arguments(ARG "ACCEPTED" "REFUSED" "LAYERS;FILES" ${ARGN})
    string(MAKE_C_IDENTIFIER "${case}" folder)
    set(root "${WORK_DIR}/${folder}")
    file(REMOVE_RECURSE "${root}")
    # A compiler is asked for only where something would be built: the checks come first.
    set(languages NONE)
    if(ARG_ACCEPTED)
        set(languages CXX)
    endif()
    list(JOIN ARG_LAYERS "\n" layers)
    file(WRITE "${root}/CMakeLists.txt" "cmake_minimum_required(VERSION 3.25)
project(Probe LANGUAGES ${languages})
add_library(bt_sanitizers INTERFACE)
add_library(bt_warnings INTERFACE)
include(\"${SOURCE_DIR}/cmake/Layers.cmake\")
${layers}
")
    while(ARG_FILES)
        list(POP_FRONT ARG_FILES path line)
        file(WRITE "${root}/${path}" "${line}\n")
    endwhile()

    execute_process(COMMAND "${CMAKE_COMMAND}" -G "${GENERATOR}" -S "${root}" -B "${root}/build" "-DCMAKE_CXX_COMPILER=${CXX}"
        RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
    string(REGEX REPLACE "[ \n]+" " " text "${output}")
    if(ARG_ACCEPTED AND result EQUAL 0)
        message(STATUS "accepted: ${case}")
    elseif(NOT ARG_ACCEPTED AND NOT result EQUAL 0 AND text MATCHES "${ARG_REFUSED}")
        message(STATUS "refused: ${case}")
    else()
        message(SEND_ERROR "${case}: configure answered ${result}, output:\n${output}")
    endif()
endfunction()

set(two_layers "bt_layer(low LEVEL 0)" "bt_layer(high LEVEL 1 USES low)")

probe("a downward include" ACCEPTED LAYERS ${two_layers}
    FILES low/a.h "#include <vector>" low/a.cpp "#include \"low/a.h\""
        high/b.h "#include \"low/a.h\"" high/b.cpp "#include \"high/b.h\"")

probe("an include over two layers" ACCEPTED
    LAYERS ${two_layers} "bt_layer(top LEVEL 2 USES high)"
    FILES low/a.h "#include <vector>" high/b.h "#include \"low/a.h\"" top/c.h "#include \"low/a.h\"")

probe("an upward include in a header" LAYERS ${two_layers}
    REFUSED "layers: [^ ]*/low/a.h includes \"high/[^ ]*\", which low may not use. It may use: low."
    FILES low/a.h "#include \"high/b.h\"" high/b.h "#include <vector>")

probe("an upward include in a source" LAYERS ${two_layers}
    REFUSED "layers: [^ ]*/low/a.cpp includes \"high/[^ ]*\", which low may not use"
    FILES low/a.cpp "  #  include \"high/b.h\"" high/b.h "#include <vector>")

probe("a lower layer that was not named" LAYERS "bt_layer(low LEVEL 0)" "bt_layer(high LEVEL 1)"
    REFUSED "layers: [^ ]*/high/b.h includes \"low/[^ ]*\", which high may not use"
    FILES low/a.h "#include <vector>" high/b.h "#include \"low/a.h\"")

probe("an upward link edge" LAYERS "bt_layer(high LEVEL 1)" "bt_layer(low LEVEL 0 USES high)"
    REFUSED "layers: low \\(L0\\) may not use high \\(L1\\): an upward edge"
    FILES low/a.h "#include <vector>" high/b.h "#include <vector>")

probe("an edge to a folder that is not defined" LAYERS "bt_layer(low LEVEL 0 USES nowhere)"
    REFUSED "layers: low \\(L0\\) uses nowhere, which is not defined below it"
    FILES low/a.h "#include <vector>")

probe("drivers that meet" LAYERS "bt_layer(common/net LEVEL 6)" "bt_layer(lab/sim LEVEL 6 USES common/net)"
    REFUSED "layers: lab/sim \\(L6\\) may not use common/net \\(L6\\)"
    FILES common/net/a.h "#include <vector>" lab/sim/b.h "#include <vector>")

probe("libuv outside its driver" LAYERS "bt_layer(low LEVEL 0)"
    REFUSED "layers: [^ ]*/low/a.cpp: uv.h belongs to common/net alone" FILES low/a.cpp "#include <uv.h>")

probe("libuv inside its driver" ACCEPTED LAYERS "bt_layer(common/net LEVEL 6)"
    FILES common/net/a.cpp "#include <uv.h>")

probe("llhttp in a header" LAYERS "bt_layer(common/http LEVEL 2)"
    REFUSED "llhttp.h belongs to the .cpp files of common/http" FILES common/http/a.h "#include <llhttp.h>")

probe("OpenSSL outside crypto" LAYERS "bt_layer(low LEVEL 0)"
    REFUSED "OpenSSL's headers belong to the .cpp files of common/crypto" FILES low/a.cpp "#include <openssl/evp.h>")

probe("JSON below the shell" LAYERS "bt_layer(low LEVEL 5)"
    REFUSED "toml\\+\\+, nlohmann_json and CLI11 belong to level 7" FILES low/a.cpp "#include <nlohmann/json.hpp>")

probe("a library of named files that includes what it may not"
    LAYERS ${two_layers} "bt_library(mine SOURCES mine/c.cpp USES low)"
    REFUSED "layers: [^ ]*/mine/c.h includes \"high/[^ ]*\", which library mine may not use"
    FILES low/a.h "#include <vector>" high/b.h "#include <vector>" mine/c.cpp "#include \"mine/c.h\""
        mine/c.h "#include \"high/b.h\"")

set(install "include(\"${SOURCE_DIR}/cmake/Install.cmake\")")
probe("an installed header that needs the standard library alone" ACCEPTED
    LAYERS "${install}" "bt_layer(low LEVEL 0)" "bt_library(mine SOURCES mine/c.cpp USES low)"
        "bt_install_library(mine AS mine USES low HEADERS mine/c.h)"
    FILES low/a.h "#include <vector>" mine/c.cpp "#include \"mine/c.h\"" mine/c.h "#include \"low/a.h\"")

probe("an installed header that needs what we were built with"
    LAYERS "${install}" "bt_layer(common/net LEVEL 6)" "bt_library(mine SOURCES mine/c.cpp USES common/net)"
        "bt_install_library(mine AS mine USES common/net HEADERS mine/c.h)"
    REFUSED "install: common/net/a.h has #include <uv.h>, which an installed header may not"
    FILES common/net/a.h "#include <uv.h>" mine/c.cpp "#include \"mine/c.h\"" mine/c.h "#include \"common/net/a.h\"")
