// SPDX-License-Identifier: Apache-2.0

package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// Delete removes an object and its metadata. It returns [backend.ErrNotExist]
// if there is none, and then still removes metadata that a file removed by
// hand has left. See [backend.Driver].
//
// Folders that only led to the object go with it.
func (d *Driver) Delete(ctx context.Context, key string) error {
	o, err := d.begin(ctx, key)
	if err != nil {
		return err
	}
	fi, err := d.inspect(key, true)
	if err != nil && !errors.Is(err, errShadow) {
		return err
	}
	d.at("before remove")
	if fi != nil {
		err = d.remove(ctx, key)
	}
	if fi == nil || errors.Is(err, fs.ErrNotExist) {
		d.clean(o)
		return notExist(o)
	}
	if err != nil {
		return fmt.Errorf("dir: delete %.100q: %w", key, err)
	}
	d.at("removed")
	if err := d.syncFolders(path.Dir(key)); err != nil {
		return fmt.Errorf("dir: delete %.100q: sync: %w", key, err)
	}
	d.at("removal synced")
	d.clean(o)
	d.prune(path.Dir(key), "")
	return nil
}

// remove removes the file under key, while no put looks at what it replaces.
func (d *Driver) remove(ctx context.Context, key string) error {
	unlock, err := d.lock(ctx, false)
	if err != nil {
		return err
	}
	defer unlock()
	return d.root.Remove(key)
}

// clean removes the records of bodies that are gone. What it does not manage
// to remove harms nobody and is left to the next one.
//
// The order makes it safe beside any other process: first the list of
// records, then whether their bodies can still be put, then the body that is
// under the key now. A body that could not be put any more and was not under
// the key after that will never be.
func (d *Driver) clean(o object) {
	recs, err := d.records(o)
	if err != nil {
		return
	}
	d.at("records listed")
	dead := d.committed(o, recs)
	d.at("records judged")
	f, now, err := d.openBody(o)
	switch {
	case err == nil:
		f.Close()
	case errors.Is(err, fs.ErrNotExist):
		now = identity{inode: 0, size: -1} // no record has it
	default:
		return
	}
	known := exact(recs, now) != nil
	for _, r := range dead {
		// A body that no record names may have been changed in place.
		if r.identity != now && (known || !r.sameFile(now)) {
			d.root.Remove(o.records() + "/" + r.name())
			d.at("record removed")
		}
	}
	d.removeFolder(o.records()) // fails unless it is empty
}
