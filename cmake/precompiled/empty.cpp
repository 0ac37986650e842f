// SPDX-License-Identifier: Apache-2.0
// What CMake needs to compile a header for others.
