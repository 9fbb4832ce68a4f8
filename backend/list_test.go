// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log"
	"slices"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
)

func ExampleBucket_List() {
	ctx := context.Background()
	bucket := newBucket(nil)
	for _, key := range []string{"orders/10", "orders/9", "invoices/1"} {
		if _, err := bucket.Put(ctx, key, strings.NewReader(key), -1, nil); err != nil {
			log.Fatal(err)
		}
	}
	for info, err := range bucket.List(ctx, &backend.ListOptions{Prefix: "orders/"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(info.Key, info.Size, "bytes")
	}
	// Output:
	// orders/10 25 bytes
	// orders/9 24 bytes
}

// keysOf returns the keys of a listing and the error that ends it.
func keysOf(seq iter.Seq2[*backend.Info, error]) (keys []string, err error) {
	for info, ierr := range seq {
		if err = ierr; err == nil {
			keys = append(keys, info.Key)
		}
	}
	return keys, err
}

// A failingLister yields some objects, then an error, and then goes on.
type failingLister struct {
	*mem.Driver
	err error
}

func (d *failingLister) List(context.Context, *backend.ListOptions) iter.Seq2[*backend.Info, error] {
	return func(yield func(*backend.Info, error) bool) {
		_ = yield(&backend.Info{Key: "a"}, nil) && yield(nil, d.err) && yield(&backend.Info{Key: "b"}, nil)
	}
}

// TestList: a Bucket lists what is stored, what belongs to objects included, and
// can do so again.
func TestList(t *testing.T) {
	d := mem.New()
	b := backend.NewBucket(d, gcmKey(t), nil, &backend.Options{InstructionFile: true})
	for _, key := range []string{"b", "a/2", "a/1"} {
		must(b.Put(t.Context(), key, strings.NewReader("text"), 4, nil))(t)
	}
	seq := b.List(t.Context(), nil)
	for range 2 {
		got, err := keysOf(seq)
		if want := []string{"a/1", "a/1.instruction", "a/2", "a/2.instruction", "b", "b.instruction"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("List = %q, %v, want %q", got, err, want)
		}
	}
	opts := &backend.ListOptions{Prefix: "a/", After: "a/1.instruction"}
	got, err := keysOf(b.List(t.Context(), opts))
	if want := []string{"a/2", "a/2.instruction"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("List(%+v) = %q, %v, want %q", opts, got, err, want)
	}
	for range b.List(t.Context(), nil) {
		break
	}
}

// TestListErrors: an error ends the sequence, says what was listed, and wraps what
// the driver says.
func TestListErrors(t *testing.T) {
	_, err := keysOf(backend.NewBucket(noReplace{mem.New()}, nil, nil, nil).List(t.Context(), nil))
	wantErr(t, "List with a driver that cannot", err, errors.ErrUnsupported)
	_, err = keysOf(backend.NewBucket(mem.New(), nil, nil, nil).List(t.Context(), &backend.ListOptions{Versions: true, After: "a"}))
	wantErr(t, "List of versions after a key", err, errors.ErrUnsupported)
	failing := &failingLister{mem.New(), errDenied}
	got, err := keysOf(backend.NewBucket(failing, nil, nil, nil).List(t.Context(), &backend.ListOptions{Prefix: "x/"}))
	wantErr(t, "List that fails", err, errDenied)
	if !slices.Equal(got, []string{"a"}) || !strings.Contains(err.Error(), `"x/"`) {
		t.Errorf("List that fails yields %q and %v", got, err)
	}
}
