// SPDX-License-Identifier: Apache-2.0

package dir

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/s3seal/s3seal/backend"
)

// Get opens an object. See [backend.Driver].
//
// The body is that of one file: a Put or Delete during the read does not
// change it. A file that others cut short while it is read gives an error.
func (d *Driver) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	f, info, err := d.open(ctx, key)
	if err != nil {
		return nil, nil, err
	}
	if opts.IfMatch != "" && opts.IfMatch != info.ETag {
		f.Close()
		return nil, nil, fmt.Errorf("dir: get %.100q: %w: want ETag %q, got %q", key, backend.ErrChanged, opts.IfMatch, info.ETag)
	}
	off, n, err := opts.Range.Resolve(info.Size)
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("dir: get %.100q: %w", key, err)
	}
	src := backend.NewBodyReader(ctx, io.NewSectionReader(f, off, n), n)
	return &body{file: f, src: src}, info, nil
}

// Stat describes an object without its body. See [backend.Driver].
//
// It reads the body only if the folder was copied and a process had been
// killed in it before, see the package comment.
func (d *Driver) Stat(ctx context.Context, key string) (*backend.Info, error) {
	f, info, err := d.open(ctx, key)
	if err != nil {
		return nil, err
	}
	f.Close() // was only read
	return info, nil
}

// A body is the body of one Get.
type body struct {
	file   *os.File
	src    *backend.BodyReader // finds a file that has become too short
	closed bool
}

func (b *body) Read(p []byte) (int, error) {
	if b.closed {
		return 0, fmt.Errorf("dir: read: %w", fs.ErrClosed)
	}
	return b.src.Read(p)
}

func (b *body) Close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	if err := b.file.Close(); err != nil {
		return fmt.Errorf("dir: close: %w", err)
	}
	return nil
}

// open opens a body and finds what belongs to it.
func (d *Driver) open(ctx context.Context, key string) (file *os.File, info *backend.Info, err error) {
	err = d.look(ctx, key, func(o object, f *os.File, id identity) error {
		i, err := d.identifyBody(ctx, o, f, id)
		if err == nil {
			file, info = f, i
		}
		return err
	})
	return file, info, err
}

// look opens a body for use, which keeps it unless it returns an error. It tries
// again if use fails with an error of the kind [again]: another process got in
// between.
func (d *Driver) look(ctx context.Context, key string, use func(o object, f *os.File, id identity) error) error {
	o, err := d.begin(ctx, key)
	if err != nil {
		return err
	}
	for range maxTries {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("dir: %w", err)
		}
		err := d.tryLook(o, use)
		if err == nil || !again(err) || errors.Is(err, backend.ErrNotExist) {
			return err
		}
	}
	return fmt.Errorf("dir: open %.100q: %w", key, errAgain)
}

// tryLook is one try of look.
func (d *Driver) tryLook(o object, use func(o object, f *os.File, id identity) error) error {
	f, id, err := d.openBody(o)
	if err != nil {
		return err
	}
	d.at("opened")
	if err := use(o, f, id); err != nil {
		f.Close()
		return err
	}
	return nil
}

// openBody opens the file at the key, whatever record it has.
func (d *Driver) openBody(o object) (*os.File, identity, error) {
	fi, err := d.inspect(o.key, false)
	if err != nil && !errors.Is(err, errShadow) {
		return nil, identity{}, err
	}
	if fi == nil {
		return nil, identity{}, notExist(o)
	}
	d.at("inspected")
	f, err := d.root.OpenFile(o.key, openFlags, 0)
	if err != nil {
		return nil, identity{}, fmt.Errorf("dir: open %.100q: %w", o.key, err)
	}
	id, opened, err := identify(f)
	if err == nil && !os.SameFile(fi, opened) {
		err = errAgain // maybe not even a regular file
	}
	if err != nil {
		f.Close()
		return nil, identity{}, err
	}
	return f, id, nil
}

func notExist(o object) error { return fmt.Errorf("dir: %.100q: %w", o.key, backend.ErrNotExist) }

// identifyBody finds the record of an open body and describes the object.
func (d *Driver) identifyBody(ctx context.Context, o object, f *os.File, id identity) (*backend.Info, error) {
	rec, err := d.find(ctx, o, f, id)
	if err != nil {
		return nil, err
	}
	if rec == nil {
		return describe(o, id, "", contents{ContentType: defaultType}), nil
	}
	c, err := d.load(o, *rec)
	if err != nil {
		return nil, err
	}
	return describe(o, id, rec.nonce, c), nil
}

// find returns the record of an open body, or nil if it has none.
func (d *Driver) find(ctx context.Context, o object, f *os.File, id identity) (*record, error) {
	recs, err := d.records(o)
	if err != nil {
		return nil, err
	}
	d.at("listed")
	if rec := exact(recs, id); rec != nil {
		return rec, nil
	}
	// The record has been removed with the body, or there is none. The order is
	// that of clean: a put that is under way now must not lend its record to the
	// body that it replaces.
	recs = d.committed(o, recs)
	d.at("judged")
	if err := d.still(o, f); err != nil {
		return nil, err
	}
	d.at("still there")
	return d.guess(ctx, o, f, id, recs)
}

// still checks that f is what lies under the key, in this spelling.
func (d *Driver) still(o object, f *os.File) error {
	opened, err := f.Stat()
	if err != nil {
		return fmt.Errorf("dir: %w", err)
	}
	fi, err := d.inspect(o.key, true)
	if err != nil && !errors.Is(err, errShadow) {
		return err
	}
	if fi == nil || !os.SameFile(fi, opened) {
		return errAgain
	}
	return nil
}

// describe makes an Info of what is known. The ETag covers the identity, so
// that a body changed in place is another object, and the nonce, so that two
// puts are.
func describe(o object, id identity, nonce string, c contents) *backend.Info {
	sum := sha256.Sum256(fmt.Appendf(nil, "%x-%x-%x-%s", id.inode, id.mtime, id.size, nonce))
	return &backend.Info{
		Key:         o.key,
		Size:        id.size,
		ETag:        fmt.Sprintf("%x", sum[:16]),
		ModTime:     time.Unix(0, id.mtime),
		ContentType: c.ContentType,
		Metadata:    c.Metadata,
		Headers:     c.Headers,
	}
}
