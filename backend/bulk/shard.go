// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// A Shard is one of Count parts into which keys are divided; Index counts from
// 0. The zero value holds all keys.
//
// The part that holds a key is the number that the first 8 bytes of its SHA-256
// are, most significant first, modulo Count. So each key is held by exactly one
// of Count shards, today and in later versions, and whoever chooses keys cannot
// easily have all of them land in one.
type Shard struct {
	Index, Count int // 0 <= Index < Count
}

// ParseShard reads a Shard as String writes it: "i/n", where i counts from 0, as
// the completion index of a Kubernetes Job does. It may be called concurrently.
func ParseShard(s string) (Shard, error) {
	i, n, ok := strings.Cut(s, "/")
	index, err1 := strconv.ParseUint(i, 10, 31)
	count, err2 := strconv.ParseUint(n, 10, 31)
	if !ok || err1 != nil || err2 != nil || index >= count {
		return Shard{}, fmt.Errorf("bulk: shard: want i/n with 0 <= i < n, got %q", s)
	}
	return Shard{int(index), int(count)}, nil
}

// String returns the shard as ParseShard reads it. That of the zero value is
// "0/1", which holds all keys, too.
func (s Shard) String() string {
	return fmt.Sprintf("%d/%d", s.Index, max(1, s.Count))
}

// Holds reports whether key is in this part. It may be called concurrently.
func (s Shard) Holds(key string) bool {
	if s.Count == 0 {
		return true
	}
	sum := sha256.Sum256([]byte(key))
	return binary.BigEndian.Uint64(sum[:])%uint64(s.Count) == uint64(s.Index)
}

// check refuses what would hold no key, or not be one of Count parts.
func (s Shard) check() error {
	if s == (Shard{}) || s.Count > 0 && s.Index >= 0 && s.Index < s.Count {
		return nil
	}
	return fmt.Errorf("bulk: shard: want an index from 0 and less than the count, got %d of %d", s.Index, s.Count)
}
