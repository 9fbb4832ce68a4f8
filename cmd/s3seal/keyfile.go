// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// createKeyFile writes a new key file that only its owner can read. It never
// overwrites (fs.ErrExist): what is gone with a key is all that was sealed
// with it. Nobody can see the file half written, so that of two processes
// that want to create the same one, the loser can use what the winner wrote.
func createKeyFile(path string, content []byte) error {
	if err := checkFolder(path); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".s3seal-key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if err := writeSynced(tmp, content); err != nil {
		return err
	}
	// Unlike a rename, a link fails if the name is taken.
	err = os.Link(tmp.Name(), path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = createInPlace(path, content) // no links on this file system
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// createInPlace is the second best way.
func createInPlace(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := writeSynced(f, content); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// writeSynced writes, syncs and closes f: a key must survive a power cut
// before the first object that needs it does.
func writeSynced(f *os.File, content []byte) error {
	_, err := f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.Name(), err)
	}
	return nil
}

// syncFolder makes a new name in a folder last. Where folders cannot be opened
// or synced, the system has its own way to do it.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer d.Close()
	_ = d.Sync()
	return nil
}
