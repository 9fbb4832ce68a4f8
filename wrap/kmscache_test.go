// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/s3seal/s3seal/wrap"
)

// unwrapFunc answers every request alike.
type unwrapFunc func() ([]byte, error)

func (f unwrapFunc) Unwrap(context.Context, wrap.Algorithm, []byte, wrap.Info) ([]byte, error) {
	return f()
}

// A countingKey answers with a CEK that tells how often it was asked before.
type countingKey struct {
	mu    sync.Mutex
	asked int
	err   error
}

func (k *countingKey) Unwrap(context.Context, wrap.Algorithm, []byte, wrap.Info) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	if k.err != nil {
		return nil, k.err
	}
	return bytes.Repeat([]byte{byte(k.asked)}, 32), nil
}

func mustCache(t testing.TB, u wrap.Unwrapper, opts *wrap.CacheOptions) *wrap.Cache {
	t.Helper()
	c, err := wrap.NewCache(u, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Clear)
	return c
}

// ask unwraps and returns the number of the request to which the answer belongs.
func ask(t *testing.T, c *wrap.Cache, wrapped string) int {
	t.Helper()
	cek, err := c.Unwrap(t.Context(), wrap.KMSContext, []byte(wrapped), kmsInfo())
	if err != nil || len(cek) != 32 || !bytes.Equal(cek, bytes.Repeat(cek[:1], 32)) {
		t.Fatalf("Unwrap = %x, %v, want 32 equal bytes, nil", cek, err)
	}
	n := int(cek[0])
	clear(cek) // the caller may; the cache must not notice
	return n
}

func TestKMSCacheHit(t *testing.T) {
	client := newFakeKMS(t)
	k, info := mustKMS(t, client), kmsInfo()
	cek := bytes.Repeat([]byte{3}, 32)
	wrapped := mustWrap(t, k, cek, info)
	c := mustCache(t, k, nil)
	client.take()
	for range 3 {
		wantCEK(t, c, wrap.KMSContext, wrapped, info, cek)
	}
	client.wantCalls(t, kmsCall{"Decrypt", ourKeyID, info.MatDesc})
	for _, other := range otherContexts(info.MatDesc) {
		wantKMSRejected(t, c, wrapped, wrap.Info{ContentAlg: "115", MatDesc: other})
	}
	wantKMSRejected(t, c, wrapped, wrap.Info{ContentAlg: "AES/CBC/PKCS5Padding", MatDesc: info.MatDesc})
	if _, err := c.Unwrap(t.Context(), wrap.KMSPlain, wrapped, info); !errors.Is(err, wrap.ErrNoKey) {
		t.Errorf("Unwrap as kms = %v, want %v", err, wrap.ErrNoKey)
	}
}

// TestKMSCacheIsolation: no two different questions share an answer, also not
// where their parts have the same concatenation.
func TestKMSCacheIsolation(t *testing.T) {
	type question struct {
		alg     wrap.Algorithm
		wrapped string
		info    wrap.Info
	}
	c := mustCache(t, new(countingKey), nil)
	seen := make(map[string]question)
	for _, q := range []question{
		{wrap.KMSContext, "w", wrap.Info{}},
		{wrap.KMSPlain, "w", wrap.Info{}},
		{wrap.KMSContext, "", wrap.Info{ContentAlg: "w"}},
		{wrap.KMSContext, "w", wrap.Info{ContentAlg: "115"}},
		{wrap.KMSContext, "w1", wrap.Info{ContentAlg: "15"}},
		{wrap.KMSContext, "w115", wrap.Info{}},
		{wrap.KMSContext, "w", wrap.Info{MatDesc: md{"": ""}}},
		{wrap.KMSContext, "w", wrap.Info{MatDesc: md{"a": "b"}}},
		{wrap.KMSContext, "w", wrap.Info{MatDesc: md{"ab": ""}}},
		{wrap.KMSContext, "w", wrap.Info{MatDesc: md{"": "ab"}}},
		{wrap.KMSContext, "w", wrap.Info{MatDesc: md{"b": "a"}}},
		{wrap.KMSContext, "w", wrap.Info{MatDesc: md{"a": "b", "c": "d"}}},
		{wrap.KMSContext, "w", wrap.Info{MatDesc: md{"a": "d", "c": "b"}}},
		{wrap.KMSContext, "w", wrap.Info{MatDesc: md{"a": "bcd"}}},
		{wrap.KMSContext, "w", wrap.Info{ContentAlg: "a", MatDesc: md{"b": ""}}},
	} {
		for range 2 {
			cek, err := c.Unwrap(t.Context(), q.alg, []byte(q.wrapped), q.info)
			if err != nil {
				t.Fatal(err)
			}
			if first, ok := seen[string(cek)]; ok && fmt.Sprint(first) != fmt.Sprint(q) {
				t.Errorf("%q got the answer to %q", fmt.Sprint(q), fmt.Sprint(first))
			}
			seen[string(cek)] = q
		}
	}
	if len(seen) != 15 {
		t.Errorf("%d answers to 15 questions asked twice", len(seen))
	}
	other := mustCache(t, &countingKey{asked: 100}, nil)
	if got := ask(t, other, "w"); got != 101 {
		t.Errorf("another cache answered %d, want 101", got)
	}
}

func TestKMSCacheExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := mustCache(t, new(countingKey), &wrap.CacheOptions{MaxAge: time.Minute})
		ask(t, c, "w")
		for range 59 {
			time.Sleep(time.Second)
			if got := ask(t, c, "w"); got != 1 { // using it does not prolong its life
				t.Fatalf("got answer %d, want 1", got)
			}
		}
		held := c.CEKs()[0]
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(c.CEKs()); n != 0 || !bytes.Equal(held, make([]byte, 32)) {
			t.Errorf("%d CEKs after a minute, one of them %x; want none, cleared", n, held)
		}
		if got := ask(t, c, "w"); got != 2 {
			t.Errorf("got answer %d, want 2", got)
		}
		time.Sleep(30 * time.Second)
		if got := ask(t, c, "w"); got != 2 { // the timer of the first is not the second's
			t.Errorf("got answer %d, want 2", got)
		}
	})
}

func TestKMSCacheDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := new(countingKey)
		c := mustCache(t, k, nil)
		for i := range 1001 {
			ask(t, c, fmt.Sprint(i))
		}
		if n := len(c.CEKs()); n != 1000 {
			t.Errorf("%d entries, want 1000", n)
		}
		time.Sleep(5*time.Minute - 1)
		if n := len(c.CEKs()); n != 1000 {
			t.Errorf("%d entries before 5 minutes, want 1000", n)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if n := len(c.CEKs()); n != 0 {
			t.Errorf("%d entries after 5 minutes, want 0", n)
		}
	})
}

func TestKMSCacheEvicts(t *testing.T) {
	c := mustCache(t, new(countingKey), &wrap.CacheOptions{MaxEntries: 2})
	ask(t, c, "a")
	ask(t, c, "b")
	ask(t, c, "a") // b is now the one not used for the longest time
	held := c.CEKs()[1]
	ask(t, c, "c")
	if !bytes.Equal(held, make([]byte, 32)) {
		t.Errorf("the evicted CEK is %x, want zeros", held)
	}
	for wrapped, want := range map[string]int{"a": 1, "c": 3} {
		if got := ask(t, c, wrapped); got != want {
			t.Errorf("%s: got answer %d, want %d", wrapped, got, want)
		}
	}
	if got := ask(t, c, "b"); got != 4 {
		t.Errorf("b: got answer %d, want 4", got)
	}
}

func TestKMSCacheClear(t *testing.T) {
	c := mustCache(t, new(countingKey), nil)
	ask(t, c, "a")
	ask(t, c, "b")
	held := c.CEKs()
	c.Clear()
	c.Clear()
	for _, cek := range held {
		if !bytes.Equal(cek, make([]byte, 32)) {
			t.Errorf("a CEK is %x after Clear, want zeros", cek)
		}
	}
	if got := ask(t, c, "a"); got != 3 {
		t.Errorf("got answer %d, want 3", got)
	}
}

// TestKMSCacheClearWins: what was on its way when Clear ran is not kept.
func TestKMSCacheClearWins(t *testing.T) {
	var c *wrap.Cache
	u := unwrapFunc(func() ([]byte, error) { c.Clear(); return make([]byte, 32), nil })
	c = mustCache(t, u, nil)
	wantCEK(t, c, wrap.KMSContext, []byte("w"), kmsInfo(), make([]byte, 32))
	if n := len(c.CEKs()); n != 0 {
		t.Errorf("%d CEKs, want 0", n)
	}
}

func TestKMSCacheKeepsNoErrors(t *testing.T) {
	k := &countingKey{err: wrap.ErrUnwrap}
	c := mustCache(t, k, nil)
	for range 2 {
		wantKMSRejected(t, c, []byte("w"), kmsInfo())
	}
	if k.asked != 2 {
		t.Errorf("asked %d times, want 2", k.asked)
	}
	k.err = nil
	if got := ask(t, c, "w"); got != 3 {
		t.Errorf("got answer %d, want 3", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Unwrap(ctx, wrap.KMSContext, []byte("w"), kmsInfo()); !errors.Is(err, context.Canceled) {
		t.Errorf("Unwrap after the end of ctx = %v, want %v", err, context.Canceled)
	}
}

func TestNewCacheArguments(t *testing.T) {
	if _, err := wrap.NewCache(nil, nil); err == nil {
		t.Error("NewCache without a key = nil, want an error")
	}
	for _, opts := range []wrap.CacheOptions{{MaxEntries: -1}, {MaxAge: -1}} {
		if _, err := wrap.NewCache(new(countingKey), &opts); err == nil {
			t.Errorf("NewCache(%+v) = nil, want an error", opts)
		}
	}
}

func TestKMSCacheConcurrent(t *testing.T) {
	client := newFakeKMS(t)
	k := mustKMS(t, client)
	c := mustCache(t, k, &wrap.CacheOptions{MaxEntries: 3, MaxAge: time.Millisecond})
	type object struct {
		info         wrap.Info
		cek, wrapped []byte
	}
	objects := make([]object, 6)
	for i := range objects {
		info := kmsInfo()
		info.MatDesc["n"] = fmt.Sprint(i / 2)
		cek := bytes.Repeat([]byte{byte(i)}, 32)
		objects[i] = object{info, cek, mustWrap(t, k, cek, info)}
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				o := objects[(i+g)%len(objects)]
				got, err := c.Unwrap(t.Context(), wrap.KMSContext, o.wrapped, o.info)
				if err != nil || !bytes.Equal(got, o.cek) {
					t.Errorf("Unwrap = %x, %v, want %x, nil", got, err, o.cek)
				}
				clear(got)
				if i%50 == g {
					c.Clear()
				}
			}
		})
	}
	wg.Wait()
}

// TestKMSCacheLateTimer: age counts, not whether the timer came in time.
func TestKMSCacheLateTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := mustCache(t, new(countingKey), &wrap.CacheOptions{MaxAge: time.Minute})
		ask(t, c, "w")
		c.StopTimers()
		held := c.CEKs()[0]
		time.Sleep(time.Minute)
		if got := ask(t, c, "w"); got != 2 || !bytes.Equal(held, make([]byte, 32)) {
			t.Errorf("got answer %d and left %x, want 2 and zeros", got, held)
		}
	})
}

// TestKMSCacheStaleTimer: a timer that runs while its entry is dropped must not
// drop the next one.
func TestKMSCacheStaleTimer(t *testing.T) {
	c := mustCache(t, new(countingKey), nil)
	ask(t, c, "w")
	timers := c.Timers()
	c.Clear()
	ask(t, c, "w")
	for _, timer := range timers {
		timer()
	}
	if got := ask(t, c, "w"); got != 2 || len(c.CEKs()) != 1 {
		t.Errorf("got answer %d of %d entries, want 2 of 1", got, len(c.CEKs()))
	}
}

// TestKMSCacheLetsGo: nothing holds an entry that has made room, whose timer
// would be far in the future.
func TestKMSCacheLetsGo(t *testing.T) {
	c := mustCache(t, new(countingKey), &wrap.CacheOptions{MaxEntries: 1, MaxAge: 1000 * time.Hour})
	ask(t, c, "a")
	held := weak.Make(&c.CEKs()[0][0])
	ask(t, c, "b")
	// A stopped timer is in the list of the core that it was started on until that
	// core looks there, and what it was to do is in memory with it.
	for end := time.Now().Add(time.Minute); held.Value() != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("an evicted CEK is still in memory")
		}
		runtime.GC()
	}
}
