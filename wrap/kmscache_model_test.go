// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"slices"
	"testing"
	"time"

	"github.com/s3seal/s3seal/wrap"
	"pgregory.net/rapid"
)

// TestKMSCacheModel compares a cache with a list of the questions that it should
// remember, the last one asked first.
func TestKMSCacheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		key := new(countingKey)
		cache, err := wrap.NewCache(key, &wrap.CacheOptions{MaxEntries: limit, MaxAge: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		defer cache.Clear()
		var remembered []byte
		t.Repeat(map[string]func(*rapid.T){
			"unwrap": func(t *rapid.T) {
				q := rapid.ByteRange('a', 'f').Draw(t, "wrapped")
				before := key.asked
				if _, err := cache.Unwrap(t.Context(), wrap.KMSContext, []byte{q}, wrap.Info{}); err != nil {
					t.Fatal(err)
				}
				i := slices.Index(remembered, q)
				if hit := key.asked == before; hit != (i >= 0) {
					t.Fatalf("%c: hit = %t, want %t", q, hit, i >= 0)
				}
				if i >= 0 {
					remembered = slices.Delete(remembered, i, i+1)
				}
				remembered = slices.Insert(remembered, 0, q)
				remembered = remembered[:min(len(remembered), limit)]
			},
			"clear": func(*rapid.T) {
				cache.Clear()
				remembered = nil
			},
			"": func(t *rapid.T) {
				if n := len(cache.CEKs()); n != len(remembered) {
					t.Fatalf("%d CEKs, want %d", n, len(remembered))
				}
			},
		})
	})
}
