// SPDX-License-Identifier: Apache-2.0

// Package tempfile makes temporary files that have no name, so that nothing is
// left behind however a process ends.
package tempfile

import (
	"errors"
	"os"
)

// A File is a temporary file. It goes away when it is closed.
type File struct {
	*os.File
	name string // empty if it has none any more
}

// Create makes a file that nobody else can open, with mode 0600, and takes its
// name away again. Where the system does not allow that, Close removes the file,
// and a process that is killed leaves it. The name is in folder dir, that for
// temporary files if dir is empty, and is made from pattern as os.CreateTemp
// does.
//
// It may be called concurrently.
func Create(dir, pattern string) (*File, error) {
	f, err := os.CreateTemp(dir, pattern) // O_EXCL
	if err != nil {
		return nil, err
	}
	if os.Remove(f.Name()) == nil {
		return &File{File: f}, nil
	}
	return Named(f), nil
}

// Named returns a File that keeps the name of f until it is closed, which removes
// it. It may be called concurrently.
func Named(f *os.File) *File { return &File{f, f.Name()} }

// Close closes the file, and removes it if that has not happened yet.
func (f *File) Close() error {
	err := f.File.Close()
	if f.name != "" {
		err = errors.Join(err, os.Remove(f.name))
	}
	return err
}
