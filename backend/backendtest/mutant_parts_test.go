// SPDX-License-Identifier: Apache-2.0

package backendtest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
)

// conditionMutants are drivers that are wrong about what may be replaced.
var conditionMutants = map[string]struct {
	caught string
	mutant
}{
	"IfNoneMatch is ignored": {"IfNoneMatch", withOptions(func(o *backend.PutOptions) { o.IfNoneMatch = false })},
	"IfMatch is ignored":     {"PutIfMatch", withOptions(func(o *backend.PutOptions) { o.IfMatch = "" })},
	"conditions are dropped": {"Unsupported", withOptions(func(o *backend.PutOptions) { o.IfNoneMatch = false; o.IfMatch = "" })},
	"conditions are looked at too soon": {"ConditionsMeet", putMutant(func(c putCall) (*backend.Info, error) {
		if err := soon(c); err != nil {
			return nil, err
		}
		return c.put()
	})},
	"ETag is looked at too soon": {"IfMatchMeet", putMutant(func(c putCall) (*backend.Info, error) {
		if err := soon(c); err != nil {
			return nil, err
		}
		return c.put()
	})},
	"any failed condition is ErrChanged": {"IfNoneMatch", putMutant(func(c putCall) (*backend.Info, error) {
		info, err := c.put()
		if errors.Is(err, backend.ErrExist) {
			err = backend.ErrChanged
		}
		return info, err
	})},
	"nothing to match is a missing object": {"PutIfMatch", putMutant(func(c putCall) (*backend.Info, error) {
		if _, err := c.d.Stat(c.ctx, c.key); err != nil && c.opts.IfMatch != "" {
			return nil, err
		}
		return c.put()
	})},
	"refuses after the body": {"Unsupported", putMutant(func(c putCall) (*backend.Info, error) {
		data, err := io.ReadAll(c.body)
		if err != nil {
			return nil, err
		}
		c.body = bytes.NewReader(data)
		return c.put()
	})},
}

func withOptions(change func(*backend.PutOptions)) mutant {
	return putMutant(func(c putCall) (*backend.Info, error) {
		given := *c.opts
		change(&given)
		c.opts = &given
		return c.put()
	})
}

// soon decides about the conditions of a put before it is done.
func soon(c putCall) error {
	old, err := c.d.Stat(c.ctx, c.key)
	if err != nil && !errors.Is(err, backend.ErrNotExist) {
		return err
	}
	if err := c.opts.Match(old); err != nil {
		return err
	}
	time.Sleep(time.Millisecond)
	given := *c.opts
	given.IfNoneMatch, given.IfMatch = false, ""
	*c.opts = given
	return nil
}

// A partsMutant is a driver with parts and one fault: a field that is set
// replaces the method of the sound driver.
type partsMutant struct {
	*mem.Driver
	putPart  func(d *mem.Driver, key, id string, number int, body []byte) (backend.Part, error)
	complete func(d *mem.Driver, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error)
	abort    func(d *mem.Driver, key, id string) error
	uploads  func(d *mem.Driver, prefix string) ([]backend.Upload, error)
	parts    func(d *mem.Driver, key, id string) ([]backend.Part, error)
}

func (m *partsMutant) PutPart(ctx context.Context, key, id string, number int, body []byte) (backend.Part, error) {
	if m.putPart == nil {
		return m.Driver.PutPart(ctx, key, id, number, body)
	}
	return m.putPart(m.Driver, key, id, number, body)
}

func (m *partsMutant) CompleteUpload(ctx context.Context, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error) {
	if m.complete == nil {
		return m.Driver.CompleteUpload(ctx, key, id, parts, opts)
	}
	return m.complete(m.Driver, key, id, parts, opts)
}

func (m *partsMutant) AbortUpload(ctx context.Context, key, id string) error {
	if m.abort == nil {
		return m.Driver.AbortUpload(ctx, key, id)
	}
	return m.abort(m.Driver, key, id)
}

func (m *partsMutant) ListUploads(ctx context.Context, prefix string) ([]backend.Upload, error) {
	if m.uploads == nil {
		return m.Driver.ListUploads(ctx, prefix)
	}
	return m.uploads(m.Driver, prefix)
}

func (m *partsMutant) ListParts(ctx context.Context, key, id string) ([]backend.Part, error) {
	if m.parts == nil {
		return m.Driver.ListParts(ctx, key, id)
	}
	return m.parts(m.Driver, key, id)
}

var background = context.Background()

func completeMutant(f func(d *mem.Driver, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error)) partsMutant {
	return partsMutant{complete: f}
}

// there returns those of parts that are in the upload.
func there(d *mem.Driver, key, id string, parts []backend.Part, fits func(have, want backend.Part) bool) []backend.Part {
	all, _ := d.ListParts(background, key, id)
	var list []backend.Part
	for _, want := range parts {
		for _, have := range all {
			if fits(have, want) {
				list = append(list, have)
			}
		}
	}
	return list
}

// partsMutants are drivers that are wrong about uploads.
var partsMutants = map[string]struct {
	caught string
	partsMutant
}{
	"missing parts are skipped": {"PartsWrong", completeMutant(func(d *mem.Driver, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error) {
		found := there(d, key, id, parts, func(have, want backend.Part) bool { return have == want })
		return d.CompleteUpload(background, key, id, found, opts)
	})},
	"ETags of parts are ignored": {"PartsReplaced", completeMutant(func(d *mem.Driver, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error) {
		found := there(d, key, id, parts, func(have, want backend.Part) bool { return have.Number == want.Number })
		return d.CompleteUpload(background, key, id, found, opts)
	})},
	"parts are sorted": {"PartsOutOfOrder", completeMutant(func(d *mem.Driver, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error) {
		all, _ := d.ListParts(background, key, id)
		return d.CompleteUpload(background, key, id, all, opts)
	})},
	"all parts are taken": {"PartsListed", completeMutant(func(d *mem.Driver, key, id string, _ []backend.Part, opts *backend.PutOptions) (*backend.Info, error) {
		all, _ := d.ListParts(background, key, id)
		return d.CompleteUpload(background, key, id, all, opts)
	})},
	"metadata is lost": {"PartsRoundTrip", completeMutant(func(d *mem.Driver, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error) {
		return d.CompleteUpload(background, key, id, parts, &backend.PutOptions{ContentType: opts.ContentType})
	})},
	"condition at the start only": {"PartsConditions", completeMutant(func(d *mem.Driver, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error) {
		return d.CompleteUpload(background, key, id, parts, &backend.PutOptions{ContentType: opts.ContentType, Metadata: opts.Metadata})
	})},
	"condition before completion": {"PartsConditionsMeet", completeMutant(func(d *mem.Driver, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error) {
		old, _ := d.Stat(background, key)
		if err := opts.Match(old); err != nil {
			return nil, err
		}
		time.Sleep(time.Millisecond)
		return d.CompleteUpload(background, key, id, parts, &backend.PutOptions{})
	})},
	"what looks the same was stored": {"PartsConditionsMeet", completeMutant(func(d *mem.Driver, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error) {
		info, err := d.CompleteUpload(background, key, id, parts, opts)
		if old, serr := d.Stat(background, key); errors.Is(err, backend.ErrExist) && serr == nil && old.Size == 4 {
			return old, nil
		}
		return info, err
	})},
	"an upload that is gone is complete": {"PartsAborted", completeMutant(func(d *mem.Driver, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error) {
		info, err := d.CompleteUpload(background, key, id, parts, opts)
		if old, serr := d.Stat(background, key); errors.Is(err, backend.ErrNoUpload) && serr == nil {
			return old, nil
		}
		return info, err
	})},
	"an upload that never was is complete": {"UploadUnknown", completeMutant(func(d *mem.Driver, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error) {
		info, err := d.CompleteUpload(background, key, id, parts, opts)
		if _, serr := d.Stat(background, key); errors.Is(err, backend.ErrNoUpload) && serr != nil {
			return d.Put(background, key, bytes.NewReader(nil), 0, opts)
		}
		return info, err
	})},
	"upload is visible": {"PartsInvisible", partsMutant{putPart: func(d *mem.Driver, key, id string, number int, body []byte) (backend.Part, error) {
		d.Put(background, key, bytes.NewReader(body), -1, &backend.PutOptions{})
		return d.PutPart(background, key, id, number, body)
	}}},
	"body is changed": {"PartsRoundTrip", partsMutant{putPart: func(d *mem.Driver, key, id string, number int, body []byte) (backend.Part, error) {
		p, err := d.PutPart(background, key, id, number, body)
		clear(body)
		return p, err
	}}},
	"any number is taken": {"PartsWrong", partsMutant{putPart: func(d *mem.Driver, key, id string, number int, body []byte) (backend.Part, error) {
		return d.PutPart(background, key, id, max(number, 1), body)
	}}},
	"abort does nothing": {"PartsAborted", partsMutant{abort: func(*mem.Driver, string, string) error { return nil }}},
	"abort takes any key": {"UploadUnknown", partsMutant{abort: func(d *mem.Driver, key, id string) error {
		return d.AbortUpload(background, "parts", id)
	}}},
	"prefix is ignored": {"UploadsListed", partsMutant{uploads: func(d *mem.Driver, _ string) ([]backend.Upload, error) {
		return d.ListUploads(background, "")
	}}},
	"prefix is a key": {"UploadsListed", partsMutant{uploads: func(d *mem.Driver, prefix string) ([]backend.Upload, error) {
		list, err := d.ListUploads(background, prefix)
		var exact []backend.Upload
		for _, u := range list {
			if prefix == "" || u.Key == prefix {
				exact = append(exact, u)
			}
		}
		return exact, err
	}}},
	"keys are unescaped": {"UploadsListed", partsMutant{uploads: func(d *mem.Driver, prefix string) ([]backend.Upload, error) {
		list, err := d.ListUploads(background, prefix)
		for i := range list {
			list[i].Key = strings.ReplaceAll(list[i].Key, "+", " ")
		}
		return list, err
	}}},
	"last part is not listed": {"PartsConcurrent", partsMutant{parts: func(d *mem.Driver, key, id string) ([]backend.Part, error) {
		list, err := d.ListParts(background, key, id)
		return list[:max(len(list)-1, 0)], err
	}}},
	"parts of no upload": {"UploadUnknown", partsMutant{parts: func(d *mem.Driver, key, id string) ([]backend.Part, error) {
		list, err := d.ListParts(background, key, id)
		if errors.Is(err, backend.ErrNoUpload) {
			err = nil
		}
		return list, err
	}}},
}
