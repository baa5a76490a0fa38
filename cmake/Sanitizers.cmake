# BT_SANITIZE is a comma-separated list as -fsanitize takes it; empty for none.
add_library(bt_sanitizers INTERFACE)
if(BT_SANITIZE)
    target_compile_options(bt_sanitizers INTERFACE -fsanitize=${BT_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(bt_sanitizers INTERFACE -fsanitize=${BT_SANITIZE})
    if(BT_SANITIZE MATCHES "undefined")
        target_compile_options(bt_sanitizers INTERFACE -fno-sanitize-recover=undefined)
    endif()
endif()
if(BT_FUZZ)
    target_compile_options(bt_sanitizers INTERFACE -fsanitize=fuzzer-no-link)
endif()

# bt_no_vptr_check(<target>...): UBSan's vptr check probes the memory that it judges through a pipe of its own, so in a
# process that is out of descriptors every object looks wrong. test_net has such a test; this is for what runs in it.
function(bt_no_vptr_check)
    if(BT_SANITIZE MATCHES "undefined")
        foreach(target ${ARGN})
            target_compile_options(${target} PRIVATE -fno-sanitize=vptr)
        endforeach()
    endif()
endfunction()
