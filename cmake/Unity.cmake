# Source files of a target are compiled in batches, each batch as one file: most of the work for one of our files goes into
# the headers it includes. Names in anonymous namespaces therefore differ within a folder, from file to file too.
# BT_UNITY=OFF, which the presets dev, asan and fuzz have, compiles file by file, so that a missing include shows.
#
# bt_unity(<target>)
set(unity_default OFF)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
    set(unity_default ON)
endif()
option(BT_UNITY "Compile source files in batches" ${unity_default})

# With larger batches the build after a change of one file takes too long.
set(BT_UNITY_BATCH 10)

function(bt_unity target)
    if(BT_UNITY)
        set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${BT_UNITY_BATCH})
    endif()
endfunction()
