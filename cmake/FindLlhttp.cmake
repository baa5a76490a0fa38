# llhttp, as target Llhttp::Llhttp: a system library where there is one (libllhttp-dev), else the C sources that
# Debian 12's package node-llhttp ships, built here as a static library.
find_path(Llhttp_INCLUDE_DIR llhttp.h PATHS /usr/share/include/llhttp)
find_library(Llhttp_LIBRARY NAMES llhttp)
find_path(Llhttp_SOURCE_DIR llhttp.c PATHS /usr/share/llhttp NO_DEFAULT_PATH)

include(FindPackageHandleStandardArgs)
if(Llhttp_LIBRARY)
    find_package_handle_standard_args(Llhttp REQUIRED_VARS Llhttp_INCLUDE_DIR Llhttp_LIBRARY)
else()
    find_package_handle_standard_args(Llhttp REQUIRED_VARS Llhttp_INCLUDE_DIR Llhttp_SOURCE_DIR
        REASON_FAILURE_MESSAGE "install libllhttp-dev or node-llhttp")
endif()

if(Llhttp_FOUND AND NOT TARGET Llhttp::Llhttp)
    if(Llhttp_LIBRARY)
        add_library(Llhttp::Llhttp UNKNOWN IMPORTED)
        set_target_properties(Llhttp::Llhttp PROPERTIES IMPORTED_LOCATION "${Llhttp_LIBRARY}"
            INTERFACE_INCLUDE_DIRECTORIES "${Llhttp_INCLUDE_DIR}")
    else()
        add_library(llhttp STATIC "${Llhttp_SOURCE_DIR}/api.c" "${Llhttp_SOURCE_DIR}/http.c"
            "${Llhttp_SOURCE_DIR}/llhttp.c")
        target_include_directories(llhttp SYSTEM PUBLIC "$<BUILD_INTERFACE:${Llhttp_INCLUDE_DIR}>")
        target_compile_options(llhttp PRIVATE -w)
        add_library(Llhttp::Llhttp ALIAS llhttp)
    endif()
endif()
mark_as_advanced(Llhttp_INCLUDE_DIR Llhttp_LIBRARY Llhttp_SOURCE_DIR)
