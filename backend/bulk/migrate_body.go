// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"

	"github.com/s3seal/s3seal/backend"
)

// put seals the object that oi describes into dst.
func (m *migration) put(ctx context.Context, t *task, oi *backend.ObjectInfo, to string, opts *backend.PutOptions) (Result, *backend.ObjectInfo) {
	cost := Cost{Requests: statRequests(oi) + m.tagRequests() + getRequests(oi), KMSCalls: kmsCalls(oi.Header.Wrap)}
	failed := func(err error) Result {
		res := fail(&oi.Info, err)
		res.To, res.Cost = to, cost
		return res
	}
	src, err := m.open(ctx, t, m.src, oi)
	if err != nil {
		return failed(fmt.Errorf("source: %w", err)), nil
	}
	defer src.object.Close() // what counts is whether all was read
	size := int64(-1)
	if oi.PlaintextSizeMin == oi.PlaintextSizeMax { // not so with CBC
		size = oi.PlaintextSizeMax
	}
	now, err := m.dst.Put(ctx, to, src, size, opts)
	cost.Requests++
	cost.Bytes = oi.Size
	if src.err != nil && src.err != io.EOF {
		return failed(fmt.Errorf("source: %w", src.err)), nil
	}
	if err != nil {
		return failed(explained(opts, fmt.Errorf("destination: %w", err))), nil
	}
	res := done(&oi.Info)
	res.To, res.Cost = to, cost
	res.Bytes += now.Size
	res.KMSCalls += kmsCalls(now.Header.Wrap)
	src.report(&res)
	if now.Header.Suite != m.opts.Target {
		res.fatal = fmt.Errorf("bulk: migrate: want a destination that seals %v, got %v", m.opts.Target, now.Header.Suite)
	}
	return res, now
}

// compare says whether what is in the place of the new object is that.
func (m *migration) compare(ctx context.Context, t *task, oi, there *backend.ObjectInfo) Result {
	res, err := m.equal(ctx, t, oi, there)
	if err != nil {
		res = fail(&oi.Info, err)
	}
	res.To = there.Key
	res.Requests = statRequests(oi) + getRequests(oi) + statRequests(there) + getRequests(there)
	return res
}

func (m *migration) equal(ctx context.Context, t *task, oi, there *backend.ObjectInfo) (Result, error) {
	if there.Header == nil {
		return Result{}, fmt.Errorf("%w, which is not encrypted", ErrExists)
	}
	if there.Header.Suite != m.opts.Target {
		return Result{}, fmt.Errorf("%w, in format %v", ErrExists, there.Header.Suite)
	}
	switch {
	case sameSealing(oi.Header, there.Header):
		return Result{}, fmt.Errorf("%w, which is the old one or a copy of it", ErrExists)
	case !m.kept(oi, there):
		return Result{}, fmt.Errorf("%w, with other metadata, content type or headers", ErrExists)
	}
	before, err := m.digest(ctx, t, m.src, oi)
	if err != nil {
		return Result{}, fmt.Errorf("source: %w", err)
	}
	after, err := m.digestThere(ctx, there)
	switch {
	case errors.Is(err, backend.ErrChanged):
		return Result{}, fmt.Errorf("destination: %w", err)
	case err != nil: // why must not pass for what is wrong with the old object
		return Result{}, fmt.Errorf("%w, which cannot be read: %v", ErrExists, err)
	}
	res := done(&oi.Info)
	before.report(&res)
	if hex.EncodeToString(after) != res.SHA256 {
		return Result{}, fmt.Errorf("%w, with other content", ErrExists)
	}
	res.Bytes = oi.Size + there.Size
	res.KMSCalls = kmsCalls(oi.Header.Wrap) + kmsCalls(there.Header.Wrap)
	return res, nil
}

// digest reads all of an object.
func (m *migration) digest(ctx context.Context, t *task, b *backend.Bucket, oi *backend.ObjectInfo) (*plaintext, error) {
	src, err := m.open(ctx, t, b, oi)
	if err != nil {
		return nil, err
	}
	defer src.object.Close() // what counts is whether all was read
	_, err = io.Copy(io.Discard, src)
	return src, err
}

// A plaintext is what is read of an object, from its front to its end.
type plaintext struct {
	object *backend.Object
	hash   hash.Hash
	task   *task // that moves with it; may be nil
	err    error // that the object has ended with
}

// open opens the very object that oi describes, metadata included: there are
// storages that keep the ETag where only that changes.
func (m *migration) open(ctx context.Context, t *task, b *backend.Bucket, oi *backend.ObjectInfo) (*plaintext, error) {
	o, err := b.Get(ctx, oi.Key)
	if err != nil {
		return nil, err
	}
	if err := unchanged(oi, o.Info()); err != nil {
		o.Close() // the other error is the one that counts
		return nil, err
	}
	return &plaintext{object: o, hash: sha256.New(), task: t}, nil
}

// unchanged returns an error if the object was replaced between two requests, and
// also where nothing tells that.
func unchanged(before, now *backend.ObjectInfo) error {
	if now.ETag == "" {
		return fmt.Errorf("%w, or not: the storage gives it no ETag", backend.ErrChanged)
	}
	if now.ETag != before.ETag || now.ContentType != before.ContentType || !maps.Equal(now.Metadata, before.Metadata) || !maps.Equal(now.Headers, before.Headers) {
		return fmt.Errorf("%w between two requests", backend.ErrChanged)
	}
	return nil
}

// Read hands out what is read of the object: unverified before io.EOF, but a put
// of it does not succeed before that.
func (p *plaintext) Read(b []byte) (int, error) {
	n, err := p.object.Read(b)
	p.hash.Write(b[:n])
	if p.task != nil {
		p.task.move(int64(n))
	}
	if err != nil {
		p.err = err
	}
	return n, err
}

// report says in res what was read. It is of use after io.EOF only.
func (p *plaintext) report(res *Result) {
	res.SHA256 = hex.EncodeToString(p.hash.Sum(nil))
	res.Unauthenticated = !p.object.Authenticated()
	res.EnvelopeSHA256 = EnvelopeSum(p.object.Info().Header)
}
