// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/s3seal/s3seal/internal/tempfile"
	"github.com/s3seal/s3seal/stream"
)

// ErrSpool says that the temporary file of [Spool] could not be made, written
// or read. What the system says about it is wrapped beside it.
var ErrSpool = errors.New("envelope: spool")

// A tempFile is what Spool needs of a file.
type tempFile interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// A spooled is a body that is kept, while it is read, in a temporary file.
type spooled struct {
	src    io.Reader
	rule   spool
	kept   kept
	file   tempFile // nil as long as kept will do
	n      int64    // bytes in the file
	left   int64    // bytes to the limit
	closed bool
	err    error // of the file, or that the limit was passed
}

func newSpooled(src io.Reader, rule spool) *spooled {
	return &spooled{src: src, rule: rule, kept: kept{most: rule.keep}, left: rule.limit}
}

// Read reads from the source, at most one byte past the limit.
func (s *spooled) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if int64(len(p))-1 > s.left {
		p = p[:s.left+1]
	}
	n, err := s.src.Read(p)
	if n < 0 || n > len(p) {
		return -1, err // for package stream, which knows what to call it
	}
	if s.left -= int64(n); s.left < 0 {
		s.err = stream.ErrBufferLimit
	} else if !s.kept.add(p[:n]) {
		s.err = s.write(p[:n])
	}
	if s.err != nil {
		return 0, s.err
	}
	return n, err
}

// write appends p to the file, which it makes for the first p.
func (s *spooled) write(p []byte) error {
	if s.closed {
		return stream.ErrClosed
	}
	if s.file == nil {
		file, err := s.rule.open(s.rule.dir)
		if err != nil {
			return spoolError(err)
		}
		s.file = file
		if err := s.append(s.kept.data); err != nil {
			return err
		}
		s.kept.data = nil
	}
	return s.append(p)
}

func (s *spooled) append(p []byte) error {
	n, err := s.file.Write(p)
	if err == nil && n != len(p) {
		err = io.ErrShortWrite
	}
	s.n += int64(n)
	return spoolError(err)
}

func (s *spooled) cause() error { return s.err }

func (s *spooled) again() (io.Reader, error) {
	if s.file == nil {
		return bytes.NewReader(s.kept.data), nil
	}
	return &spoolReader{io.NewSectionReader(s.file, 0, s.n)}, nil
}

// Close makes the file go away. That it could not be closed, or removed where
// that has to wait, is worth an error, though the plaintext is complete.
func (s *spooled) Close() (err error) {
	s.kept.data, s.closed = nil, true
	if s.file != nil {
		err = s.file.Close()
		s.file = nil
	}
	return spoolError(err)
}

func spoolError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrSpool, err)
}

// A spoolReader says of errors that they come from the file.
type spoolReader struct{ file io.Reader }

// Read implements io.Reader.
func (r *spoolReader) Read(p []byte) (int, error) {
	n, err := r.file.Read(p)
	if err != io.EOF {
		err = spoolError(err)
	}
	return n, err
}

func createTemp(dir string) (tempFile, error) { return tempfile.Create(dir, "s3seal-*.spool") }
