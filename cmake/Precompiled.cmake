# Headers that nearly every file reads are read once a build: the standard containers for our sources, Catch2 for the
# tests. A file takes 20 to 50 % less of a processor's time so. Files still include what they use: BT_PCH=OFF, which the presets
# dev, asan and fuzz have, builds them without.
#
# bt_precompiled(<target>)        for sources
# bt_precompiled_tests(<target>)  for executables of test cases
set(BT_PRECOMPILED_SOURCE "${CMAKE_CURRENT_LIST_DIR}/precompiled.cpp")
option(BT_PCH "Precompile the headers that most files include" ON)

function(bt_precompiled target)
    if(BT_PCH)
        if(NOT TARGET bt_precompiled_std)
            add_library(bt_precompiled_std OBJECT "${BT_PRECOMPILED_SOURCE}")
            target_link_libraries(bt_precompiled_std PRIVATE bt_warnings bt_sanitizers)
            target_precompile_headers(bt_precompiled_std PRIVATE <algorithm> <array> <chrono> <cstdint> <deque> <expected>
                <functional> <map> <memory> <optional> <set> <span> <string> <string_view> <unordered_map>
                <utility> <variant> <vector>)
        endif()
        target_precompile_headers(${target} REUSE_FROM bt_precompiled_std)
    endif()
endfunction()

function(bt_precompiled_tests target)
    if(BT_PCH)
        target_precompile_headers(${target} REUSE_FROM bt_precompiled_catch)
    endif()
endfunction()
