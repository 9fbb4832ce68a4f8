// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/s3seal/s3seal/internal/race"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/dare"
	"github.com/s3seal/s3seal/stream/streamtest"
)

// The suite tests Abort only where it finds it.
var _ interface{ Abort(error) } = (*dare.EncryptWriter)(nil)

var conformance = map[string]func(plain, sealed []byte, opts *streamtest.DecryptOptions) error{
	"EncryptWriter": func(plain, sealed []byte, _ *streamtest.DecryptOptions) error {
		return streamtest.TestEncryptWriter(func(dst io.Writer) (io.WriteCloser, error) {
			return dare.FixedEncryptWriter(dst, testKey, testNonce)
		}, plain, sealed)
	},
	"EncryptReader": func(plain, sealed []byte, _ *streamtest.DecryptOptions) error {
		return streamtest.TestEncryptReader(func(src io.Reader) (io.Reader, error) {
			return dare.FixedEncryptReader(src, testKey, testNonce)
		}, plain, sealed)
	},
	"DecryptReader": func(plain, sealed []byte, opts *streamtest.DecryptOptions) error {
		return streamtest.TestDecryptReader(func(src io.Reader) (io.Reader, error) {
			return dare.NewDecryptReader(src, testKey)
		}, sealed, plain, opts)
	},
	"SIODecryptReader": func(plain, sealed []byte, opts *streamtest.DecryptOptions) error {
		return streamtest.TestDecryptReader(func(src io.Reader) (io.Reader, error) {
			return dare.NewSIODecryptReader(src, testKey)
		}, sealed, plain, opts)
	},
	"ReaderAt": func(plain, sealed []byte, opts *streamtest.DecryptOptions) error {
		return streamtest.TestDecryptReaderAt(func(src io.ReaderAt, size int64) (io.ReaderAt, error) {
			return dare.NewReaderAt(src, size, testKey)
		}, sealed, plain, opts)
	},
	"SIOReaderAt": func(plain, sealed []byte, opts *streamtest.DecryptOptions) error {
		return streamtest.TestDecryptReaderAt(func(src io.ReaderAt, size int64) (io.ReaderAt, error) {
			return dare.NewSIOReaderAt(src, size, testKey)
		}, sealed, plain, opts)
	},
}

func TestConformance(t *testing.T) {
	sizes := []int{1, 300, 65536, 2*65536 + 77}
	if race.Enabled {
		// The detector watches each of the 64 KiB that sio clears after each of
		// many thousand streams.
		sizes = []int{17, 65536 + 77}
	}
	for _, n := range sizes {
		plain := text(n)
		sealed := seal(plain)
		opts := &streamtest.DecryptOptions{Assurance: streamtest.VerifiedPrefix, Rejected: stream.ErrDecrypt}
		for at := 0; at < len(sealed); at += dare.PackageSize {
			opts.Pieces = append(opts.Pieces, at)
		}
		for name, test := range conformance {
			t.Run(fmt.Sprintf("%s/len=%d", name, n), func(t *testing.T) {
				if testing.Short() && n > 300 {
					t.Skip("long streams")
				}
				t.Parallel()
				if err := test(plain, sealed, opts); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
