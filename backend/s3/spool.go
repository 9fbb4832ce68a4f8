// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"fmt"
	"io"

	"github.com/s3seal/s3seal/internal/tempfile"
)

const (
	// memoryPart is the largest part that is kept in memory, unless the caller
	// has asked for larger ones.
	memoryPart = 64 << 20

	// maxSpooled is how many parts may be in files at once: one that is being
	// filled, and one on its way.
	maxSpooled = 2
)

// A spoolFile is what a part needs of a temporary file.
type spoolFile interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

func createSpool(dir string) (spoolFile, error) { return tempfile.Create(dir, "s3seal-*.part") }

// spoolError says of an error where it comes from.
func spoolError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("s3: temporary file: %w", err)
}

// A piece is a part that has been read and not sent.
type piece struct {
	content
	buf  []byte    // nil if it is in a file
	file spoolFile // nil if it is in buf
}

// spool reads a part of up to size bytes into a file, by way of buf.
func (u *upload) spool(src *source, buf []byte, size int64) (p piece, last bool, err error) {
	select {
	case u.files <- struct{}{}:
	case <-u.ctx.Done():
		return piece{}, false, context.Cause(u.ctx)
	}
	file, err := u.d.createSpool(u.d.spoolDir)
	if err != nil {
		<-u.files
		return piece{}, false, spoolError(err)
	}
	whole := false
	defer func() { // deferred: a body may panic
		if !whole {
			file.Close()
			<-u.files
		}
	}()
	p = piece{content: content{r: file}, file: file}
	digest := u.d.newSums()
	for p.size < size && !last {
		var n int
		n, last, err = src.fill(buf[:min(int64(len(buf)), size-p.size)])
		if err == nil {
			err = u.write(file, buf[:n])
		}
		if err != nil {
			return piece{}, false, err
		}
		digest.add(buf[:n])
		p.size += int64(n)
	}
	p.sum = digest.digest()
	whole = true
	return p, last, nil
}

// write appends b to the file, unless another part has failed.
func (u *upload) write(file spoolFile, b []byte) error {
	if u.ctx.Err() != nil {
		return context.Cause(u.ctx)
	}
	n, err := file.Write(b)
	if err == nil && n != len(b) {
		err = io.ErrShortWrite
	}
	return spoolError(err)
}

// release gives back what the piece is kept in.
func (u *upload) release(p piece) error {
	if p.file == nil {
		u.free <- p.buf[:cap(p.buf)]
		return nil
	}
	err := p.file.Close()
	<-u.files
	return spoolError(err)
}
