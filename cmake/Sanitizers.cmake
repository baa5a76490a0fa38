# BT_SANITIZE is a comma-separated list as -fsanitize takes it; empty for none.
add_library(bt_sanitizers INTERFACE)
if(BT_SANITIZE)
    target_compile_options(bt_sanitizers INTERFACE -fsanitize=${BT_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(bt_sanitizers INTERFACE -fsanitize=${BT_SANITIZE})
    if(BT_SANITIZE MATCHES "undefined")
        target_compile_options(bt_sanitizers INTERFACE -fno-sanitize-recover=undefined
            # Reading a vptr to judge it, this check probes the memory through a pipe of its own: in a process that is out
            # of descriptors (there is a test for that) every object looks wrong.
            -fno-sanitize=vptr)
    endif()
endif()
if(BT_FUZZ)
    target_compile_options(bt_sanitizers INTERFACE -fsanitize=fuzzer-no-link)
endif()
