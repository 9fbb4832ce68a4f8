// SPDX-License-Identifier: Apache-2.0

package chunked_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/s3seal/s3seal/stream/chunked"
	"github.com/s3seal/s3seal/stream/internal/sourcetest"
)

// sources is the format for tests of sources that fail.
var sources = sourcetest.Format{
	Writer: func(dst io.Writer) sourcetest.Writer {
		return must(chunked.NewEncryptWriter(dst, testKey, testContext))
	},
	Reader: func(src io.Reader) io.Reader {
		return must(chunked.NewEncryptReader(src, testKey, testContext))
	},
	Decrypt: func(src io.Reader) io.Reader {
		return must(chunked.NewDecryptReader(src, testKey, testContext))
	},
	NoStream: func(out, plain []byte) error {
		for name, open := range decrypters {
			if err := rejected(open, out, plain); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	},
	Header: header,
}

// TestSourceErrors lets the source of each type fail, at edges of chunks and runs
// and between them. Its error comes out and stays, and no end is written.
func TestSourceErrors(t *testing.T) {
	plain := text(run + chunk + 5)
	places := []int{0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk, run - 1, run, run + 1, len(plain) - 1, len(plain)}
	sources.SourceErrors(t, plain, seal(plain), places)
}

// TestDropped: what was not closed, or was given up, is no stream.
func TestDropped(t *testing.T) {
	sources.Dropped(t, text(2*run), []int{0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, run, run + 1, 2 * run})
}
