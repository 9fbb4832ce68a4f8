// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/stream"
)

// crashSeeds is how many disks are tried. To be noticed a state has to be missing
// that the storage has no part of, while all before it are there.
const crashSeeds = 10

// crashDisk returns a disk that has nothing of what was not synced if the seed is
// 0, and else about two thirds.
func crashDisk(seed int, place ...int) *backend.CrashDisk {
	if seed == 0 {
		return new(backend.CrashDisk)
	}
	var key [32]byte
	for i, n := range append(place, seed) {
		key[i] = byte(n)
	}
	r := rand.New(rand.NewChaCha8(key))
	return &backend.CrashDisk{Keep: func() bool { return r.IntN(3) > 0 }}
}

// crash is put with a state file that crashes.
func (r *resuming) crash(t testing.TB, data []byte, c *backend.CrashFile) error {
	t.Helper()
	return r.bucket(r.partsDriver).PutResumableCrash(t.Context(), resumeKey, bytes.NewReader(data), int64(len(data)), r.state, c)
}

// wantResumed goes on after a crash, at first with a source whose part is another.
// What leaves must never be another content in a place where one was.
func (r *resuming) wantResumed(t testing.TB, what string, data []byte, part int) {
	t.Helper()
	changed := bytes.Clone(data)
	changed[part*resumePart] ^= 1
	if _, err := r.put(t, changed, nil); err != nil && !errors.Is(err, stream.ErrPartChanged) {
		t.Fatalf("%s, part %d: resume = %v", what, part, err)
	}
	must(r.put(t, data, nil))(t)
	r.wantDone(t, data)
}

// TestResumeCrashes stops at every use of the state file, and goes on with what
// was not synced, without it, or with some of it.
func TestResumeCrashes(t *testing.T) {
	data := pattern(3*resumePart + 9)
	for _, p := range suites(t) {
		for variant := range 12 {
			how, part := variant%3, variant/3
			for n, more := 0, true; more && !t.Failed(); n++ {
				r := newResuming(t, p)
				r.limits.Concurrency = 1
				c := &backend.CrashFile{At: n, Lose: how > 0, Disk: crashDisk(max(0, how-1), n, part)}
				err := r.crash(t, data, c)
				what := fmt.Sprintf("%s: crash at %d, variant %d", p.name, n, variant)
				if more = c.Calls > n; more {
					wantErr(t, what, err, backend.ErrCrashed)
				}
				r.wantResumed(t, what, data, part)
			}
		}
	}
}

// TestResumePowerCut lets a call to the storage fail, so that what was sent may
// be lost on its way, and then the power. Who saw it has it all the same.
func TestResumePowerCut(t *testing.T) {
	data := pattern(3*resumePart + 9)
	for i, p := range suites(t) {
		for seed := range crashSeeds {
			for n := range 8 {
				for part := range 4 {
					r := newResuming(t, p)
					r.limits.Concurrency = 1
					r.breakAt(n, false, false)
					err := r.crash(t, data, &backend.CrashFile{At: -1, Lose: true, Disk: crashDisk(seed, i, n, part)})
					r.heal()
					if err == nil {
						break
					}
					r.wantResumed(t, fmt.Sprintf("%s: power cut at %d, seed %d", p.name, n, seed), data, part)
				}
			}
		}
	}
}

// TestResumeKilledThenPowerCut: what a killed process had written and not synced
// is lost later, or some of it, after another has gone on with it.
func TestResumeKilledThenPowerCut(t *testing.T) {
	data := pattern(3*resumePart + 9)
	p := profiles(t)[0]
	for seed := range crashSeeds {
		for n, more := 0, true; more; n++ {
			for part := range 4 {
				r := newResuming(t, p)
				r.limits.Concurrency = 1
				disk := crashDisk(seed, n, part)
				if more = r.crash(t, data, &backend.CrashFile{At: n, Disk: disk}) != nil; !more {
					break
				}
				r.breakAt(1, false, false) // its first part, behind ListParts
				if r.crash(t, data, &backend.CrashFile{At: -1, Lose: true, Disk: disk}) == nil {
					t.Fatal("PutResumable = nil, want it broken")
				}
				r.heal()
				r.wantResumed(t, fmt.Sprintf("killed at %d, seed %d", n, seed), data, part)
			}
		}
	}
}
