// SPDX-License-Identifier: Apache-2.0
// Whether what lies on disk twice is the same: files, and whole directories as layers of overlayfs.
// Runs in toyimg.
#pragma once

/// The content of two open files, from their beginning; a file that cannot be read differs.
bool same_content(int one, int other);

/// Everything below two open directories and the directories themselves: names, kinds, owners,
/// modes, times (to the second), links, devices, attributes (overlayfs's too) and content. Nothing
/// is followed; what cannot be read differs.
bool same_tree(int one, int other);
