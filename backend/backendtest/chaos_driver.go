// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/s3seal/s3seal/backend"
)

// A ChaosTarget is a driver that [ChaosDriver] can be put around.
type ChaosTarget interface {
	backend.Multiparter
	backend.MetadataReplacer
}

// errStorage is an answer of a storage that nobody asks again.
var errStorage = errors.New("backendtest: the storage refuses")

// ChaosDriver returns a driver that uses d, to which s happens call by call, and
// without anything that would try again. It is for what is built on drivers.
func ChaosDriver(d ChaosTarget, s *Schedule) ChaosTarget { return &chaosDriver{d, s} }

type chaosDriver struct {
	ChaosTarget
	s *Schedule
}

// changes says whether a call of the kind changes the object.
func changes(kind string) bool {
	return kind == kindPut || kind == kindComplete || kind == kindCopy || kind == kindDelete
}

// call makes a call with what happens to it. do gets the fault that is about the
// body, if it is one.
func (d *chaosDriver) call(ctx context.Context, kind string, do func(f *fault) error) error {
	if d.s.isDead() {
		if kind == kindAbort {
			d.s.tell(func(a *account) { a.adrift = true })
		}
		return errReset
	}
	f := d.s.hit(kind)
	if f == nil {
		return d.done(kind, do(nil))
	}
	switch f.class {
	case FaultStatus, FaultClock:
		return d.refused(kind, errStorage)
	case FaultChanged:
		d.s.change()
	case FaultKilled:
		d.s.kill()
		if f.variant%2 == 0 {
			return errReset
		}
		return errors.Join(d.done(kind, do(f)), errReset)
	case FaultCanceled:
		return d.canceled(ctx, f, kind, do)
	case FaultOrder:
		time.Sleep(f.pause)
	}
	lost := f.class == FaultAnswer || f.class == FaultCut && kind != kindGet && kind != kindPut
	if err := d.done(kind, do(f)); err != nil || !lost {
		return err
	}
	return d.refused(kind, errLost)
}

// done notes what a call has done.
func (d *chaosDriver) done(kind string, err error) error {
	d.s.tell(func(a *account) {
		a.sent = a.sent || err == nil && changes(kind)
		a.adrift = a.adrift || kind == kindAbort && err != nil && !errors.Is(err, backend.ErrNoUpload)
	})
	return err
}

// refused returns err for a call, after which an upload may be left.
func (d *chaosDriver) refused(kind string, err error) error {
	d.s.tell(func(a *account) { a.adrift = a.adrift || kind == kindAbort || kind == kindStart })
	return fmt.Errorf("chaos: %s: %w", kind, err)
}

// canceled ends the context of the caller, before the call or after it.
func (d *chaosDriver) canceled(ctx context.Context, f *fault, kind string, do func(*fault) error) error {
	if f.variant%3 == 1 {
		err := d.done(kind, do(f))
		d.s.cancel()
		return err
	}
	time.Sleep(f.pause)
	d.s.cancel()
	if err := ctx.Err(); err != nil {
		return d.refused(kind, err)
	}
	return d.done(kind, do(f))
}

// Put stores body, as far as it comes.
func (d *chaosDriver) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (info *backend.Info, err error) {
	var seen bytes.Buffer
	err = d.call(ctx, kindPut, func(f *fault) error {
		src := io.TeeReader(body, &seen)
		if f != nil && f.class == FaultCut {
			src = io.MultiReader(io.LimitReader(src, f.at), errReader{errReset})
		}
		info, err = d.ChaosTarget.Put(ctx, key, src, size, opts)
		return err
	})
	d.s.messages.sent(messageOf(lowerNames(opts.Metadata)), 1, seen.Bytes())
	if err != nil {
		return nil, err
	}
	return info, nil
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// Get opens an object whose body may end before its time, or after it.
func (d *chaosDriver) Get(ctx context.Context, key string, opts *backend.GetOptions) (rc io.ReadCloser, info *backend.Info, err error) {
	kind := kindGet
	if strings.HasSuffix(key, ".instruction") {
		kind = kindInstruction
	}
	err = d.call(ctx, kind, func(f *fault) error {
		if f != nil && (f.class == FaultRange && opts.Range != nil || f.class == FaultKeys) {
			return fmt.Errorf("chaos: %w", []error{backend.ErrRange, errStorage}[f.variant%2])
		}
		if rc, info, err = d.ChaosTarget.Get(ctx, key, opts); err != nil || f == nil {
			return err
		}
		rc = hurt(f, rc, info, opts)
		return nil
	})
	if err != nil {
		if rc != nil {
			rc.Close()
		}
		return nil, nil, err
	}
	return rc, info, nil
}

// hurt lets a fault happen to a body.
func hurt(f *fault, rc io.ReadCloser, info *backend.Info, opts *backend.GetOptions) io.ReadCloser {
	n := info.Size
	if opts.Range != nil {
		_, n, _ = opts.Range.Resolve(n)
	}
	switch {
	case f.class == FaultLength && f.variant%2 == 0:
		return &extraBody{io.MultiReader(rc, strings.NewReader("more")), rc}
	case f.class == FaultLength, f.class == FaultCut:
		return &cutBody{rc, min(f.where(n), max(n-1, 0)), fmt.Errorf("chaos: %w", []error{errReset, io.ErrUnexpectedEOF}[f.variant%2])}
	}
	return rc
}

// Stat describes an object.
func (d *chaosDriver) Stat(ctx context.Context, key string) (info *backend.Info, err error) {
	err = d.call(ctx, kindHead, func(*fault) error {
		info, err = d.ChaosTarget.Stat(ctx, key)
		return err
	})
	return info, err
}

// Delete removes an object.
func (d *chaosDriver) Delete(ctx context.Context, key string) error {
	return d.call(ctx, kindDelete, func(*fault) error { return d.ChaosTarget.Delete(ctx, key) })
}

// ReplaceMetadata replaces metadata.
func (d *chaosDriver) ReplaceMetadata(ctx context.Context, key string, metadata map[string]string, ifMatch string) (info *backend.Info, err error) {
	err = d.call(ctx, kindCopy, func(*fault) error {
		info, err = d.ChaosTarget.ReplaceMetadata(ctx, key, metadata, ifMatch)
		return err
	})
	return info, err
}

// StartUpload begins an upload.
func (d *chaosDriver) StartUpload(ctx context.Context, key string, opts *backend.PutOptions) (id string, err error) {
	err = d.call(ctx, kindStart, func(*fault) error {
		id, err = d.ChaosTarget.StartUpload(ctx, key, opts)
		return err
	})
	d.s.messages.start(id, messageOf(lowerNames(opts.Metadata)))
	return id, err
}

// PutPart stores a part.
func (d *chaosDriver) PutPart(ctx context.Context, key, id string, number int, body []byte) (part backend.Part, err error) {
	d.s.messages.sentPart(id, number, body)
	err = d.call(ctx, kindPart, func(*fault) error {
		part, err = d.ChaosTarget.PutPart(ctx, key, id, number, body)
		return err
	})
	return part, err
}

// CompleteUpload makes an object of parts.
func (d *chaosDriver) CompleteUpload(ctx context.Context, key, id string, parts []backend.Part, opts *backend.PutOptions) (info *backend.Info, err error) {
	err = d.call(ctx, kindComplete, func(*fault) error {
		info, err = d.ChaosTarget.CompleteUpload(ctx, key, id, parts, opts)
		return err
	})
	return info, err
}

// AbortUpload removes an upload.
func (d *chaosDriver) AbortUpload(ctx context.Context, key, id string) error {
	return d.call(ctx, kindAbort, func(*fault) error { return d.ChaosTarget.AbortUpload(ctx, key, id) })
}

// ListParts returns the parts of an upload.
func (d *chaosDriver) ListParts(ctx context.Context, key, id string) (parts []backend.Part, err error) {
	err = d.call(ctx, kindParts, func(*fault) error {
		parts, err = d.ChaosTarget.ListParts(ctx, key, id)
		return err
	})
	return parts, err
}
