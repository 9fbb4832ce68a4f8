// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"sync"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/wrap"
)

// TestPartSent: each part of an upload is told of once, and nothing of an object
// that is sent whole.
func TestPartSent(t *testing.T) {
	key, err := wrap.NewAESGCM(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		driver, err := s3.New(srv.Client(t), srv.NewBucket(t), smallParts)
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var sent int64
		seen := make(map[int]int)
		b := backend.NewBucket(driver, key, key, &backend.Options{Hooks: backend.Hooks{PartSent: func(p backend.PartSent) {
			mu.Lock()
			defer mu.Unlock()
			sent += p.Size
			seen[p.Number]++
		}}})
		if _, err := b.Put(t.Context(), "small", bytes.NewReader(pattern(1000)), -1, nil); err != nil || len(seen) != 0 {
			t.Errorf("small object: want no part, got %v, %v", seen, err)
		}
		info, err := b.Put(t.Context(), "large", bytes.NewReader(pattern(16*mib)), 16*mib, nil)
		if err != nil {
			t.Fatal(err)
		}
		if sent != info.Size || len(seen) < 2 {
			t.Errorf("want parts of %d bytes in all, got %d in %d", info.Size, sent, len(seen))
		}
		for number, n := range seen {
			if n != 1 || number < 1 || number > len(seen) {
				t.Errorf("part %d: told %d times of %d parts", number, n, len(seen))
			}
		}
	})
}
