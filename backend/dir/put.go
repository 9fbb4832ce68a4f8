// SPDX-License-Identifier: Apache-2.0

package dir

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path"
	"time"

	"github.com/s3seal/s3seal/backend"
)

const (
	nonceSize = 16      // bytes
	chunkSize = 1 << 17 // bytes read from a body at a time
)

// Put stores body under key. See [backend.Driver].
//
// The body is written to a file of its own before anything changes under key,
// so the device needs room for the old and the new one. Metadata of more than
// 1 MiB, and text in it that is not UTF-8, is refused. Tags, storage classes and
// encryption are not supported, and conditions only where the system has
// flock(2); an object is then judged by what is on disk, whoever put it there.
// A file that somebody else has written there is replaced as an object is, unless
// [Options].SparePlainFiles is set.
//
// If the device fails to sync a folder after the object has got its name, Put
// returns the error though the object can be read: it is complete, but may not
// survive a power failure.
func (d *Driver) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	o, err := d.begin(ctx, key)
	if err != nil {
		return nil, err
	}
	if err := d.check(ctx, o, opts); err != nil {
		return nil, err
	}
	return d.store(ctx, o, backend.NewBodyReader(ctx, body, size), opts)
}

// check refuses what cannot be put, as far as it can be known before there is a
// body.
func (d *Driver) check(ctx context.Context, o object, opts *backend.PutOptions) error {
	if err := opts.CheckWithHeaders(); err != nil {
		return err
	}
	if _, err := newContents(o.key, opts).encode(); err != nil {
		return err
	}
	if _, err := d.inspect(o.key, true); err != nil {
		return err
	}
	if opts.Conditional() && !canLock {
		return fmt.Errorf("dir: put %.100q: a condition: %w", o.key, errors.ErrUnsupported)
	}
	if err := d.mayReplace(ctx, o, opts); err != nil {
		return fmt.Errorf("dir: put %.100q: %w", o.key, err)
	}
	return nil
}

// store puts a body that has been checked.
func (d *Driver) store(ctx context.Context, o object, body io.Reader, opts *backend.PutOptions) (*backend.Info, error) {
	c := newContents(o.key, opts)
	data, err := c.encode()
	if err != nil {
		return nil, err
	}
	p := &put{d: d, o: o, opts: opts, nonce: newNonce()}
	defer p.abort()
	if err := p.run(ctx, body, data); err != nil {
		return nil, err
	}
	return describe(o, p.rec.identity, p.rec.nonce, c), nil
}

func newNonce() string {
	b := make([]byte, nonceSize)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// A put is one body on its way to its key.
type put struct {
	d     *Driver
	o     object
	opts  *backend.PutOptions
	nonce string
	rec   record // known once the body is complete

	spooled   bool // the body may be in tmp
	recorded  bool // the record may be there
	committed bool
}

// run is the protocol of the package comment.
func (p *put) run(ctx context.Context, body io.Reader, data []byte) error {
	if err := p.spool(body); err != nil {
		return fmt.Errorf("dir: put %.100q: %w", p.o.key, err)
	}
	if err := p.record(data); err != nil {
		return fmt.Errorf("dir: put %.100q: record: %w", p.o.key, err)
	}
	if err := p.commit(ctx); err != nil {
		return err
	}
	if err := p.d.syncFolders(path.Dir(p.o.key)); err != nil {
		return fmt.Errorf("dir: put %.100q: sync: %w", p.o.key, err)
	}
	p.d.at("folder synced")
	p.d.clean(p.o)
	return nil
}

// spool writes the body to its file in tmp.
func (p *put) spool(body io.Reader) error {
	p.spooled = true
	f, err := p.d.create(p.o.temp(p.nonce))
	if err != nil {
		return err
	}
	p.d.at("body created")
	sum := crc32.New(castagnoli)
	// The writer hides that f could read by itself, with a buffer of its own.
	_, err = io.CopyBuffer(io.MultiWriter(f, sum), body, make([]byte, chunkSize))
	p.d.at("body written")
	if err == nil {
		err = f.Sync()
		p.d.at("body synced")
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	p.rec = record{sum: sum.Sum32(), nonce: p.nonce}
	p.d.at("body closed")
	// As long as the record is not that of an object, the body must be seen in
	// tmp, even after a power failure.
	return p.d.syncFolders(tmpDir)
}

// record writes the record of the body in tmp.
func (p *put) record(data []byte) error {
	if err := p.identify(); err != nil {
		return err
	}
	p.recorded = true
	f, err := p.d.create(p.o.records() + "/" + p.rec.name())
	if err != nil {
		return err
	}
	p.d.at("record created")
	_, err = f.Write(data)
	p.d.at("record written")
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	p.d.at("record synced")
	return p.d.syncFolders(p.o.records())
}

// identify finds an identity for the body that no record of the key has yet.
//
// As the body exists, a record with its inode is that of a dead body, or came
// from another file system. If mtime and size are the same too, since clocks
// tick slowly and inodes are soon used again, the mtime moves on until it
// differs, by steps that double: file systems count in anything between
// nanoseconds and two seconds.
func (p *put) identify() error {
	recs, err := p.d.records(p.o)
	if err != nil {
		return err
	}
	for delta := time.Duration(1); ; delta *= 2 {
		if err := p.stat(); err != nil {
			return err
		}
		if !knows(recs, p.rec.identity) {
			return nil
		}
		if delta > time.Minute {
			return errors.New("no free identity for the body")
		}
		mtime := time.Unix(0, p.rec.mtime).Add(delta)
		if err := p.d.root.Chtimes(p.o.temp(p.nonce), time.Time{}, mtime); err != nil {
			return err
		}
	}
}

// stat asks the finished body for its identity, by opening it again: there
// are systems on which closing a file still changes its mtime.
func (p *put) stat() error {
	f, err := p.d.root.OpenFile(p.o.temp(p.nonce), openFlags, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return errSwept
	}
	if err != nil {
		return err
	}
	defer f.Close()
	p.rec.identity, _, err = identify(f)
	return err
}

func knows(recs []record, id identity) bool {
	for _, r := range recs {
		if r.identity == id {
			return true
		}
	}
	return false
}

// commit gives the body its name. Folders that it needs are created at the
// last moment, and another process may find them empty and remove them again.
func (p *put) commit(ctx context.Context) error {
	folder := path.Dir(p.o.key)
	for range maxTries {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("dir: put %.100q: %w", p.o.key, err)
		}
		p.d.at("before folders")
		top, err := p.d.mkdirs(folder)
		p.d.at("before commit")
		if err == nil {
			err = p.rename(ctx)
		}
		if err == nil || p.landed() {
			p.committed = true
			p.d.at("committed")
			return nil
		}
		if top != "" {
			p.d.prune(folder, top)
		}
		if err := p.explain(err); err != nil {
			return err
		}
	}
	return fmt.Errorf("dir: put %.100q: %w", p.o.key, errAgain)
}

// rename replaces the object, if its conditions allow it. They are looked at
// under a lock that keeps every other process from replacing it in between.
func (p *put) rename(ctx context.Context) error {
	unlock, err := p.d.lock(ctx, p.opts.Conditional())
	if err != nil {
		return err
	}
	defer unlock()
	if p.opts.Conditional() || p.d.spare {
		if err := p.d.mayReplace(ctx, p.o, p.opts); err != nil {
			return err
		}
		p.d.at("condition met")
	}
	return p.d.root.Rename(p.o.temp(p.nonce), p.o.key)
}

// mayReplace says whether what is there now may be replaced: by the conditions
// of opts, and by the options of the folder.
func (d *Driver) mayReplace(ctx context.Context, o object, opts *backend.PutOptions) error {
	if opts.Conditional() {
		if err := d.meets(ctx, o, opts); err != nil {
			return err
		}
	}
	if d.spare && opts.IfMatch == "" {
		return d.notPlain(ctx, o.key)
	}
	return nil
}

// meets says whether the conditions of opts hold for the object that is there.
func (d *Driver) meets(ctx context.Context, o object, opts *backend.PutOptions) error {
	old, err := d.Stat(ctx, o.key)
	if err != nil && !errors.Is(err, backend.ErrNotExist) {
		return err
	}
	return opts.Match(old)
}

// landed reports whether the body is under its key. A rename can fail and be
// done all the same, if a server's answer was lost on the way; to remove the
// record then would lose the object.
func (p *put) landed() bool {
	f, id, err := p.d.openBody(p.o)
	if err != nil {
		return false
	}
	f.Close()
	return id == p.rec.identity
}

// explain returns why the commit failed, or nil if it should be tried again.
func (p *put) explain(err error) error {
	if _, kerr := p.d.inspect(p.o.key, true); kerr != nil {
		return kerr
	}
	if _, terr := p.d.root.Lstat(p.o.temp(p.nonce)); errors.Is(terr, fs.ErrNotExist) {
		return fmt.Errorf("dir: put %.100q: %w", p.o.key, errSwept)
	}
	if again(err) {
		return nil
	}
	return fmt.Errorf("dir: put %.100q: %w", p.o.key, err)
}

// abort removes what a put that failed has created. The record goes first: as
// long as the body is in tmp nobody takes the record for that of an object.
func (p *put) abort() {
	if p.committed {
		return
	}
	if p.recorded {
		p.d.at("before record aborted")
		p.d.root.Remove(p.o.records() + "/" + p.rec.name())
		p.d.syncFolders(p.o.records()) // in this order after a power failure too
		p.d.at("record aborted")
		p.d.removeFolder(p.o.records())
	}
	if p.spooled {
		p.d.at("before body aborted")
		p.d.root.Remove(p.o.temp(p.nonce))
	}
}

// errAgain says that another process got in between two steps.
var errAgain = errors.New("dir: changed meanwhile")

// errSwept says that [New] took the put for dead, see Options.SweepAge.
var errSwept = errors.New("dir: body has been swept as a leftover")

// again reports whether err is of the kind that goes away by beginning anew:
// a file is not there any more, or is another one.
func again(err error) bool {
	return errors.Is(err, errAgain) || errors.Is(err, fs.ErrNotExist)
}
