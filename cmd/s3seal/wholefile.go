// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"path/filepath"
)

// A wholeFile is a small file that appears at once or not at all. Until commit
// what was there before stays, and without commit discard leaves nothing.
type wholeFile struct {
	path string
	tmp  string // empty for what is no file: a FIFO, /dev/stderr
	data []byte
}

// newWholeFile writes data beside path, so that a folder that is missing or a
// full disk is known before there is anything that depends on the file.
func newWholeFile(path string, data []byte) (*wholeFile, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		if info.IsDir() {
			return nil, usagef("%s is a folder: want a file name", path)
		}
		return &wholeFile{path: path, data: data}, nil
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".s3seal-*")
	if err != nil {
		return nil, err
	}
	w := &wholeFile{path: path, tmp: tmp.Name()}
	if err := writeSynced(tmp, data); err != nil {
		w.discard()
		return nil, err
	}
	return w, nil
}

// commit gives the file its name.
func (w *wholeFile) commit() error {
	if w.tmp == "" {
		f, err := os.OpenFile(w.path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.Write(w.data)
		return errors.Join(err, f.Close())
	}
	if err := os.Rename(w.tmp, w.path); err != nil {
		return err
	}
	w.tmp = ""
	return syncFolder(filepath.Dir(w.path))
}

// discard removes what commit has not named. It may be called after commit.
func (w *wholeFile) discard() {
	if w.tmp != "" {
		_ = os.Remove(w.tmp) // the error that led here is the one to report
		w.tmp = ""
	}
}
