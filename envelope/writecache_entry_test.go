// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
)

// TestWriteCacheTogether: of two CEKs that were made together the first stays,
// the other is for one object only.
func TestWriteCacheTogether(t *testing.T) {
	client := newDataKeyKMS(t)
	cache, key := writeCache(t, client, nil)
	var inner object
	client.during = func() {
		client.during = nil
		inner = sealObject(t, cache, nil, []byte("inner"))
	}
	outer := sealObject(t, cache, nil, []byte("outer"))
	client.wantGenerated(t, 2)
	if n := len(cache.CEKs()); n != 1 {
		t.Fatalf("%d CEKs, want 1", n)
	}
	next := sealObject(t, cache, nil, []byte("next"))
	client.wantGenerated(t, 0)
	if next.meta["x-amz-3"] != inner.meta["x-amz-3"] || next.meta["x-amz-3"] == outer.meta["x-amz-3"] {
		t.Error("the CEK that was made last is used again")
	}
	for _, o := range []object{inner, outer, next} {
		if got, err := o.open(t.Context(), key, nil); err != nil || !bytes.Equal(got, o.plain) {
			t.Errorf("open = %q, %v, want %q, nil", got, err, o.plain)
		}
	}
}

// TestWriteCacheStaleTimer: a timer that runs while its entry is dropped must not
// drop the next one.
func TestWriteCacheStaleTimer(t *testing.T) {
	client := newDataKeyKMS(t)
	cache, _ := writeCache(t, client, nil)
	sealObject(t, cache, nil, nil)
	timers := cache.Timers()
	cache.Clear()
	sealObject(t, cache, nil, nil)
	for _, timer := range timers {
		timer()
	}
	sealObject(t, cache, nil, nil)
	client.wantGenerated(t, 2)
	if n := len(cache.CEKs()); n != 1 {
		t.Errorf("%d CEKs, want 1", n)
	}
}

// TestWriteCacheBucket: a cache is a key for a bucket, and readers need none.
func TestWriteCacheBucket(t *testing.T) {
	client := newDataKeyKMS(t)
	cache, key := writeCache(t, client, &envelope.WriteCacheOptions{MaxUses: 4})
	bucket := backend.NewBucket(mem.New(), cache, key, nil)
	for i := range 10 {
		if _, err := bucket.Put(t.Context(), strings.Repeat("k", i+1), strings.NewReader("text"), -1, nil); err != nil {
			t.Fatal(err)
		}
	}
	client.wantGenerated(t, 3)
	for i := range 10 {
		if got := getPlain(t, bucket, strings.Repeat("k", i+1)); string(got) != "text" {
			t.Errorf("Get = %q, want text", got)
		}
	}
}
