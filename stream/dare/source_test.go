// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/dare"
	"github.com/s3seal/s3seal/stream/internal/sourcetest"
)

// sources is the format for tests of sources that fail.
var sources = sourcetest.Format{
	Writer:  func(dst io.Writer) sourcetest.Writer { return must(dare.NewEncryptWriter(dst, testKey)) },
	Reader:  func(src io.Reader) io.Reader { return must(dare.NewEncryptReader(src, testKey)) },
	Decrypt: func(src io.Reader) io.Reader { return must(dare.NewDecryptReader(src, testKey)) },
	NoStream: func(out, plain []byte) error { // no bytes at all are one to sio
		for name, open := range map[string]func([]byte) ([]byte, error){"Read": decrypt, "WriteTo": decryptWhole, "ReadAt": readAt} {
			if got, err := open(out); err != stream.ErrDecrypt || !bytes.HasPrefix(plain, got) {
				return fmt.Errorf("%s: %d bytes, %v, want ErrDecrypt", name, len(got), err)
			}
		}
		return nil
	},
}

// TestSourceErrors lets the source of each type fail, at edges of packages and
// between them. Its error comes out and stays, and no end is written.
func TestSourceErrors(t *testing.T) {
	const size = dare.PayloadSize
	plain := text(2*size + 50)
	places := []int{0, 1, size - 1, size, size + 1, 2*size - 1, 2 * size, len(plain) - 1, len(plain)}
	sources.SourceErrors(t, plain, seal(plain), places)
}

// TestDropped: what was not closed, or was given up, is no stream, even where
// nothing has left yet.
func TestDropped(t *testing.T) {
	const size = dare.PayloadSize
	sources.Dropped(t, text(2*size+1), []int{0, 1, size - 1, size, size + 1, 2 * size, 2*size + 1})
}
