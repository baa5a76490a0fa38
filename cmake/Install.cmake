# What other projects get from `cmake --install` (component "library"): find_package(Swarmlab), target Swarmlab::client.
#
# bt_install_library(<target> AS <name> WITH <target>... USES <folder>... HEADERS <header from the root>...)
#   installs the static library, those named and those of all folders that it reaches, and the headers with all of ours
#   that they include; it becomes Swarmlab::<name>. These headers may include the standard library and each other, nothing else:
#   whoever uses them needs none of the headers that we are built with.
# bt_install_package()
#   behind the last of them: writes the package files. Libraries that are not ours are found again by find_dependency.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(BT_HEADER_DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/swarmlab")
set(BT_ARCHIVE_DESTINATION "${CMAKE_INSTALL_LIBDIR}/swarmlab")
set(BT_PACKAGE_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/Swarmlab")

function(bt_install_headers)
    set(waiting ${ARGN})
    set(seen "")
    while(waiting)
        list(POP_FRONT waiting header)
        if(header IN_LIST seen)
            continue()
        endif()
        list(APPEND seen "${header}")
        set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${header}")
        get_filename_component(folder "${header}" DIRECTORY)
        install(FILES "${PROJECT_SOURCE_DIR}/${header}" DESTINATION "${BT_HEADER_DESTINATION}/${folder}" COMPONENT library)
        file(STRINGS "${PROJECT_SOURCE_DIR}/${header}" lines REGEX "^[ \t]*#[ \t]*include")
        foreach(line ${lines})
            if(line MATCHES "include[ \t]+\"([^\"]+)\"")
                list(APPEND waiting "${CMAKE_MATCH_1}")
            elseif(NOT line MATCHES "include[ \t]+<[a-z0-9_]+>")
                message(FATAL_ERROR "install: ${header} has ${line}, which an installed header may not")
            endif()
        endforeach()
    endwhile()
endfunction()

function(bt_install_library target)
    cmake_parse_arguments(ARG "" "AS" "WITH;USES;HEADERS" ${ARGN})
    set(targets ${target} ${ARG_WITH} bt_sanitizers)
    foreach(used ${ARG_USES})
        bt_layer_reach("${used}" reach)
        foreach(folder ${reach})
            bt_layer_target("${folder}" layer)
            list(APPEND targets ${layer})
            get_property(externals GLOBAL PROPERTY "BT_EXTERNALS_${folder}")
            set_property(GLOBAL APPEND PROPERTY BT_INSTALLED_EXTERNALS ${externals})
        endforeach()
    endforeach()
    if(TARGET llhttp)  # built from sources by cmake/FindLlhttp.cmake
        list(APPEND targets llhttp)
    endif()
    list(REMOVE_DUPLICATES targets)
    get_property(installed GLOBAL PROPERTY BT_INSTALLED_TARGETS)
    list(REMOVE_ITEM targets ${installed})
    set_property(GLOBAL APPEND PROPERTY BT_INSTALLED_TARGETS ${targets})

    set_target_properties(${target} PROPERTIES EXPORT_NAME ${ARG_AS})
    target_compile_features(${target} PUBLIC cxx_std_23)
    target_include_directories(${target} PUBLIC "$<INSTALL_INTERFACE:${BT_HEADER_DESTINATION}>")
    add_library(Swarmlab::${ARG_AS} ALIAS ${target})
    install(TARGETS ${targets} EXPORT SwarmlabTargets
        ARCHIVE DESTINATION "${BT_ARCHIVE_DESTINATION}" COMPONENT library)
    bt_install_headers(${ARG_HEADERS})
endfunction()

function(bt_install_package)
    set(dependencies "")
    get_property(externals GLOBAL PROPERTY BT_INSTALLED_EXTERNALS)
    list(REMOVE_DUPLICATES externals)
    foreach(external ${externals})
        if(external STREQUAL "PkgConfig::LIBUV")
            string(CONCAT found "find_dependency(PkgConfig)\n"
                "pkg_check_modules(LIBUV QUIET IMPORTED_TARGET libuv)\n"
                "if(NOT LIBUV_FOUND)\n"
                "    set(Swarmlab_FOUND FALSE)\n"
                "    set(Swarmlab_NOT_FOUND_MESSAGE \"Swarmlab needs libuv (Debian: libuv1-dev)\")\n"
                "    return()\n"
                "endif()\n")
        elseif(external STREQUAL "Llhttp::Llhttp" AND TARGET llhttp)
            continue()  # exported beside ours
        elseif(external STREQUAL "Llhttp::Llhttp")
            string(CONCAT found "list(APPEND CMAKE_MODULE_PATH \"\${CMAKE_CURRENT_LIST_DIR}\")\n"
                "find_dependency(Llhttp)\n" "list(POP_BACK CMAKE_MODULE_PATH)\n")
        else()
            string(REGEX REPLACE "::.*" "" package "${external}")
            set(found "find_dependency(${package})\n")
        endif()
        string(FIND "${dependencies}" "${found}" known)
        if(known EQUAL -1)
            string(APPEND dependencies "${found}")
        endif()
    endforeach()

    set(BT_DEPENDENCIES "${dependencies}")
    configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/SwarmlabConfig.cmake.in"
        "${PROJECT_BINARY_DIR}/SwarmlabConfig.cmake" INSTALL_DESTINATION "${BT_PACKAGE_DESTINATION}")
    # 0.x: every minor version may break what the one before promised.
    write_basic_package_version_file("${PROJECT_BINARY_DIR}/SwarmlabConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
    install(FILES "${PROJECT_BINARY_DIR}/SwarmlabConfig.cmake" "${PROJECT_BINARY_DIR}/SwarmlabConfigVersion.cmake"
        "${PROJECT_SOURCE_DIR}/cmake/FindLlhttp.cmake" DESTINATION "${BT_PACKAGE_DESTINATION}" COMPONENT library)
    install(EXPORT SwarmlabTargets NAMESPACE Swarmlab:: DESTINATION "${BT_PACKAGE_DESTINATION}" COMPONENT library)
endfunction()
