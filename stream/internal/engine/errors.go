// SPDX-License-Identifier: Apache-2.0

// Package engine moves bytes through the streams of this module: it gathers
// them into chunks, holds sources and sinks to their contracts, keeps errors
// sticky and buffers clean. What happens to a chunk is the business of the
// packages that use it.
package engine

import "errors"

var (
	// ErrClosed says that something was used after its Close or Wipe.
	ErrClosed = errors.New("stream: used after close")

	// ErrAborted says that a writer was aborted.
	ErrAborted = errors.New("stream: aborted")

	// ErrCount says that a source or sink returned a count that cannot be.
	ErrCount = errors.New("invalid count")
)
