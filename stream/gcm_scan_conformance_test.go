// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/streamtest"
)

// scanned are the ways to take part in two passes: as the source of the first,
// as that of the second, and as that of both.
var scanned = map[string]func(s *sample) error{
	"ScanGCM": func(s *sample) error {
		return testScanned(s, streamtest.VerifiedWhole, func(src io.Reader) (io.Reader, error) {
			scan, err := s.scan(src)
			if err != nil {
				return nil, err
			}
			return scan.Reader(bytes.NewReader(s.gcm)), nil
		})
	},
	"GCMVerifiedReader": func(s *sample) error {
		scan, err := s.scan(bytes.NewReader(s.gcm))
		if err != nil {
			return err
		}
		return testScanned(s, streamtest.VerifiedPrefix, func(src io.Reader) (io.Reader, error) {
			return scan.Reader(src), nil
		})
	},
	"both passes": func(s *sample) error {
		return testScanned(s, streamtest.VerifiedWhole, func(src io.Reader) (io.Reader, error) {
			both := &copying{src: src}
			scan, err := s.scan(both)
			if err != nil {
				return nil, err
			}
			return scan.Reader(&both.copied), nil
		})
	},
}

func (s *sample) scan(src io.Reader) (*stream.GCMScan, error) {
	return stream.ScanGCMChunks(src, s.key, s.nonce, s.aad, s.chunk, 2)
}

func testScanned(s *sample, promise streamtest.Assurance, open func(src io.Reader) (io.Reader, error)) error {
	opts := &streamtest.DecryptOptions{Assurance: promise, Rejected: stream.ErrDecrypt}
	for at := 0; at < len(s.plain); at += 2 * s.chunk {
		opts.Pieces = append(opts.Pieces, at)
	}
	return streamtest.TestDecryptReader(open, s.gcm, s.plain, opts)
}

func TestScanConformance(t *testing.T) {
	for _, n := range []int{0, 1, 64, 200} {
		testConformance(t, newSample(t, n, 64), scanned)
	}
	if !testing.Short() {
		const name = "GCMVerifiedReader" // others differ in no way that has to do with size
		large := map[string]func(s *sample) error{name: scanned[name]}
		testConformance(t, newSample(t, stream.DefaultChunkSize+77, stream.DefaultChunkSize), large)
	}
}

// A copying reader keeps what it has passed on. Unlike that of io.TeeReader,
// its source may lie about counts.
type copying struct {
	src    io.Reader
	copied bytes.Buffer
}

func (c *copying) Read(p []byte) (int, error) {
	n, err := c.src.Read(p)
	if n > 0 && n <= len(p) {
		c.copied.Write(p[:n])
	}
	return n, err
}
