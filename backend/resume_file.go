// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/s3seal/s3seal/internal/filelock"
)

var (
	// ErrStateInUse says that another process, or another call, is using the
	// state file of an upload.
	ErrStateInUse = errors.New("backend: state file is in use")

	// ErrNotState says that what is in the place of a state file is something
	// else, which is left alone.
	ErrNotState = errors.New("backend: not a state file")
)

// A StateError says that a state file is for the upload of another object, which
// would be lost. [Bucket.AbortStale] gives that one up.
type StateError struct {
	Bucket string // Options.Name of that upload
	Key    string // of its object
}

// Error names the object.
func (e *StateError) Error() string {
	return fmt.Sprintf("backend: state file is for the upload of %q in bucket %q, which would be lost", e.Key, e.Bucket)
}

// An UploadState is what a state file says of its upload in the clear.
type UploadState struct {
	Bucket   string            // Options.Name
	Key      string            // of the object
	UploadID string            // empty if the storage had not given one
	Envelope map[string]string // the Header of the object, as metadata
}

// ReadUploadState reads the state file of a [Bucket.PutResumable], which may be in
// use. Unlike PutResumable it does not ask who can write to the file. The error is
// [ErrNotState] if it is something else, or nothing was written to it yet; another
// one if it is damaged; and wraps [fs.ErrNotExist] if there is none. It may be
// called concurrently.
func ReadUploadState(path string) (*UploadState, error) {
	h, err := peekHead(path)
	if err != nil {
		return nil, fmt.Errorf("backend: read state file: %w", err)
	}
	return &UploadState{h.Bucket, h.Key, h.UploadID, h.Envelope}, nil
}

// A stateFile is what an upload remembers it by. Of a real one, Sync returns
// when all that was written will be there after a crash.
type stateFile interface {
	io.ReaderAt
	io.WriterAt
	Size() (int64, error)
	Truncate(size int64) error
	Sync() error
	Remove() error // before Close
	Close() error
}

// A diskState is a state file that is open and locked.
type diskState struct {
	*os.File
	path   string
	unlock func()
}

// openState opens the state file at path and locks it. If there is none, it is
// made, or with mustExist the error wraps fs.ErrNotExist. A file that does not
// begin as state files do is [ErrNotState]: it may be anything, and is not to be
// overwritten. So is one of another user, or that others may use.
func openState(path string, mustExist bool) (stateFile, error) {
	for {
		f, err := openOrCreate(path, mustExist)
		if err != nil {
			return nil, err
		}
		s, err := lockOpen(f, path)
		if err != nil {
			f.Close()
			return nil, err
		}
		if s != nil {
			return s, nil
		}
		f.Close() // removed before it was locked: nobody else would find it
	}
}

// checkRegular refuses what is no regular file. A link may lead to a file of
// somebody else.
func checkRegular(path string) error {
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is not a regular file", ErrNotState, path)
	}
	return err
}

func openOrCreate(path string, mustExist bool) (*os.File, error) {
	err := checkRegular(path)
	if err == nil {
		return os.OpenFile(path, os.O_RDWR, 0)
	}
	if mustExist || !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) { // another was faster, and has it
		return nil, fmt.Errorf("%w: %s", ErrStateInUse, path)
	}
	return f, err
}

// lockOpen locks f. It returns nil without an error if f is no longer the file
// at path.
func lockOpen(f *os.File, path string) (*diskState, error) {
	unlock, err := filelock.Lock(f, path)
	if errors.Is(err, filelock.ErrLocked) {
		err = fmt.Errorf("%w: %s: %w", ErrStateInUse, path, err)
	}
	if err != nil {
		return nil, err
	}
	s := &diskState{f, path, unlock}
	there, err := s.inPlace()
	if err == nil && there {
		err = s.check()
	}
	if err != nil || !there {
		unlock()
		return nil, err
	}
	return s, nil
}

func (s *diskState) inPlace() (bool, error) {
	mine, err := s.Stat()
	if err != nil {
		return false, err
	}
	now, err := os.Lstat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(mine, now), err
}

// check refuses what is no state file, not even one that was cut short, and what
// others own or may use. Zeros may be one that a crash has caught before anything
// was written.
func (s *diskState) check() error {
	info, err := s.Stat()
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("%w: %s: want mode 0600, got %04o", ErrNotState, s.path, mode)
	}
	if !filelock.Ours(info) {
		return fmt.Errorf("%w: %s belongs to another user", ErrNotState, s.path)
	}
	head := make([]byte, stateHead)
	n, err := s.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return err
	}
	m := min(n, len(stateMagic))
	if string(head[:m]) != stateMagic[:m] && !isZero(head[:n]) {
		return fmt.Errorf("%w: %s", ErrNotState, s.path)
	}
	return syncParent(filepath.Dir(s.path))
}

// Size returns the size of the file in bytes.
func (s *diskState) Size() (int64, error) {
	info, err := s.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Remove removes the file while it is still locked.
func (s *diskState) Remove() error {
	if filelock.Beside {
		s.File.Close() // there are systems that do not remove a file that is open
	}
	return os.Remove(s.path)
}

// Close closes the file and lets go of the lock.
func (s *diskState) Close() error {
	err := s.File.Close()
	s.unlock()
	if errors.Is(err, fs.ErrClosed) { // by Remove
		return nil
	}
	return err
}
