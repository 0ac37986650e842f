// SPDX-License-Identifier: Apache-2.0
// Headers that most test programs include.
#pragma once

#include <iostream>
#include <random>
#include <regex>
#include <sstream>

#include <gtest/gtest.h>

#include "cmake/precompiled/provider.h"
