// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/s3seal/s3seal/stream"
)

// A twice is a body that can be read twice. It is first read to its end, by
// Read.
type twice interface {
	io.Reader

	// cause returns what Read has failed with, if that was not the source, so
	// that it is not taken for an error of the source.
	cause() error

	// again returns the body from its start.
	again() (io.Reader, error)

	// Close lets go of what the body is kept in, if anything. A second call
	// returns nil.
	Close() error
}

// keptMemory is up to how many bytes a body is kept in memory. It is not worth a
// file, or a second request, then.
const keptMemory = 1 << 20

// A rereader is the plaintext of a body that is read twice: verified first, and
// then decrypted. It relies on bodyReader for sticky errors.
type rereader struct {
	content *content
	body    twice
	begun   bool
	closed  bool
	scan    *stream.GCMScan
	dec     *stream.GCMVerifiedReader
	left    int64 // plaintext that was not released yet

	closeErr error
}

// errNoReturn is what remains of a source that has panicked.
var errNoReturn = errors.New("envelope: read body: call did not return")

// begin reads the body to its end.
func (r *rereader) begin() error {
	if r.dec != nil {
		return nil
	}
	if r.begun {
		return errNoReturn
	}
	r.begun = true
	c := r.content
	scan, err := stream.ScanGCM(r.body, c.secret.key, c.iv, c.aad)
	if cause := r.body.cause(); cause != nil {
		err = cause
	}
	if r.closed { // by the source: the body must not be opened again
		err = stream.ErrClosed
	}
	if err != nil {
		if scan != nil {
			scan.Wipe()
		}
		return err
	}
	r.scan, r.left = scan, scan.Size()
	src, err := r.body.again()
	if err != nil {
		return err
	}
	r.dec = scan.Reader(src)
	return nil
}

// Read yields verified plaintext.
func (r *rereader) Read(p []byte) (n int, err error) {
	if err = r.begin(); err == nil {
		n, err = r.dec.Read(p)
	}
	return n, r.released(int64(n), err)
}

// WriteTo writes all that is left of the plaintext to dst.
func (r *rereader) WriteTo(dst io.Writer) (n int64, err error) {
	if err = r.begin(); err == nil {
		n, err = r.dec.WriteTo(dst)
	}
	return n, r.released(n, err)
}

// released accounts for n bytes and an error. Nothing is kept any longer than
// needed: who knows the size of an object may never ask for its end.
func (r *rereader) released(n int64, err error) error {
	r.left -= n
	if err != nil || r.left == 0 {
		_ = r.Close() // which says later how it went
	}
	return err
}

// Close lets go of the body and of what was noted of it. Only the end, or an
// error, can be read after it. A second call returns what the first returned.
func (r *rereader) Close() error {
	r.closed = true
	if r.scan != nil {
		r.scan.Wipe()
	}
	if err := r.body.Close(); r.closeErr == nil {
		r.closeErr = err
	}
	return r.closeErr
}

// A kept is the start of a body, if it is all of it.
type kept struct {
	most int // bytes
	data []byte
	over bool // the body is longer than that
}

// add keeps p, if that is possible.
func (k *kept) add(p []byte) bool {
	if k.over || len(k.data)+len(p) > k.most {
		k.over = true
		return false
	}
	k.data = append(k.data, p...)
	return true
}

// A reopened is a body that is read from two sources.
type reopened struct {
	first  io.Reader
	rule   *twoPass
	kept   kept
	second io.Closer
}

func newReopened(src io.Reader, size int64, rule *twoPass) *reopened {
	return &reopened{first: src, rule: rule, kept: kept{most: rule.keep, over: size > int64(rule.keep)}}
}

// Read reads from the first source.
func (r *reopened) Read(p []byte) (int, error) {
	n, err := r.first.Read(p)
	if n > 0 && n <= len(p) && !r.kept.add(p[:n]) {
		r.kept.data = nil
	}
	return n, err
}

func (r *reopened) cause() error { return nil }

func (r *reopened) again() (io.Reader, error) {
	if !r.kept.over {
		return bytes.NewReader(r.kept.data), nil
	}
	src, err := r.rule.reopen()
	if err == nil && src == nil {
		err = errors.New("got none")
	}
	if err != nil {
		return nil, fmt.Errorf("envelope: reopen body: %w", err)
	}
	r.second = src
	return src, nil
}

func (r *reopened) Close() (err error) {
	r.kept.data = nil
	if r.second != nil {
		err = r.second.Close()
		r.second = nil
	}
	if err != nil {
		err = fmt.Errorf("envelope: close reopened body: %w", err)
	}
	return err
}
