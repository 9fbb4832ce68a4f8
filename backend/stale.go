// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// StaleOptions say which uploads [Bucket.AbortStale] is about, and what becomes
// of them.
type StaleOptions struct {
	// States are state files of [Bucket.PutResumable], or folders in which all
	// of them are meant.
	States []string

	// AllUploads means all uploads that the storage lists, also those that no
	// state file names: of other processes, other clients and other machines,
	// which may be under way. Only their age tells them apart.
	AllUploads bool

	// Abort aborts the uploads. Else they are just returned.
	Abort bool
}

// A StaleUpload is an upload that AbortStale is about.
type StaleUpload struct {
	Upload
	State   string // the state file that names it; empty if none does
	Aborted bool   // it is gone
}

// AbortStale returns the uploads of keys that begin with prefix and that were
// begun at least olderThan ago, and with opts.Abort aborts them first: what has
// arrived of them is lost, and can no longer cost anything. It has to do with
// the uploads of the state files that opts name, and with no others unless
// AllUploads is set; a nil opts names none. A state file whose upload was
// aborted is removed.
//
// Uploads whose state file is in use are under way and stay, as do state files
// of another Options.Name, those that are damaged, and those whose upload is
// gone: that may have become an object. If the storage does not say when an
// upload was begun, the time of the state file counts, and without one it is
// as old as any. Some servers do not list all uploads below a prefix; those of
// state files are found there all the same.
//
// Errors are those of the storage and the file system. Uploads that are returned
// with an error are those for which it had already been done. A driver without
// [Multiparter] is an error that wraps errors.ErrUnsupported. No key is needed.
// AbortStale may be called concurrently.
func (b *Bucket) AbortStale(ctx context.Context, prefix string, olderThan time.Duration, opts *StaleOptions) ([]StaleUpload, error) {
	m, ok := b.driver.(Multiparter)
	if !ok {
		return nil, fmt.Errorf("backend: abort uploads: this storage takes no parts: %w", errors.ErrUnsupported)
	}
	if opts == nil {
		opts = new(StaleOptions)
	}
	s := &stale{bucket: b, driver: m, prefix: prefix, before: time.Now().Add(-olderThan), abort: opts.Abort, seen: map[Upload]bool{}}
	err := s.states(ctx, opts.States)
	if err == nil && opts.AllUploads {
		err = s.all(ctx)
	}
	if err != nil {
		return s.found, fmt.Errorf("backend: abort uploads of %q: %w", prefix, err)
	}
	return s.found, nil
}

// stale is a call of AbortStale.
type stale struct {
	bucket *Bucket
	driver Multiparter
	prefix string
	before time.Time
	abort  bool
	seen   map[Upload]bool // without times: those of state files, decided already
	found  []StaleUpload
}

// states looks at the uploads of state files, and at all files of folders.
func (s *stale) states(ctx context.Context, paths []string) error {
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			if err := s.state(ctx, path, false); err != nil {
				return err
			}
			continue
		}
		entries, err := os.ReadDir(path)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !e.Type().IsRegular() {
				continue
			}
			if err := s.state(ctx, filepath.Join(path, e.Name()), true); err != nil {
				return err
			}
		}
	}
	return nil
}

// state looks at the upload of one state file. among says that it lies among
// files that need not be state files.
func (s *stale) state(ctx context.Context, path string, among bool) error {
	h, err := peekHead(path)
	switch {
	case errors.Is(err, errDamaged), among && (errors.Is(err, ErrNotState) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)):
		return nil
	case err != nil:
		return err
	case h.Bucket != s.bucket.name || h.UploadID == "":
		return nil
	}
	s.seen[Upload{Key: h.Key, ID: h.UploadID}] = true
	if !strings.HasPrefix(h.Key, s.prefix) {
		return nil
	}
	f, err := openState(path, true)
	if errors.Is(err, ErrStateInUse) || errors.Is(err, fs.ErrNotExist) { // since then
		return nil
	}
	if err != nil {
		return err
	}
	err = s.locked(ctx, path, f)
	return errors.Join(err, f.Close())
}

// peekHead reads the head of a state file that somebody else may have locked.
func peekHead(path string) (*stateHeader, error) {
	if err := checkRegular(path); err != nil { // nobody may ever write to a pipe
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	magic := make([]byte, len(stateMagic))
	if n, _ := f.ReadAt(magic, 0); string(magic[:n]) != stateMagic {
		return nil, fmt.Errorf("%w: %s", ErrNotState, path)
	}
	return readHead(f)
}

// locked looks at the upload of a state file that nobody else has.
func (s *stale) locked(ctx context.Context, path string, f stateFile) error {
	h, err := readHead(f) // again: it was not locked before
	if errors.Is(err, errDamaged) || err == nil && (h.Bucket != s.bucket.name || h.UploadID == "" || !strings.HasPrefix(h.Key, s.prefix)) {
		return nil
	}
	if err != nil {
		return err
	}
	s.seen[Upload{Key: h.Key, ID: h.UploadID}] = true
	list, err := s.driver.ListUploads(ctx, h.Key) // the whole key, which every server can list
	if err != nil {
		return err
	}
	for _, u := range list {
		if u.Key != h.Key || u.ID != h.UploadID {
			continue
		}
		old := u
		if old.Initiated.IsZero() {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			old.Initiated = info.ModTime()
		}
		if err := s.add(ctx, StaleUpload{Upload: u, State: path}, old.Initiated, f.Remove); err != nil {
			return err
		}
	}
	return nil
}

// add takes in an upload if it is old enough, and aborts it if it is to.
func (s *stale) add(ctx context.Context, u StaleUpload, begun time.Time, then func() error) error {
	if begun.After(s.before) {
		return nil
	}
	if s.abort {
		if err := s.driver.AbortUpload(ctx, u.Key, u.ID); err != nil && !errors.Is(err, ErrNoUpload) {
			return err
		}
		u.Aborted = true
	}
	s.found = append(s.found, u)
	if !s.abort {
		return nil
	}
	return then()
}

// all looks at all uploads that are listed, but for those of state files.
func (s *stale) all(ctx context.Context) error {
	list, err := s.driver.ListUploads(ctx, s.prefix)
	if err != nil {
		return err
	}
	for _, u := range list {
		if s.seen[Upload{Key: u.Key, ID: u.ID}] || !strings.HasPrefix(u.Key, s.prefix) {
			continue
		}
		if err := s.add(ctx, StaleUpload{Upload: u}, u.Initiated, func() error { return nil }); err != nil {
			return err
		}
	}
	return nil
}
