// SPDX-License-Identifier: Apache-2.0

package dir

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/s3seal/s3seal/backend"
)

// ReplaceMetadata replaces the metadata of an object. See
// [backend.MetadataReplacer].
//
// It writes a record, and gives it the name of the old one by one rename, under
// the lock that conditions of puts have. The body is not touched, nor is the ETag
// of the object; only if the body has no record of its own, as in a folder that
// was copied, it is read once, for its CRC, and the ETag is another one
// afterwards. It is supported only where the system has flock(2).
//
// If the device fails to sync a folder after the rename, the error is returned
// though the metadata is replaced, as with Put.
func (d *Driver) ReplaceMetadata(ctx context.Context, key string, metadata map[string]string, ifMatch string) (*backend.Info, error) {
	r := &replacement{d: d, ifMatch: ifMatch}
	if !canLock {
		return nil, fmt.Errorf("dir: replace metadata of %.100q: %w", key, errors.ErrUnsupported)
	}
	info, err := r.run(ctx, key, metadata)
	if errors.Is(err, backend.ErrNotExist) && !errors.Is(err, backend.ErrChanged) {
		err = fmt.Errorf("%w: want ETag %q, got no object", backend.ErrChanged, ifMatch)
	}
	if err != nil {
		return nil, fmt.Errorf("dir: replace metadata of %.100q: %w", key, err)
	}
	return info, nil
}

// A replacement is the metadata of an object on its way to its record.
type replacement struct {
	d       *Driver
	o       object
	ifMatch string
	rec     record
	fresh   bool // the body has no record of its own
}

func (r *replacement) run(ctx context.Context, key string, metadata map[string]string) (*backend.Info, error) {
	f, info, err := r.d.open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer f.Close() // at the end: until then no other file has its inode
	r.o = newObject(key)
	if err := (&backend.PutOptions{IfMatch: r.ifMatch}).Match(info); err != nil {
		return nil, err
	}
	if err := r.choose(ctx, f); err != nil {
		return nil, err
	}
	c := newContents(key, &backend.PutOptions{ContentType: info.ContentType, Headers: info.Headers, Metadata: metadata})
	data, err := c.encode()
	if err != nil {
		return nil, err
	}
	if err := r.write(ctx, data); err != nil {
		return nil, err
	}
	if err := r.d.syncFolders(r.o.records()); err != nil {
		return nil, fmt.Errorf("sync: %w", err)
	}
	r.d.at("metadata synced")
	if r.fresh {
		r.d.clean(r.o)
	}
	return describe(r.o, r.rec.identity, r.rec.nonce, c), nil
}

// choose finds the name of the record. If it is wrong, because the object is being
// replaced, commit finds another ETag.
func (r *replacement) choose(ctx context.Context, f *os.File) error {
	id, _, err := identify(f)
	if err != nil {
		return err
	}
	recs, err := r.d.records(r.o)
	if err != nil {
		return err
	}
	if rec := exact(recs, id); rec != nil {
		r.rec = *rec
		return nil
	}
	sum, err := checksum(ctx, f, id.size)
	r.rec, r.fresh = record{id, sum, newNonce()}, true
	return err
}

// write writes the record to tmp and commits it.
func (r *replacement) write(ctx context.Context, data []byte) error {
	// The nonce is not that of the record, which would look like one of a body
	// that is still in tmp.
	temp := r.o.temp(newNonce())
	committed := false
	defer func() {
		if !committed {
			r.d.root.Remove(temp)
		}
	}()
	f, err := r.d.create(temp)
	if err != nil {
		return err
	}
	r.d.at("metadata created")
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	r.d.at("metadata written")
	err = r.commit(ctx, temp)
	committed = err == nil
	return err
}

// commit gives the record its name, if the object is still the one that is meant.
// Its body stays under its key as long as the lock is held, and so does its record:
// clean removes those of other bodies only.
func (r *replacement) commit(ctx context.Context, temp string) error {
	unlock, err := r.d.lock(ctx, true)
	if err != nil {
		return err
	}
	defer unlock()
	r.d.at("metadata locked")
	now, err := r.d.Stat(ctx, r.o.key)
	if err != nil {
		return err
	}
	if err := (&backend.PutOptions{IfMatch: r.ifMatch}).Match(now); err != nil {
		return err
	}
	for range maxTries { // a folder without a record may be removed by others
		if err = r.d.root.MkdirAll(r.o.records(), folderMode); err == nil {
			err = r.d.root.Rename(temp, r.o.records()+"/"+r.rec.name())
		}
		if err == nil {
			r.d.at("metadata replaced")
			return nil
		}
		if _, terr := r.d.root.Lstat(temp); terr != nil {
			return errSwept
		}
		if !again(err) {
			return err
		}
	}
	return errAgain
}
