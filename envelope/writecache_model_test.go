// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3seal/s3seal/envelope"
	"pgregory.net/rapid"
)

// A modelEntry is a CEK as the documentation speaks of it.
type modelEntry struct {
	user  string
	uses  int
	bytes int64
	born  time.Time
}

// TestWriteCacheModel compares a cache with a list of the CEKs that it should
// have, the last used one first, over objects that are sealed at once or later.
func TestWriteCacheModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newDataKeyKMS(t)
		// Without the methods of T that must not be called here, such as Deadline.
		rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) { compareWriteCache(t, rt, client) })
	})
}

func compareWriteCache(t *testing.T, rt *rapid.T, client *dataKeyKMS) {
	opts := envelope.WriteCacheOptions{
		MaxUses:    rapid.IntRange(1, 5).Draw(rt, "uses"),
		MaxAge:     time.Duration(rapid.IntRange(1, 5).Draw(rt, "age")) * time.Second,
		MaxBytes:   rapid.Int64Range(1, 300).Draw(rt, "bytes"),
		MaxEntries: rapid.IntRange(1, 3).Draw(rt, "entries"),
	}
	cache, _ := writeCache(t, client, &opts)
	var model []*modelEntry
	alive := func() {
		model = slices.DeleteFunc(model, func(e *modelEntry) bool {
			return e.uses >= opts.MaxUses || e.bytes >= opts.MaxBytes || time.Since(e.born) >= opts.MaxAge
		})
	}
	type pending struct {
		sealer *envelope.Sealer
		entry  *modelEntry
	}
	var begun []pending
	rt.Repeat(map[string]func(*rapid.T){
		"begin": func(rt *rapid.T) {
			user := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(rt, "user")
			client.generated.Store(0)
			s, err := envelope.NewSealer(t.Context(), cache, &envelope.SealOptions{MatDesc: map[string]string{"user": user}})
			if err != nil {
				rt.Fatal(err)
			}
			i := slices.IndexFunc(model, func(e *modelEntry) bool { return e.user == user })
			if hit := client.generated.Load() == 0; hit != (i >= 0) {
				rt.Fatalf("%s: hit = %t, want %t", user, hit, i >= 0)
			}
			e := &modelEntry{user: user, born: time.Now()}
			if i >= 0 {
				e = model[i]
				model = slices.Delete(model, i, i+1)
			}
			e.uses++
			model = slices.Insert(model, 0, e)
			model = model[:min(len(model), opts.MaxEntries)]
			begun = append(begun, pending{s, e})
		},
		"finish": func(rt *rapid.T) {
			if len(begun) == 0 {
				rt.Skip("nothing was begun")
			}
			i := rapid.IntRange(0, len(begun)-1).Draw(rt, "which")
			n := rapid.IntRange(1, 200).Draw(rt, "size")
			p, err := begun[i].sealer.Parts() // counts no tag
			if err == nil {
				_, _, err = p.Encrypt(nil, make([]byte, n), 0)
				p.Wipe()
			}
			if err != nil {
				rt.Fatal(err)
			}
			begun[i].entry.bytes += int64(n)
			begun = slices.Delete(begun, i, i+1)
		},
		"sleep": func(rt *rapid.T) {
			time.Sleep(time.Duration(rapid.IntRange(0, 2000).Draw(rt, "ms")) * time.Millisecond)
			synctest.Wait()
		},
		"clear": func(rt *rapid.T) {
			cache.Clear()
			model = nil
		},
		"": func(rt *rapid.T) {
			alive()
			if n := len(cache.CEKs()); n != len(model) {
				rt.Fatalf("%d CEKs, want %d", n, len(model))
			}
		},
	})
	cache.Clear()
}
