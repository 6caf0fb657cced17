# What `cmake --install` puts where, in three components:
#
#   programs       postern, posternctl; postern-bench where it was built
#   documentation  posternctl's manual page, completion for shells, example configurations
#   service        systemd's unit and the user, directories and huge pages that go with it
#
# The unit names the programs by the prefix that was configured: give it with
# -DCMAKE_INSTALL_PREFIX, not to `cmake --install`.
include(GNUInstallDirs)

# Everything that is installed, without tests and benchmarks.
add_custom_target(programs DEPENDS postern posternctl manual completion)

install(TARGETS postern posternctl RUNTIME COMPONENT programs)
if(TARGET postern-bench)
  install(TARGETS postern-bench RUNTIME COMPONENT programs OPTIONAL)
endif()

set(ctl ${PROJECT_BINARY_DIR}/control/ctl)
install(FILES ${ctl}/posternctl.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
        COMPONENT documentation)
install(FILES ${ctl}/posternctl.bash RENAME posternctl COMPONENT documentation
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${ctl}/_posternctl COMPONENT documentation
        DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(DIRECTORY config/examples docs/ COMPONENT documentation
        DESTINATION ${CMAKE_INSTALL_DOCDIR})

# systemd looks below /usr and /usr/local alike.
foreach(unit postern.service postern-hugepages.service)
  configure_file(docker/systemd/${unit}.in ${PROJECT_BINARY_DIR}/systemd/${unit} @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/systemd/${unit} DESTINATION lib/systemd/system
          COMPONENT service)
endforeach()
install(FILES docker/systemd/sysusers.conf DESTINATION lib/sysusers.d RENAME postern.conf
        COMPONENT service)
install(FILES docker/systemd/tmpfiles.conf DESTINATION lib/tmpfiles.d RENAME postern.conf
        COMPONENT service)
install(PROGRAMS docker/systemd/reserve-hugepages DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/postern
        COMPONENT service)
