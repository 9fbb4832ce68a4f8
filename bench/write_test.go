// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"testing"

	"github.com/s3seal/s3seal/bench/internal/ends"
	"github.com/s3seal/s3seal/stream"
)

// BenchmarkGCMWrite is the steady state of a writer that is fed in steps.
func BenchmarkGCMWrite(b *testing.B) {
	for _, step := range []int{1 << 10, 4 << 10, 32 << 10, 128 << 10, 1 << 20} {
		b.Run("step="+sizeName(step), func(b *testing.B) {
			p := make([]byte, step)
			b.SetBytes(int64(step))
			b.ReportAllocs()
			var w *stream.GCMEncryptWriter
			for left := int64(0); b.Loop(); left -= int64(step) {
				if left < int64(step) { // the mode has a limit, fast machines reach it
					var err error
					if w, err = stream.NewGCMEncryptWriter(ends.Sink{}, key, iv, nil); err != nil {
						b.Fatal(err)
					}
					left = stream.GCMMaxSize
				}
				if _, err := w.Write(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
