# bt_generated_docs(<program>...): completions for bash, zsh and fish and the man page of each, printed by the program itself
# from its option table when it is built, and installed where the shells and man look.
include(GNUInstallDirs)

function(bt_generated_docs)
    set(outputs "")
    foreach(program ${ARGN})
        foreach(entry "man;man/man1/${program}.1" "bash;bash-completion/completions/${program}"
                "zsh;zsh/site-functions/_${program}" "fish;fish/vendor_completions.d/${program}.fish")
            list(GET entry 0 what)
            list(GET entry 1 path)
            set(output "${PROJECT_BINARY_DIR}/share/${path}")
            get_filename_component(folder "${output}" DIRECTORY)
            file(MAKE_DIRECTORY "${folder}")
            # By way of a second file: a program that fails must not leave half an output that looks up to date.
            add_custom_command(OUTPUT "${output}"
                COMMAND "$<TARGET_FILE:${program}>" --generate ${what} > "${output}.new"
                COMMAND "${CMAKE_COMMAND}" -E rename "${output}.new" "${output}"
                DEPENDS ${program} VERBATIM)
            list(APPEND outputs "${output}")
            get_filename_component(subfolder "${path}" DIRECTORY)
            install(FILES "${output}" DESTINATION "${CMAKE_INSTALL_DATADIR}/${subfolder}" COMPONENT programs)
        endforeach()
    endforeach()
    add_custom_target(generated_docs ALL DEPENDS ${outputs})
    install(TARGETS ${ARGN} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT programs)
endfunction()
