// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/s3seal/s3seal/backend"
)

// stdio is the name of stdin or stdout where a file is wanted.
const stdio = "-"

// A source is the plaintext that put encrypts.
type source struct {
	io.Reader
	size   int64     // -1 if unknown
	closer io.Closer // nil if it is not ours
}

// Close closes what was opened for the source.
func (s *source) Close() error {
	if s.closer == nil {
		return nil
	}
	return s.closer.Close()
}

// openSource opens path, or stdin for "-". expect, if not nil, is the size
// that the source must turn out to have.
func (a *app) openSource(ctx context.Context, path string, expect *int64) (*source, error) {
	want, err := expectedSize(expect)
	if err != nil {
		return nil, err
	}
	s := new(source)
	if path == stdio {
		s.Reader = interruptible(ctx, a.stdin)
		s.size = fileSize(a.stdin)
	} else {
		f, err := await(ctx, func() (*os.File, error) { return os.Open(path) })
		if err != nil {
			return nil, err
		}
		if info, err := f.Stat(); err == nil && info.IsDir() {
			f.Close()
			return nil, &refusal{text: path + " is a folder: want a file, or - for stdin"}
		}
		s.closer, s.Reader, s.size = f, interruptible(ctx, f), fileSize(f)
	}
	if expect != nil {
		s.size = want
	}
	return s, nil
}

// expectedSize is the value of --expect-size, or -1 if there is none.
func expectedSize(expect *int64) (int64, error) {
	if expect == nil {
		return -1, nil
	}
	if *expect < 0 {
		return 0, usagef("--expect-size %d: want 0 or more", *expect)
	}
	return *expect, nil
}

// explainSource says what a source of another size than size is, if that is what
// err is about. read is nil where it was not counted.
func (c *putCmd) explainSource(err error, size int64, read *counter) error {
	if !errors.Is(err, backend.ErrSize) || size < 0 {
		return err
	}
	name, said := "the source", fmt.Sprintf("the %d bytes that --expect-size says", size)
	if c.ExpectSize == nil {
		name, said = string(c.Src), fmt.Sprintf("the %d bytes that it had when it was opened", size)
	}
	text := ""
	switch {
	case read == nil:
		text = fmt.Sprintf("%s does not have %s", name, said)
	case read.n > size:
		text = fmt.Sprintf("%s has more than %s: nothing was stored", name, said)
	case read.n < size && read.ended:
		text = fmt.Sprintf("%s ends after %d of %s: nothing was stored", name, read.n, said)
	default: // it is not about the source
		return err
	}
	return &refusal{text, err}
}

// fileSize is what r has left to deliver, or -1 if that is unknown. A file of
// size 0 counts as unknown: those under /proc say so and hold something.
func fileSize(r io.Reader) int64 {
	f, ok := r.(*os.File)
	if !ok {
		return -1
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return -1
	}
	// stdin may have been read before it was handed to us.
	pos, err := f.Seek(0, io.SeekCurrent)
	if err != nil || pos < 0 || pos >= info.Size() {
		return -1
	}
	return info.Size() - pos
}

// isTerminal says whether v, a reader or writer, is a terminal.
func isTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
