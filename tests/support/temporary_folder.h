// SPDX-License-Identifier: Apache-2.0
// A new folder for one process or test. It is removed with its content at the end.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <unistd.h>

namespace testing_support {

/// Made by mkdtemp(3), because process numbers are reused and a killed run leaves its folder. A
/// forked child leaves the folder to its parent. Throws std::runtime_error if it cannot be made.
class TemporaryFolder {
  public:
    explicit TemporaryFolder(const std::string& name) {
        auto pattern = (std::filesystem::temp_directory_path() / (name + ".XXXXXX")).string();
        if (mkdtemp(pattern.data()) == nullptr)
            throw std::runtime_error("no folder " + pattern);
        path_ = pattern;
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        if (getpid() == owner_)
            std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }

  private:
    pid_t owner_ = getpid();
    std::filesystem::path path_;
};

} // namespace testing_support
