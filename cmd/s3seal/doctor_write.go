// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
)

// A probe is an object that is there only to see whether it can be. Its requests
// go on after an interruption, which could else leave it behind: nobody knows
// whether a request that was broken off is done or not.
type probe struct {
	*checkup
	driver  backend.Driver
	key     string
	address string // of it
	body    []byte
}

// checkWrite puts, reads and removes an object under a key that is free.
func (c *checkup) checkWrite(ctx context.Context, d backend.Driver, at address, key string) {
	p := &probe{c, d, key, at.place() + key, []byte("of s3seal doctor, to be removed\n")}
	defer c.tellOf(ctx, "interrupted: removing "+p.address)()
	err := p.put(ctx, &backend.PutOptions{})
	if c.try("put", "an object was stored", err) && ctx.Err() == nil {
		p.use(ctx)
	}
	p.remove(ctx, err)
}

// tellOf says what is being done when ctx ends: who interrupts a second time ends
// the program at once, and knows then. The caller calls stop in the end.
func (c *checkup) tellOf(ctx context.Context, text string) (stop func()) {
	told := make(chan struct{})
	unneeded := context.AfterFunc(ctx, func() {
		defer close(told)
		c.tell(text)
	})
	return func() {
		if !unneeded() {
			<-told
		}
	}
}

// use tries what can be done with the object.
func (p *probe) use(ctx context.Context) {
	p.try("get", "the same came back", p.get(ctx))
	p.checkConditions(func(opts *backend.PutOptions) error { return p.put(ctx, opts) })
	if m, ok := p.driver.(backend.Multiparter); ok && ctx.Err() == nil {
		p.try("multipart", "an upload in parts was begun and aborted", p.startAndAbort(ctx, m))
	}
}

// unbroken is the context of a request that is to have its answer.
func unbroken(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), doctorTimeout)
}

func (p *probe) put(ctx context.Context, opts *backend.PutOptions) error {
	ctx, cancel := unbroken(ctx)
	defer cancel()
	_, err := p.driver.Put(ctx, p.key, bytes.NewReader(p.body), int64(len(p.body)), opts)
	return err
}

// remove removes the object. err is what the put said: an answer can be lost
// though all was stored.
func (p *probe) remove(ctx context.Context, err error) {
	if refused(err) {
		return
	}
	answer, cancel := unbroken(ctx)
	defer cancel()
	gone := p.driver.Delete(answer, p.key)
	switch {
	case err != nil && errors.Is(gone, backend.ErrNotExist):
	case gone != nil:
		p.add("delete", checkFail, p.left(ctx, p.address, gone), storageAdvice(gone))
	case p.versioned(answer) && err != nil:
		p.ok("delete", "the bucket keeps versions, and may have kept one: %s", p.key)
	case p.versioned(answer):
		p.ok("delete", "the object was removed; the bucket keeps versions, and this one: %s", p.key)
	case err == nil:
		p.ok("delete", "the object was removed")
	}
}

func (p *probe) versioned(ctx context.Context) bool {
	v, ok := p.driver.(backend.Versioner)
	if !ok {
		return false
	}
	kept, err := v.Versioned(ctx)
	return err == nil && kept
}

// left says what may have stayed behind, at once if nobody will see the findings.
func (p *probe) left(ctx context.Context, what string, err error) string {
	text := fmt.Sprintf("%s may be left: %v", what, err)
	if ctx.Err() != nil {
		p.tell(text)
	}
	return text
}

// refused says whether a server has understood a request and done nothing.
func refused(err error) bool {
	var resp minio.ErrorResponse
	return errors.As(err, &resp) && resp.StatusCode >= 400 && resp.StatusCode < 500
}

func (p *probe) get(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	body, _, err := p.driver.Get(ctx, p.key, &backend.GetOptions{})
	if err != nil {
		return err
	}
	got, err := io.ReadAll(body)
	if err = firstOf(err, body.Close()); err == nil && !bytes.Equal(got, p.body) {
		err = errors.New("the storage returned another object than was stored")
	}
	return err
}

// checkConditions finds out whether conditions of puts protect what is there.
func (c *checkup) checkConditions(put func(*backend.PutOptions) error) {
	for _, cond := range []struct {
		flag string
		opts *backend.PutOptions
		want error
	}{
		{flagIfNoneMatch, &backend.PutOptions{IfNoneMatch: true}, backend.ErrExist},
		{flagIfMatch, &backend.PutOptions{IfMatch: strings.Repeat("0", 32)}, backend.ErrChanged},
	} {
		switch err := put(cond.opts); {
		case errors.Is(err, cond.want):
		case err == nil:
			c.add("conditions", checkFail, "the storage ignores "+cond.flag, "do not rely on it here: neither a condition nor put --resume protects what others store")
			return
		case errors.Is(err, errors.ErrUnsupported), errorCode(err) == "NotImplemented":
			c.add("conditions", checkWarn, "the storage does not know "+cond.flag, "puts with it fail, the others work")
			return
		default:
			c.try("conditions", "", err)
			return
		}
	}
	c.ok("conditions", "%s and %s are honoured", flagIfNoneMatch, flagIfMatch)
}

// startAndAbort begins an upload in parts and takes it back. Where the answer to
// the beginning was lost, it is found by its key, which nobody else has.
func (p *probe) startAndAbort(ctx context.Context, m backend.Multiparter) error {
	answer, cancel := unbroken(ctx)
	defer cancel()
	id, err := m.StartUpload(answer, p.key, &backend.PutOptions{})
	ids := []string{id}
	if err != nil {
		ids = nil
		if list, lerr := m.ListUploads(answer, p.key); lerr == nil && !refused(err) {
			for _, u := range list {
				ids = append(ids, u.ID)
			}
		}
	} else {
		_, err = m.PutPart(answer, p.key, id, 1, p.body)
	}
	for _, id := range ids {
		if aerr := m.AbortUpload(answer, p.key, id); aerr != nil {
			err = errors.New(p.left(ctx, "an upload of "+p.address, aerr))
		}
	}
	return err
}
