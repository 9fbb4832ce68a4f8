// SPDX-License-Identifier: Apache-2.0

package dir

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
)

// openFlags open what is there without waiting, even if it is a FIFO.
const openFlags = os.O_RDONLY | openNonblock

// readNames returns the names in a folder. A name that is there all the time
// is among them, whatever else changes meanwhile.
func readNames(root *os.Root, folder string) ([]string, error) {
	f, err := root.OpenFile(folder, openFlags, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// syncFolders makes durable what is in a folder and that it is there: it syncs
// the folder and all above it, since those may have been created by a process
// that was killed before it did so. Folders that have been removed meanwhile
// hold nothing to sync.
func (d *Driver) syncFolders(folder string) error {
	r, parts := d.root, strings.Split(path.Join("x", folder), "/")
	parts[0] = "."
	for _, part := range parts {
		next, err := openFolder(r, part)
		closeFolder(d.root, r)
		if next == nil {
			return err
		}
		r = next
		f, err := r.Open(".")
		if err == nil {
			err = syncFolder(f)
		}
		if err != nil {
			r.Close()
			return err
		}
	}
	return r.Close()
}

// openFolder opens a folder. It returns nil, nil if there is none.
func openFolder(parent *os.Root, name string) (*os.Root, error) {
	fi, err := parent.Lstat(name)
	if err == nil && fi.IsDir() {
		var r *os.Root
		if r, err = parent.OpenRoot(name); err == nil {
			return r, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return nil, err
}

// mkdirs creates a folder with its parents. It returns the topmost that was
// missing, or "", for prune.
func (d *Driver) mkdirs(folder string) (string, error) {
	top := ""
	for p := folder; p != "."; p = path.Dir(p) {
		if _, err := d.root.Lstat(p); err == nil {
			break
		}
		top = p
	}
	if top == "" {
		return "", nil
	}
	return top, d.root.MkdirAll(folder, folderMode)
}

// prune removes folder and its parents up to top as long as they are empty.
// Emptiness is for the system to judge, at the moment of removal: another
// process may be about to use the folder, and creates it again if it is gone.
func (d *Driver) prune(folder, top string) {
	for p := folder; p != "."; p = path.Dir(p) {
		d.at("before prune")
		err := d.removeFolder(p)
		if p == top || err != nil && !errors.Is(err, fs.ErrNotExist) {
			return
		}
	}
}

// create creates a file that must not exist, with the folder that it is in.
func (d *Driver) create(name string) (*os.File, error) {
	for range maxTries {
		f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		if err := d.root.MkdirAll(path.Dir(name), folderMode); err != nil && !again(err) {
			return nil, err
		}
		d.at("folder for record or body")
	}
	return nil, errAgain
}
