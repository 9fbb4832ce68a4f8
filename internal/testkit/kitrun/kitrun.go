// SPDX-License-Identifier: Apache-2.0

// Package kitrun has package envelope read the objects of testkit. It is for
// tests alone.
package kitrun

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/internal/testkit"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// A Result is how the reading of an object has ended.
type Result struct {
	Outcome       testkit.Outcome
	Plain         []byte // what was released, also before a failure
	Err           error
	Unwraps       int // uses of keys that serve the wrap
	Authenticated bool
}

// A Reading is how an object is read.
type Reading struct {
	Release envelope.Release
	Size    int64 // what the reader is told of all of the body, or -1
	WriteTo bool
	At      bool // a part is read at its offset, not as a range of the body
}

// Run reads an object by a rule of release. If sized, the reader knows how large
// the body is.
func Run(ctx context.Context, c *testkit.Case, release envelope.Release, sized bool) Result {
	how := Reading{Release: release, Size: -1}
	if sized {
		how.Size = int64(len(c.Body))
	}
	return Read(ctx, c, how)
}

// Read reads an object in any way.
func Read(ctx context.Context, c *testkit.Case, how Reading) (r Result) {
	keys, err := newKeys(c)
	if err != nil {
		return Result{Outcome: outcome(err), Err: err}
	}
	r.Plain, r.Authenticated, r.Err = open(ctx, c, keys, how)
	r.Outcome, r.Unwraps = outcome(r.Err), keys.calls
	return r
}

func open(ctx context.Context, c *testkit.Case, keys wrap.Unwrapper, how Reading) (got []byte, authenticated bool, err error) {
	h, err := Header(c)
	if err != nil {
		return nil, false, err
	}
	opts := options(c, how.Release)
	if c.Range != nil {
		if err := opts.PermitRange(h); err != nil {
			return nil, false, err
		}
	}
	opener, err := envelope.NewOpener(ctx, h, keys, opts)
	if err != nil {
		return nil, false, err
	}
	r, err := reader(c, opener, how)
	if err != nil {
		return nil, false, err
	}
	defer r.Close()
	if how.WriteTo {
		var b bytes.Buffer
		_, err = io.Copy(&b, r)
		return b.Bytes(), opener.Authenticated(), err
	}
	got, err = io.ReadAll(r)
	return got, opener.Authenticated(), err
}

func reader(c *testkit.Case, opener *envelope.Opener, how Reading) (io.ReadCloser, error) {
	if c.Range == nil {
		return opener.Reader(bytes.NewReader(c.Body), how.Size)
	}
	size := int64(len(c.Body))
	parts, err := opener.CiphertextRanges(c.Range.Off, c.Range.N, size)
	if err != nil {
		return nil, err
	}
	if how.At {
		at, err := opener.ReaderAt(bytes.NewReader(c.Body), size)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(io.NewSectionReader(at, c.Range.Off, c.Range.N)), nil
	}
	var body []byte
	for _, p := range parts {
		body = append(body, c.Body[p.Off:p.Off+p.N]...)
	}
	return opener.RangeReader(bytes.NewReader(body), c.Range.Off, c.Range.N, size)
}

// Header finds the envelope as a reader of storage does: in the instruction
// file, if it can be nowhere else.
func Header(c *testkit.Case) (*envelope.Header, error) {
	meta := c.Map()
	if c.Instruction != nil && envelope.NeedsInstructionFile(meta) {
		return envelope.ParseInstructionFile(meta, bytes.NewReader(c.Instruction), dare.DARE2)
	}
	return envelope.ParseHeader(meta, dare.DARE2)
}

// options allow what the case does.
func options(c *testkit.Case, release envelope.Release) *envelope.OpenOptions {
	o := &envelope.OpenOptions{
		AllowUncommitted:           c.Allows(testkit.Uncommitted),
		AllowLegacyWraps:           c.Allows(testkit.LegacyWraps),
		AllowLegacyCBC:             c.Allows(testkit.LegacyCBC),
		AllowUnauthenticatedCTR:    c.Allows(testkit.Unauthenticated),
		AllowUnauthenticatedRanges: c.Allows(testkit.Ranges),
		RequireBound:               c.Allows(testkit.RequireBound),
		ContentAAD:                 c.ContentAAD,
		Release:                    release,
		ExtraSuites:                []envelope.Suite{dare.DARE2},
	}
	if c.Bind != nil {
		o.Bind = envelope.Binding{Bucket: c.Bind.Bucket, Key: c.Bind.Key}
	}
	return o
}

// outcome sorts errors. What is wrong with content must be ErrDecrypt itself.
func outcome(err error) testkit.Outcome {
	meta := new(envelope.MetadataError)
	switch {
	case err == nil:
		return testkit.Success
	case err == envelope.ErrDecrypt:
		return testkit.Rejected
	case errors.Is(err, envelope.ErrNotEncrypted):
		return testkit.NotEncrypted
	case errors.Is(err, envelope.ErrPolicy):
		return testkit.Policy
	case errors.As(err, &meta):
		return testkit.BadMetadata
	case errors.Is(err, wrap.ErrNoKey):
		return testkit.NoKey
	case errors.Is(err, stream.ErrRange):
		return testkit.BadRange
	}
	return testkit.Outcome("error: " + err.Error())
}
