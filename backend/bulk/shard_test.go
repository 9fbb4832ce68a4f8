// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/s3seal/s3seal/backend/bulk"
)

// TestShardHolds wants each key in exactly one part.
func TestShardHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.String().Draw(t, "key")
		count := rapid.IntRange(1, 100).Draw(t, "count")
		holders := 0
		for i := range count {
			if (bulk.Shard{Index: i, Count: count}).Holds(key) {
				holders++
			}
		}
		if holders != 1 || !(bulk.Shard{}).Holds(key) {
			t.Errorf("%q: %d of %d shards, want 1", key, holders, count)
		}
	})
}

// TestShardStable pins the parts: machines of different versions share a bucket.
func TestShardStable(t *testing.T) {
	// first 8 bytes of SHA-256: e3b0c44298fc1c14, ca978112ca1bbdca, 2c26b46b68ffc68f
	for key, want := range map[string]int{"": 0xe3b0c44298fc1c14 % 1000, "a": 0xca978112ca1bbdca % 1000, "foo": 0x2c26b46b68ffc68f % 1000} {
		for i := range 1000 {
			if got := (bulk.Shard{Index: i, Count: 1000}).Holds(key); got != (i == want) {
				t.Errorf("shard %d holds %q: %t, want shard %d", i, key, got, want)
			}
		}
	}
}

// TestShardEven wants keys that differ little in parts that are about equal.
func TestShardEven(t *testing.T) {
	for _, count := range []int{2, 3, 16} {
		held := make([]int, count)
		for i := range held {
			for n := range 3000 {
				if (bulk.Shard{Index: i, Count: count}).Holds(fmt.Sprintf("2024/%02d/%04d", n%12, 2*n)) {
					held[i]++
				}
			}
			if share := 3000 / count; held[i] < share*3/4 || held[i] > share*5/4 {
				t.Errorf("shard %d of %d holds %d, want about %d", i, count, held[i], share)
			}
		}
	}
}

func TestParseShard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := bulk.Shard{Count: rapid.IntRange(1, 1<<31-1).Draw(t, "count")}
		s.Index = rapid.IntRange(0, s.Count-1).Draw(t, "index")
		if got, err := bulk.ParseShard(s.String()); got != s || err != nil {
			t.Errorf("ParseShard(%q) = %v, %v", s, got, err)
		}
	})
	for _, bad := range []string{"", "1", "/", "0/0", "1/1", "-1/3", "0/-1", "+0/3", "0/3/4", " 0/3", "0x0/3", "0/99999999999", "4/3"} {
		if s, err := bulk.ParseShard(bad); err == nil {
			t.Errorf("ParseShard(%q) = %v, want an error", bad, s)
		}
	}
	if s := (bulk.Shard{}).String(); s != "0/1" {
		t.Errorf("String of the zero value = %q", s)
	}
}

func ExampleParseShard() {
	shard, err := bulk.ParseShard("1/3")
	fmt.Println(shard, err)
	for _, key := range []string{"a", "b", "c", "d"} {
		fmt.Println(key, shard.Holds(key))
	}
	// Output:
	// 1/3 <nil>
	// a true
	// b true
	// c false
	// d false
}
