// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"fmt"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/stream"
)

// TestPutLimit: the driver is told what it can count on where nothing is known
// of the size, which is what the format allows or the caller says.
func TestPutLimit(t *testing.T) {
	const gcm = stream.GCMMaxSize + stream.GCMTagSize
	for _, p := range suites(t) {
		var got int64
		b := p.bucket(&spyDriver{Driver: mem.New(), opts: func(o *backend.PutOptions) { got = o.MaxSize }})
		put := func(size, most int64) error {
			got = -1
			// Its last bytes come with the end.
			_, err := b.Put(t.Context(), "key", iotest.DataErrReader(bytes.NewReader(pattern(100))), size, &backend.PutOptions{MaxSize: most})
			return err
		}
		isGCM := p.authenticated()
		for _, c := range []struct{ size, most, gcm, cbc int64 }{
			{-1, 0, gcm, 0},
			{100, 0, 0, 0},
			{100, 1, 0, 0}, // it is about what is not known
			{-1, 100, 116, 112},
			{-1, 1000, 1016, 1008},
			{-1, 1 << 40, gcm, 1<<40 + 16},
		} {
			want := c.cbc
			if isGCM {
				want = c.gcm
			}
			if err := put(c.size, c.most); err != nil || got != want {
				t.Errorf("%s, %+v: MaxSize = %d, %v, want %d", p.name, c, got, err, want)
			}
		}
		for _, most := range []int64{-1, 1, 99} {
			wantErr(t, fmt.Sprintf("%s: no more than %d", p.name, most), put(-1, most), backend.ErrSize)
		}
	}
}
