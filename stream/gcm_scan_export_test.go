// SPDX-License-Identifier: Apache-2.0

package stream

import "io"

// ScanGCMChunks is ScanGCM in chunks of n bytes, of which a run has the given
// number.
func ScanGCMChunks(src io.Reader, key, iv, aad []byte, n, run int) (*GCMScan, error) {
	o, err := newGCMOpener(src, key, iv, aad)
	if err != nil {
		return nil, err
	}
	o.chunk = n
	return o.scan(run)
}
