// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// A readLog is what ReadEnded was told.
type readLog []backend.ReadEnded

func (l *readLog) add(r backend.ReadEnded) { *l = append(*l, r) }

// watched returns a bucket with an object of 3,000 bytes, whole or altered, and
// what its hook will be told.
func watched(t *testing.T, altered bool, open envelope.OpenOptions) (*backend.Bucket, *readLog) {
	t.Helper()
	d, told := mem.New(), new(readLog)
	key := must(wrap.NewAESGCM(kek(32)))(t)
	b := backend.NewBucket(d, key, key, &backend.Options{Open: open, Hooks: backend.Hooks{ReadEnded: told.add}})
	must(b.Put(t.Context(), "k", bytes.NewReader(make([]byte, 3000)), -1, nil))(t)
	if altered {
		body, info, err := d.Get(t.Context(), "k", &backend.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		stored := must(io.ReadAll(body))(t)
		stored[1000] ^= 1
		must(d.Put(t.Context(), "k", bytes.NewReader(stored), -1, &backend.PutOptions{Metadata: info.Metadata}))(t)
	}
	return b, told
}

// TestReadEnded reads an object in every way. The hook is told once.
func TestReadEnded(t *testing.T) {
	ranges := envelope.OpenOptions{AllowUnauthenticatedRanges: true}
	read := func(o *backend.Object, err error) error {
		if err == nil {
			defer o.Close()
			_, err = io.ReadAll(o)
		}
		return err
	}
	for _, c := range []struct {
		name    string
		altered bool
		open    envelope.OpenOptions
		read    func(ctx context.Context, b *backend.Bucket) error
		want    backend.ReadEnded // Key, Took aside
	}{
		{"Read", false, envelope.OpenOptions{}, func(ctx context.Context, b *backend.Bucket) error {
			return read(b.Get(ctx, "k"))
		}, backend.ReadEnded{Bytes: 3000, Authenticated: true}},
		{"WriteTo", false, envelope.OpenOptions{}, func(ctx context.Context, b *backend.Bucket) error {
			o, err := b.Get(ctx, "k")
			if err == nil {
				_, err = o.WriteTo(io.Discard)
				o.Close()
			}
			return err
		}, backend.ReadEnded{Bytes: 3000, Authenticated: true}},
		{"closed early", false, envelope.OpenOptions{}, func(ctx context.Context, b *backend.Bucket) error {
			o, err := b.Get(ctx, "k")
			if err == nil {
				_, err = io.ReadFull(o, make([]byte, 7))
				o.Close()
				o.Close()
			}
			return err
		}, backend.ReadEnded{Bytes: 7, Authenticated: true, Err: backend.ErrNotRead}},
		{"range", false, ranges, func(ctx context.Context, b *backend.Bucket) error {
			return read(b.GetRange(ctx, "k", 10, 20))
		}, backend.ReadEnded{Bytes: 20}},
		{"altered", true, envelope.OpenOptions{}, func(ctx context.Context, b *backend.Bucket) error {
			return wantDecrypt(read(b.Get(ctx, "k")))
		}, backend.ReadEnded{Authenticated: true, Err: envelope.ErrDecrypt}},
		{"file", false, envelope.OpenOptions{}, func(ctx context.Context, b *backend.Bucket) error {
			_, err := b.GetFile(ctx, "k", filepath.Join(t.TempDir(), "out"))
			return err
		}, backend.ReadEnded{Bytes: 3000, Authenticated: true}},
		{"altered file", true, envelope.OpenOptions{}, func(ctx context.Context, b *backend.Bucket) error {
			_, err := b.GetFile(ctx, "k", filepath.Join(t.TempDir(), "out"))
			return wantDecrypt(err)
		}, backend.ReadEnded{Err: envelope.ErrDecrypt}},
		{"missing", false, envelope.OpenOptions{}, func(ctx context.Context, b *backend.Bucket) error {
			if _, err := b.Get(ctx, "other"); !errors.Is(err, backend.ErrNotExist) {
				return err
			}
			return nil
		}, backend.ReadEnded{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, told := watched(t, c.altered, c.open)
			if err := c.read(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			if c.name == "missing" {
				if len(*told) != 0 {
					t.Errorf("want nothing told of an object that is not there, got %+v", *told)
				}
				return
			}
			if len(*told) != 1 {
				t.Fatalf("want one call, got %+v", *told)
			}
			got := (*told)[0]
			if got.Key != "k" || got.Took < 0 || got.Bytes != c.want.Bytes || got.Authenticated != c.want.Authenticated || !errors.Is(got.Err, c.want.Err) {
				t.Errorf("want %+v, got %+v", c.want, got)
			}
		})
	}
}

// wantDecrypt returns nil for ErrDecrypt, and else what is wrong.
func wantDecrypt(err error) error {
	switch {
	case errors.Is(err, envelope.ErrDecrypt):
		return nil
	case err == nil:
		return errors.New("want ErrDecrypt, got nil")
	}
	return err
}

// TestPartSent counts the parts of a resumable upload, of which one was sent
// before.
func TestPartSent(t *testing.T) {
	var sent []backend.PartSent
	key := must(wrap.NewAESGCM(kek(32)))(t)
	line := &badLine{mem.New(), 1}
	b := backend.NewBucket(line, key, key, &backend.Options{Hooks: backend.Hooks{PartSent: func(p backend.PartSent) { sent = append(sent, p) }}})
	src, state := bytes.NewReader(make([]byte, 40)), filepath.Join(t.TempDir(), "state")
	if _, err := b.PutResumable(t.Context(), "k", src, 40, state, nil); err == nil {
		t.Fatal("want the line to break")
	}
	line.parts = 10
	if _, err := b.PutResumable(t.Context(), "k", src, 40, state, nil); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(sent, func(a, b backend.PartSent) int { return a.Number - b.Number })
	want := []backend.PartSent{{"k", 1, 16}, {"k", 2, 16}, {"k", 3, 8 + 16}}
	if !slices.Equal(sent, want) {
		t.Errorf("want each part once, %v, got %v", want, sent)
	}
	if _, err := os.Stat(state); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("want no state file left, got %v", err)
	}
}
