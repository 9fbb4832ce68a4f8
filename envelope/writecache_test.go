// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
	"github.com/s3seal/s3seal/wrap/localkms"
)

const cacheKeyID = "alias/cache"

// A dataKeyKMS counts the data keys that it makes.
type dataKeyKMS struct {
	wrap.KMS
	generated, others atomic.Int64
	during            func() // runs within GenerateDataKey
	err               error
}

func newDataKeyKMS(t testing.TB) *dataKeyKMS {
	t.Helper()
	keys := localkms.New()
	if err := keys.CreateKey(cacheKeyID); err != nil {
		t.Fatal(err)
	}
	return &dataKeyKMS{KMS: keys}
}

func (k *dataKeyKMS) GenerateDataKey(ctx context.Context, keyID string, size int, encCtx map[string]string) (plain, blob []byte, err error) {
	k.generated.Add(1)
	if k.during != nil {
		k.during()
	}
	if k.err != nil {
		return nil, nil, k.err
	}
	return k.KMS.GenerateDataKey(ctx, keyID, size, encCtx)
}

func (k *dataKeyKMS) Encrypt(ctx context.Context, keyID string, plain []byte, encCtx map[string]string) ([]byte, error) {
	k.others.Add(1)
	return k.KMS.Encrypt(ctx, keyID, plain, encCtx)
}

// wantGenerated fails the test unless n data keys were made, and nothing else
// was asked.
func (k *dataKeyKMS) wantGenerated(t testing.TB, n int) {
	t.Helper()
	if got := k.generated.Swap(0); got != int64(n) || k.others.Load() != 0 {
		t.Errorf("%d data keys and %d other calls, want %d and 0", got, k.others.Load(), n)
	}
}

func writeCache(t testing.TB, client wrap.KMS, opts *envelope.WriteCacheOptions) (*envelope.WriteCache, wrap.Key) {
	t.Helper()
	key := must[wrap.Key](t)(wrap.NewKMS(client, cacheKeyID))
	c := must[*envelope.WriteCache](t)(envelope.NewWriteCache(key, opts))
	t.Cleanup(c.Clear)
	return c, key
}

// TestWriteCache: objects under one CEK have one wrapped key, each its own
// message id, commitment and content key, and open by the key alone.
func TestWriteCache(t *testing.T) {
	client := newDataKeyKMS(t)
	cache, key := writeCache(t, client, nil)
	plain := bytes.Repeat([]byte("plain"), 100)
	seen := make(map[string]bool)
	var first *envelope.Header
	for range 5 {
		s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), cache, nil))
		h, contentKey := s.Header(), string(s.ContentKey())
		if first == nil {
			first = h
		}
		if !bytes.Equal(h.WrappedKey, first.WrappedKey) || h.Wrap != wrap.KMSContext || h.Suite != envelope.V3 {
			t.Errorf("header %v with another wrapped key", h)
		}
		o := sealObject(t, cache, nil, plain)
		body := string(o.body[:16])
		for _, secret := range []string{string(h.IV), string(h.Commitment), contentKey, body} {
			if seen[secret] {
				t.Fatal("two objects share a message id, a commitment, a content key or ciphertext")
			}
			seen[secret] = true
		}
		if got, err := o.open(t.Context(), key, nil); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("open = %d bytes, %v, want %d, nil", len(got), err, len(plain))
		}
	}
	client.wantGenerated(t, 1)
}

// TestWriteCacheUnsalted: no two objects of a suite without a content key of its
// own ever share a CEK; they are refused before the KMS is asked.
func TestWriteCacheUnsalted(t *testing.T) {
	client := newDataKeyKMS(t)
	cache, _ := writeCache(t, client, nil)
	plain := must[*envelope.WriteCache](t)(envelope.NewWriteCache(must[wrap.Key](t)(legacy.NewKMSPlain(client, cacheKeyID)), nil))
	if _, err := envelope.NewSealer(t.Context(), cache, nil); err != nil {
		t.Fatal(err)
	}
	client.wantGenerated(t, 1)
	for _, suite := range []envelope.Suite{envelope.V2GCM, envelope.V2CBC, envelope.V1, envelope.V2CTR} {
		for range 2 {
			s, err := envelope.NewSealer(t.Context(), cache, &envelope.SealOptions{Suite: suite})
			if err == nil || s != nil || !strings.Contains(err.Error(), "V3") {
				t.Errorf("NewSealer of %v = %v, %v, want nil and what to use instead", suite, s, err)
			}
			_, err = envelope.NewSealer(t.Context(), plain, &envelope.SealOptions{Suite: suite, MatDesc: map[string]string{"kms_cmk_id": cacheKeyID}})
			if err == nil {
				t.Errorf("NewSealer of %v with kms = nil", suite)
			}
		}
	}
	client.wantGenerated(t, 0)
	// Who calls Wrap has made the CEK himself.
	info := wrap.Info{ContentAlg: "115", MatDesc: map[string]string{"aws:x-amz-cek-alg": "115"}}
	a, err1 := cache.Wrap(t.Context(), make([]byte, 32), info)
	b, err2 := cache.Wrap(t.Context(), make([]byte, 32), info)
	if err1 != nil || err2 != nil || bytes.Equal(a, b) || client.others.Load() != 2 {
		t.Errorf("Wrap: %v, %v, %d calls; want two different wrapped keys", err1, err2, client.others.Load())
	}
}

// TestWriteCacheOwn: objects of s3seal's own formats share a CEK, each with a key
// of its own, bound or not; but not with further recipients.
func TestWriteCacheOwn(t *testing.T) {
	client := newDataKeyKMS(t)
	cache, key := writeCache(t, client, nil)
	for _, suite := range ownSuites {
		seen := make(map[string]bool)
		for _, bind := range []envelope.Binding{{}, ownPlace, {}} {
			o := sealObject(t, cache, &envelope.SealOptions{Suite: suite, Bind: bind}, pattern(100))
			if got, err := o.open(t.Context(), key, ownOpen(bind)); err != nil || !bytes.Equal(got, o.plain) {
				t.Errorf("%v: open = %d bytes, %v", suite, len(got), err)
			}
			if body := string(o.body[len(o.body)-100:]); seen[body] {
				t.Errorf("%v: two objects have the same ciphertext", suite)
			} else {
				seen[body] = true
			}
		}
		client.wantGenerated(t, 1)
	}
	opts := &envelope.SealOptions{Suite: envelope.Chunked, Recipients: []envelope.SealRecipient{{Wrapper: aesKey(t, 1)}}}
	if s, err := envelope.NewSealer(t.Context(), cache, opts); s != nil || err == nil {
		t.Errorf("NewSealer with further recipients = %v, %v; want an error", s, err)
	}
	client.wantGenerated(t, 0)
	second := &envelope.SealOptions{Suite: envelope.Chunked, Recipients: []envelope.SealRecipient{{Wrapper: cache}}}
	if _, err := envelope.NewSealer(t.Context(), aesKey(t, 1), second); err != nil {
		t.Errorf("NewSealer with the cache as a further recipient = %v", err)
	}
	if n := client.others.Load(); n != 1 {
		t.Errorf("%d calls of Encrypt, want 1", n)
	}
}

// TestWriteCacheContexts: another context is another CEK, also where the texts
// of both are alike.
func TestWriteCacheContexts(t *testing.T) {
	client := newDataKeyKMS(t)
	cache, key := writeCache(t, client, nil)
	descs := []map[string]string{
		nil, {"a": "b"}, {"a": "c"}, {"b": "a"}, {"a": "b", "c": "d"}, {"a": `b","c":"d`}, {"": ""}, {"ab": ""}, {"": "ab"}, {"ä": "b"},
	}
	wrapped := make(map[string]int)
	for range 2 {
		for i, desc := range descs {
			o := sealObject(t, cache, &envelope.SealOptions{MatDesc: maps.Clone(desc)}, []byte("text"))
			h := must[*envelope.Header](t)(o.header())
			if j, ok := wrapped[string(h.WrappedKey)]; ok && j != i {
				t.Errorf("%v and %v share a CEK", descs[i], descs[j])
			}
			wrapped[string(h.WrappedKey)] = i
			if _, err := o.open(t.Context(), must[wrap.Unwrapper](t)(wrap.RequireContext(key, desc)), nil); err != nil {
				t.Errorf("%v: open = %v", desc, err)
			}
		}
	}
	client.wantGenerated(t, len(descs))
	// nil and empty are the same context.
	sealObject(t, cache, &envelope.SealOptions{MatDesc: map[string]string{}}, nil)
	client.wantGenerated(t, 0)
}

func TestWriteCacheUses(t *testing.T) {
	client := newDataKeyKMS(t)
	for _, c := range []struct{ uses, objects, calls int }{{1, 5, 5}, {2, 5, 3}, {5, 5, 1}, {3, 10, 4}, {0, 1001, 2}} {
		cache, _ := writeCache(t, client, &envelope.WriteCacheOptions{MaxUses: c.uses})
		for range c.objects {
			if _, err := envelope.NewSealer(t.Context(), cache, nil); err != nil {
				t.Fatal(err)
			}
		}
		client.wantGenerated(t, c.calls)
	}
}

// TestWriteCacheBytes: what is sealed counts while it is sealed, by every way to
// seal; an object that is on its way is finished.
func TestWriteCacheBytes(t *testing.T) {
	ways := map[string]func(t *testing.T, s *envelope.Sealer, n int) error{
		"Reader": func(t *testing.T, s *envelope.Sealer, n int) error {
			r, err := s.Reader(bytes.NewReader(make([]byte, n)))
			if err == nil {
				_, err = io.Copy(io.Discard, r)
			}
			return err
		},
		"Writer": func(t *testing.T, s *envelope.Sealer, n int) error {
			w, err := s.Writer(io.Discard)
			if err == nil {
				w.Write(make([]byte, n))
				err = w.Close()
			}
			return err
		},
		"Parts": func(t *testing.T, s *envelope.Sealer, n int) error {
			p, err := s.Parts()
			if err != nil {
				return err
			}
			defer p.Wipe()
			_, _, err = p.Encrypt(nil, make([]byte, n), 0)
			return err
		},
	}
	for how, seal := range ways {
		t.Run(how, func(t *testing.T) {
			client := newDataKeyKMS(t)
			cache, _ := writeCache(t, client, &envelope.WriteCacheOptions{MaxBytes: 10_000})
			sealer := func() *envelope.Sealer {
				return must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), cache, nil))
			}
			early := sealer()
			for range 2 {
				if err := seal(t, sealer(), 4_000); err != nil {
					t.Fatal(err)
				}
			}
			client.wantGenerated(t, 1)
			held := cache.CEKs()[0]
			if err := seal(t, early, 4_000); err != nil { // begun first, finished last
				t.Fatal(err)
			}
			if len(cache.CEKs()) != 0 || !bytes.Equal(held, make([]byte, 32)) {
				t.Errorf("a CEK that is used up is kept: %x", held)
			}
			if err := seal(t, sealer(), 1<<20); err != nil { // one object may be larger
				t.Fatal(err)
			}
			sealer()
			client.wantGenerated(t, 2)
		})
	}
}

func TestWriteCacheAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newDataKeyKMS(t)
		cache, _ := writeCache(t, client, &envelope.WriteCacheOptions{MaxAge: time.Minute})
		sealObject(t, cache, nil, nil)
		for range 59 {
			time.Sleep(time.Second)
			sealObject(t, cache, nil, nil) // using it does not prolong its life
		}
		client.wantGenerated(t, 1)
		held := cache.CEKs()[0]
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(cache.CEKs()); n != 0 || !bytes.Equal(held, make([]byte, 32)) {
			t.Errorf("%d CEKs after a minute, one of them %x; want none, cleared", n, held)
		}
		sealObject(t, cache, nil, nil)
		client.wantGenerated(t, 1)
		cache.StopTimers() // age counts, not whether the timer came in time
		time.Sleep(time.Minute)
		sealObject(t, cache, nil, nil)
		client.wantGenerated(t, 1)
	})
}

func TestWriteCacheEvicts(t *testing.T) {
	client := newDataKeyKMS(t)
	cache, _ := writeCache(t, client, &envelope.WriteCacheOptions{MaxEntries: 2})
	seal := func(user string) {
		sealObject(t, cache, &envelope.SealOptions{MatDesc: map[string]string{"user": user}}, nil)
	}
	seal("a")
	seal("b")
	seal("a")
	held := cache.CEKs()[1]
	seal("c") // in the place of b
	client.wantGenerated(t, 3)
	if !bytes.Equal(held, make([]byte, 32)) {
		t.Errorf("the evicted CEK is %x, want zeros", held)
	}
	seal("a")
	seal("c")
	client.wantGenerated(t, 0)
}

// TestWriteCacheClear: nothing is left, nor kept of what is being made meanwhile,
// and an object that was begun is finished.
func TestWriteCacheClear(t *testing.T) {
	client := newDataKeyKMS(t)
	cache, key := writeCache(t, client, nil)
	s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), cache, nil))
	held := cache.CEKs()[0]
	cache.Clear()
	cache.Clear()
	if !bytes.Equal(held, make([]byte, 32)) {
		t.Errorf("the CEK is %x after Clear, want zeros", held)
	}
	body := must[[]byte](t)(io.ReadAll(must[io.Reader](t)(s.Reader(strings.NewReader("text")))))
	meta := must[map[string]string](t)(s.Header().Metadata())
	if got, err := (object{meta: meta, body: body}).open(t.Context(), key, nil); err != nil || string(got) != "text" {
		t.Errorf("open = %q, %v", got, err)
	}
	client.during = cache.Clear
	sealObject(t, cache, nil, nil)
	if n := len(cache.CEKs()); n != 0 {
		t.Errorf("%d CEKs, want 0", n)
	}
}

// TestWriteCacheErrors: errors are not remembered, and a context that has ended
// counts even where no call is needed.
func TestWriteCacheErrors(t *testing.T) {
	client := newDataKeyKMS(t)
	cache, key := writeCache(t, client, nil)
	client.err = errors.New("throttled")
	if _, err := envelope.NewSealer(t.Context(), cache, nil); !errors.Is(err, client.err) {
		t.Errorf("NewSealer = %v, want %v", err, client.err)
	}
	client.err = nil
	sealObject(t, cache, nil, nil)
	client.wantGenerated(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := envelope.NewSealer(ctx, cache, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("NewSealer after the end of ctx = %v, want %v", err, context.Canceled)
	}
	if _, err := envelope.NewWriteCache(nil, nil); !errors.Is(err, wrap.ErrNoKey) {
		t.Errorf("NewWriteCache(nil) = %v, want %v", err, wrap.ErrNoKey)
	}
	if _, err := envelope.NewWriteCache(must[wrap.Key](t)(wrap.NewAESGCM(kek)), nil); err == nil {
		t.Error("NewWriteCache of an AES key = nil, want an error")
	}
	if _, err := envelope.NewWriteCache(cache, nil); err == nil {
		t.Error("NewWriteCache of a WriteCache = nil, want an error")
	}
	for _, opts := range []envelope.WriteCacheOptions{{MaxUses: -1}, {MaxAge: -1}, {MaxBytes: -1}, {MaxEntries: -1}} {
		if _, err := envelope.NewWriteCache(key, &opts); err == nil {
			t.Errorf("NewWriteCache(%+v) = nil, want an error", opts)
		}
	}
	if got := fmt.Sprintf("%v %+v %#v %s %x", cache, cache, cache, cache, cache); got != strings.TrimSpace(strings.Repeat("envelope.WriteCache ", 5)) {
		t.Errorf("it prints %q", got)
	}
}

// TestWriteCacheConcurrent: whoever seals at the same time as others gets an
// object that opens, and no CEK has more uses than it may have.
func TestWriteCacheConcurrent(t *testing.T) {
	client := newDataKeyKMS(t)
	cache, key := writeCache(t, client, &envelope.WriteCacheOptions{MaxUses: 7, MaxEntries: 2, MaxBytes: 3000})
	var mu sync.Mutex
	uses := make(map[string]int)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				// Twice each: by itself, a goroutine that went through three would find
				// that the cache, which holds two, has just dropped what it asks for.
				desc := map[string]string{"n": fmt.Sprint((i/2 + g) % 3)}
				o := sealObject(t, cache, &envelope.SealOptions{MatDesc: desc}, make([]byte, i*10))
				if got, err := o.open(t.Context(), key, nil); err != nil || len(got) != i*10 {
					t.Errorf("open = %d bytes, %v, want %d, nil", len(got), err, i*10)
				}
				h, err := o.header()
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				uses[string(h.WrappedKey)]++
				mu.Unlock()
				if i%25 == g {
					cache.Clear()
				}
			}
		})
	}
	wg.Wait()
	for _, n := range uses {
		if n > 7 {
			t.Errorf("a CEK was used %d times, want at most 7", n)
		}
	}
	if n := client.generated.Load(); int(n) != len(uses) || n >= 800 {
		t.Errorf("%d data keys for %d wrapped keys of 800 objects", n, len(uses))
	}
}
