// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/s3seal/s3seal/backend"
)

// A completer ends uploads in its own way.
type completer struct {
	*partsDriver
	complete func(ctx context.Context, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error)
}

func (d *completer) CompleteUpload(ctx context.Context, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error) {
	return d.complete(ctx, key, id, parts, opts)
}

func (r *resuming) putTo(t testing.TB, d backend.Driver, data []byte) error {
	t.Helper()
	_, err := r.bucket(d).PutResumable(t.Context(), resumeKey, bytes.NewReader(data), int64(len(data)), r.state, nil)
	return err
}

// TestResumePutInfo uses storage that says it has made something else of the
// parts. What it has made is found by the next call.
func TestResumePutInfo(t *testing.T) {
	data := pattern(3*resumePart + 9)
	for _, p := range suites(t) {
		for name, size := range map[string]func(int64) int64{
			"none":    nil,
			"empty":   func(int64) int64 { return 0 },
			"shorter": func(n int64) int64 { return n - 1 },
			"longer":  func(n int64) int64 { return n + 1 },
			"plain":   func(int64) int64 { return int64(len(data)) },
		} {
			r := newResuming(t, p)
			d := &completer{partsDriver: r.partsDriver}
			d.complete = func(ctx context.Context, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error) {
				info, err := d.partsDriver.CompleteUpload(ctx, key, id, parts, opts)
				if err != nil || size == nil {
					return nil, err
				}
				info.Size = size(info.Size)
				return info, nil
			}
			wantErr(t, p.name+": "+name, r.putTo(t, d, data), backend.ErrSize)
			must(r.put(t, data, nil))(t)
			r.wantDone(t, data)
		}
	}
}

// TestResumeShorterObject uses storage that leaves a part out, and says so or
// fails. The next call sends all of it again.
func TestResumeShorterObject(t *testing.T) {
	data := pattern(3*resumePart + 9)
	for _, p := range suites(t) {
		for name, want := range map[string]error{"said": backend.ErrSize, "lost answer": errBroken} {
			r := newResuming(t, p)
			d := &completer{partsDriver: r.partsDriver}
			d.complete = func(ctx context.Context, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error) {
				info, err := d.partsDriver.CompleteUpload(ctx, key, id, parts[:len(parts)-1], opts)
				if err == nil && errors.Is(want, errBroken) {
					return nil, errBroken
				}
				return info, err
			}
			wantErr(t, p.name+": "+name, r.putTo(t, d, data), want)
			must(r.put(t, data, nil))(t)
			r.wantDone(t, data)
		}
	}
}
