// SPDX-License-Identifier: Apache-2.0

package chunked_test

import (
	"crypto/rand"
	"fmt"
	"io"
	"testing"
	"testing/cryptotest"

	"github.com/s3seal/s3seal/internal/race"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/chunked"
	"github.com/s3seal/s3seal/stream/streamtest"
)

// The suite tests Abort only where it finds it.
var _ interface{ Abort(error) } = (*chunked.EncryptWriter)(nil)

const run = chunked.RunSize

// A sample is a plaintext, and the stream that the package makes of it where
// the random numbers are those of seed 1.
type sample struct {
	t         *testing.T
	plain, ct []byte
}

func newSample(t *testing.T, n int) *sample {
	s := &sample{t: t, plain: text(n)}
	s.sameSalt()
	salt := make([]byte, 24)
	rand.Read(salt)
	s.ct = specSeal(testKey, salt, testContext, s.plain)
	return s
}

// sameSalt makes the next salt the same as all others.
func (s *sample) sameSalt() { cryptotest.SetGlobalRandom(s.t, 1) }

func (s *sample) options() *streamtest.DecryptOptions {
	o := &streamtest.DecryptOptions{Assurance: streamtest.VerifiedPrefix, Rejected: stream.ErrDecrypt}
	for at := header; at < len(s.ct); at += sealed {
		o.Pieces = append(o.Pieces, at)
	}
	return o
}

var conformance = map[string]func(s *sample) error{
	"EncryptWriter": func(s *sample) error {
		return streamtest.TestEncryptWriter(func(dst io.Writer) (io.WriteCloser, error) {
			s.sameSalt()
			return chunked.NewEncryptWriter(dst, testKey, testContext)
		}, s.plain, s.ct)
	},
	"EncryptReader": func(s *sample) error {
		return streamtest.TestEncryptReader(func(src io.Reader) (io.Reader, error) {
			s.sameSalt()
			return chunked.NewEncryptReader(src, testKey, testContext)
		}, s.plain, s.ct)
	},
	"DecryptReader": func(s *sample) error {
		return streamtest.TestDecryptReader(func(src io.Reader) (io.Reader, error) {
			return chunked.NewDecryptReader(src, testKey, testContext)
		}, s.ct, s.plain, s.options())
	},
	"ReaderAt": func(s *sample) error {
		return streamtest.TestDecryptReaderAt(func(src io.ReaderAt, size int64) (io.ReaderAt, error) {
			return chunked.NewReaderAt(src, size, testKey, testContext)
		}, s.ct, s.plain, s.options())
	},
}

func TestConformance(t *testing.T) {
	sizes := []int{0, 1, 1000, chunk, run + 300}
	if !testing.Short() && !race.Enabled { // see TestAllCores
		sizes = append(sizes, chunk+1, run, 10*run+chunk+5)
	}
	for _, n := range sizes {
		for name, test := range conformance {
			t.Run(fmt.Sprintf("%s/len=%d", name, n), func(t *testing.T) {
				if err := test(newSample(t, n)); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
