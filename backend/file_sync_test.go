// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/s3seal/s3seal/backend"
)

// TestGetFileSync: when a file goes to the disk changes nothing of what is in it,
// with sizes around what goes at once.
func TestGetFileSync(t *testing.T) {
	p := profiles(t)[0]
	path := filepath.Join(t.TempDir(), "out")
	for _, size := range []int{0, 1, 8<<20 - 1, 8 << 20, 8<<20 + 1, 17 << 20} {
		data := bytes.Repeat([]byte("s3seal "), size/7+1)[:size]
		d := stored(t, p, "key", data)
		for _, o := range []backend.DownloadOptions{
			{}, {NoSync: true}, {Concurrency: 1}, {PartSize: 5 << 20}, {PartSize: 1 << 20, NoSync: true},
		} {
			if _, err := p.downloading(d, nil, o).GetFile(t.Context(), "key", path); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes, %+v: got %d bytes, %v", size, o, len(got), err)
			}
		}
	}
}
