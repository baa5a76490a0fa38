# The warnings every target of ours is built with; errors where BT_WERROR is on (CI).
add_library(bt_warnings INTERFACE)
target_compile_options(bt_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast
    -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(bt_warnings INTERFACE -Wduplicated-cond -Wlogical-op)
    # g++ 12 sees overlapping copies in operator+ of strings and unset members in std::variant, where there are none (GCC bugs
    # 105651 and 80635).
    if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
        target_compile_options(bt_warnings INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
    endif()
    # In a batch a .cpp file is included, and so g++ takes it for a header, whose types must not have members of its anonymous
    # namespace.
    if(BT_UNITY)
        target_compile_options(bt_warnings INTERFACE -Wno-subobject-linkage)
    endif()
endif()
if(BT_WERROR)
    target_compile_options(bt_warnings INTERFACE -Werror)
endif()
