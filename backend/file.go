// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// tempPattern names temporary files. It does not contain the final name, which
// may already be as long as a name can be.
const tempPattern = ".s3seal-*.tmp"

// GetFile reads an object of any size into the file path. A large one is read in
// parts, several at a time, as Options.Download says; that also sets how much
// memory it takes, whatever the size.
//
// The plaintext goes into a temporary file beside path, readable by its owner
// only, which takes the name path after the end of the object was reached and
// verified, and is removed otherwise. So path holds what it held before, or
// nothing, or all of the object; yet unverified plaintext is on the disk in
// the meantime. That is so after a crash of the system, too, unless
// Options.Download has NoSync. CBC and CTR have nothing to verify: for those the
// Authenticated field of the result is false. Options.Open.Release is not used.
//
// An existing regular file is replaced, and loses its mode; so is a symbolic
// link, which is not followed. Anything else is an error. The errors are those
// of [Bucket.Get] and of the file system, and [ErrChanged] if the object was
// replaced while it was read.
func (b *Bucket) GetFile(ctx context.Context, key, path string) (*ObjectInfo, error) {
	info, err := b.getFile(ctx, key, path, createTemp)
	if err != nil {
		return nil, opError("get", key, err)
	}
	return info, nil
}

// A tempFile is what the plaintext goes into. Of a real one, Sync returns when
// all that was written will be there after a crash.
type tempFile interface {
	io.WriterAt
	syscall.Conn
	Name() string
	Truncate(size int64) error
	Sync() error
	Close() error
}

func createTemp(folder string) (tempFile, error) {
	return os.CreateTemp(folder, tempPattern) // mode 0600
}

func (b *Bucket) getFile(ctx context.Context, key, path string, create func(folder string) (tempFile, error)) (*ObjectInfo, error) {
	if err := checkTarget(path); err != nil {
		return nil, err
	}
	var f tempFile
	var start time.Time
	info, err := b.getTo(ctx, key, func(found *found) (io.WriterAt, error) {
		start = time.Now()
		made, err := create(filepath.Dir(path))
		if err != nil {
			return nil, err
		}
		f = made
		var w io.WriterAt = made
		if !b.download.NoSync {
			w = flushed{made}
		}
		// A file system that cannot hold it says so now.
		return w, made.Truncate(max(0, found.info.PlaintextSizeMax))
	})
	if f == nil {
		b.fetched(key, start, nil, err)
		return nil, err
	}
	if err == nil {
		err = f.Truncate(info.PlaintextSizeMax) // CBC may have been shorter
	}
	err = commit(f, path, !b.download.NoSync, err)
	b.fetched(key, start, info, err)
	if err != nil {
		return nil, err
	}
	return info, nil
}

// flushEvery is how much of a file is written to the disk at once.
const flushEvery = 8 << 20

// A flushed is a file that goes to the disk while it grows, so that little is
// left to wait for in the end.
type flushed struct{ tempFile }

func (f flushed) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.tempFile.WriteAt(p, off)
	from, to := off/flushEvery*flushEvery, (off+int64(n))/flushEvery*flushEvery
	if err == nil && to > from {
		writeOut(f.tempFile, from, to-from)
	}
	return n, err
}

// checkTarget refuses what a rename would fail on only after the download, and
// what it would destroy.
func checkTarget(path string) error {
	if path == "" || os.IsPathSeparator(path[len(path)-1]) {
		return &fs.PathError{Op: "create", Path: path, Err: errors.New("want the name of a file")}
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		if info, err = os.Stat(path); err != nil || !info.IsDir() {
			return nil // the link itself gives way
		}
	}
	if !info.Mode().IsRegular() {
		return &fs.PathError{Op: "create", Path: path, Err: fmt.Errorf("is not a regular file: %v", info.Mode().Type())}
	}
	return nil
}

// commit gives the temporary file f its name, or removes it if there is an
// error, which it returns.
func commit(f tempFile, path string, sync bool, err error) error {
	if err == nil && sync {
		// Else a crash could leave the new name on a file without its bytes.
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		return nil
	}
	return errors.Join(err, os.Remove(f.Name()))
}
