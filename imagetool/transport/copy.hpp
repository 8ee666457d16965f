// SPDX-License-Identifier: Apache-2.0
// One image from a source to a destination: blobs first, a few at once, then manifests, then what
// names it. Bytes stay as they are unless another form is asked for. toyimg.
#pragma once

#include <optional>
#include <stop_token>

#include "imagetool/oci/platform.hpp"
#include "imagetool/pull/progress.hpp"
#include "imagetool/transport/recompress.hpp"
#include "imagetool/transport/transport.hpp"

namespace transport {

struct CopyOptions {
  bool all = false;                       // an index with all that it lists
  std::optional<oci::Platform> platform;  // which one of an index; none: this host's
  bool sparse = false;                    // an index with those it lists that are there and wanted
  bool preserve_digests = false;          // an Error rather than other manifests
  std::optional<LayerForm> form;          // of layers
  std::stop_source stop;
};

/// Copies and returns the manifest that the destination now has under the reference. The caller
/// calls finish(). Throws Error.
RawManifest copy_image(Source& source, Destination& destination, const CopyOptions& options,
                       Progress& progress);

}  // namespace transport
