# SPDX-License-Identifier: Apache-2.0
# Writes the header commit.h if the commit is another:  cmake -DSOURCE=FOLDER -DTEMPLATE=commit.h.in -DOUTPUT=commit.h -P write_commit.cmake
include(${CMAKE_CURRENT_LIST_DIR}/commit.cmake)
commit_of(${SOURCE} COMMIT SECONDS)
configure_file(${TEMPLATE} ${OUTPUT} @ONLY)
