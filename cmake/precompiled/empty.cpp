// What CMake needs to compile a header for others.
