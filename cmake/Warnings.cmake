# The warnings every target of ours is built with; errors where BT_WERROR is on (CI).
add_library(bt_warnings INTERFACE)
target_compile_options(bt_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast
    -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(bt_warnings INTERFACE -Wduplicated-cond -Wlogical-op)
endif()
if(BT_WERROR)
    target_compile_options(bt_warnings INTERFACE -Werror)
endif()
