# SPDX-License-Identifier: Apache-2.0
# The commit that is built. It must not be known to many files, since it changes with each commit.

# Sets `commit` (12 digits, with -dirty behind them if files have changed) and `seconds` (its time since 1970) of the source
# in the folder `source`: from git, or in a source package from cmake/commit.txt, else "unknown" and nothing.
function(commit_of source commit seconds)
  set(described unknown)
  set(time "")
  file(READ ${source}/cmake/commit.txt recorded)
  # Without .git, git would find a repository that the source lies in.
  if(EXISTS ${source}/.git)
    # It may run beside the user's own commands: no locks.
    set(ENV{GIT_OPTIONAL_LOCKS} 0)
    execute_process(COMMAND git -C ${source} describe --always --dirty --abbrev=12 --exclude=*
                    OUTPUT_VARIABLE name OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
    execute_process(COMMAND git -C ${source} log -1 --format=%ct
                    OUTPUT_VARIABLE seconds_of_it OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(status EQUAL 0)
      set(described ${name})
      set(time ${seconds_of_it})
    endif()
  elseif(recorded MATCHES "^([0-9a-f]+) ([0-9]+)")
    set(time ${CMAKE_MATCH_2})
    string(SUBSTRING ${CMAKE_MATCH_1} 0 12 described)
  endif()
  set(${commit} ${described} PARENT_SCOPE)
  set(${seconds} "${time}" PARENT_SCOPE)
endfunction()
