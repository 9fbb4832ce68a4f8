// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

const (
	soakClients = 64
	soakShared  = 8 // keys that all of them write

	// soakSlack is what the heap, after a collection, may hold when all is over
	// beyond what it held before: tables of the runtime and of net/http, and
	// nothing that grows. One part buffer more would be too much.
	soakSlack = 4 << 20

	// soakGrowth is how far the least heap of the last third of a soak, after a
	// collection, may lie above the least of the first third. What leaks raises
	// the least; above it are the parts of large objects, and how many of those meet
	// is chance. So is the least itself where samples are few, as in a short soak.
	soakGrowth = 48 << 20
	soakLeast  = 20 * time.Second
)

// soakSpan returns how long a soak takes: S3SEAL_SOAK, or 5 seconds, or a minute
// where tests may take their time.
func soakSpan(t *testing.T) time.Duration {
	t.Helper()
	if s := os.Getenv("S3SEAL_SOAK"); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil {
			t.Fatalf("S3SEAL_SOAK: %v", err)
		}
		return d
	}
	if long() {
		return time.Minute
	}
	return 5 * time.Second
}

// A soak is many clients of one bucket over a network that breaks connections.
type soak struct {
	t             *testing.T
	bucket        *backend.Bucket
	keys          []wrap.Key
	span          time.Duration
	over          atomic.Bool
	gens          atomic.Uint64
	wrong, resets atomic.Int64
	samples       []uint64 // bytes of the heap
	mu            sync.Mutex
	done, failed  map[string]int // operations
}

// soakText returns the plaintext of a generation, which tells by itself what it
// must be: no byte of it can be of another.
func soakText(key string, gen uint64, n int) []byte {
	head := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d", key, gen, n))
	b := make([]byte, n)
	rand.NewChaCha8(head).Read(b)
	binary.BigEndian.PutUint64(b, gen)
	return b
}

// soakGeneration returns the generation of a plaintext, if it is one as a whole.
func soakGeneration(key string, b []byte) (uint64, bool) {
	if len(b) < 8 {
		return 0, false
	}
	gen := binary.BigEndian.Uint64(b)
	return gen, bytes.Equal(b, soakText(key, gen, len(b)))
}

// wire resets every connection, after up to some MiB.
func (s *soak) wire(seed uint64, target string) *backendtest.Wire {
	var count atomic.Uint64
	return backendtest.NewWire(s.t, target, func(backendtest.Direction) backendtest.Tap {
		random := rand.New(rand.NewPCG(seed, count.Add(1)))
		left := random.IntN(1 << (12 + random.IntN(12))) // else those that hold would be all that is left
		return func(p []byte) error {
			if left -= len(p); left < 0 {
				s.resets.Add(1)
				return errors.New("reset")
			}
			return nil
		}
	})
}

// open returns a bucket that seals under the first of the keys.
func (s *soak) open(srv *s3test.Server, addr, name string, transport http.RoundTripper) *backend.Bucket {
	s.t.Helper()
	opts := srv.Options()
	opts.Transport = transport
	client, err := minio.New(addr, opts)
	if err != nil {
		s.t.Fatal(err)
	}
	d := newDriver(s.t, client, name, smallParts)
	d.SetSettleTimeout(2 * time.Second)
	return backend.NewBucket(d, s.keys[0], wrap.NewKeyring(s.keys[0], s.keys[1]), &backend.Options{
		Open:     envelope.OpenOptions{AllowUnauthenticatedRanges: true, AllowUncommitted: true},
		Download: backend.DownloadOptions{ResumePause: time.Millisecond},
	})
}

// TestSoak lets 64 clients use one bucket of a real server at once, over a network
// that resets connections, for as long as S3SEAL_SOAK says. Every byte that is
// read is right, memory stays as it is, and nothing is left in the end.
func TestSoak(t *testing.T) {
	span := soakSpan(t)
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		span := span
		if srv.Name != "minio" {
			span = min(span, 2*time.Second) // the one that the soak is about is MinIO
		}
		seed := rand.Uint64()
		t.Logf("seed %d, %v", seed, span)
		runSoak(t, srv, seed, span)
	})
}

func runSoak(t *testing.T, srv *s3test.Server, seed uint64, span time.Duration) {
	t.Helper()
	name := srv.NewBucket(t)
	s := &soak{t: t, span: span, done: map[string]int{}, failed: map[string]int{}, keys: soakKeys(t)}
	wire := s.wire(seed, srv.Endpoint)
	calm, err := srv.Transport()
	if err != nil {
		t.Fatal(err)
	}
	calmBucket := s.open(srv, srv.Endpoint, name, calm)
	if _, err := calmBucket.Put(t.Context(), "warm", bytes.NewReader(nil), 0, nil); err != nil {
		t.Fatal(err)
	}
	calm.CloseIdleConnections()
	heap, base := heapNow(), backendtest.CountResources()
	transport, err := srv.Transport()
	if err != nil {
		t.Fatal(err)
	}
	s.bucket = s.open(srv, wire.Addr(), name, transport)
	s.run(seed)
	transport.CloseIdleConnections()
	s.sweep(calmBucket)
	calm.CloseIdleConnections()
	if left := base.Exceeded(10 * time.Second); left != "" {
		t.Errorf("left behind: %s", left)
	}
	if n := srv.IncompleteUploads(t, name); n != 0 {
		t.Errorf("%d uploads left, want 0", n)
	}
	s.bucket = nil
	s.judge(heap)
}

func soakKeys(t *testing.T) []wrap.Key {
	t.Helper()
	var keys []wrap.Key
	for i := range 2 {
		key, err := wrap.NewAESGCM(bytes.Repeat([]byte{byte(i)}, 32))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return keys
}

// run lets all clients do what they like until the time is over.
func (s *soak) run(seed uint64) {
	ctx, cancel := context.WithTimeout(s.t.Context(), s.span+2*time.Minute)
	defer cancel()
	var clients sync.WaitGroup
	for i := range soakClients {
		clients.Go(func() {
			c := &soakClient{
				soak: s, key: fmt.Sprintf("own/%02d/object", i), random: rand.New(rand.NewPCG(seed, uint64(1000+i))),
				may: map[uint64]int{0: -1},
			}
			for !s.over.Load() {
				c.step(ctx)
			}
		})
	}
	for end := time.Now().Add(s.span); time.Now().Before(end); time.Sleep(s.span / 21) {
		s.samples = append(s.samples, heapNow())
	}
	for more := time.Now().Add(time.Minute); len(s.unproved()) > 0 && time.Now().Before(more); {
		time.Sleep(s.span / 21) // a busy machine has not done much
	}
	s.over.Store(true)
	clients.Wait()
}

// unproved returns what was not done, or has failed more often than succeeded.
func (s *soak) unproved() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc([]string{"put", "get", "range", "rewrap", "list", "delete"}, func(op string) bool {
		return s.done[op] >= max(1, s.failed[op])
	})
}

// heapNow returns what is alive on the heap.
func heapNow() uint64 {
	for range 3 { // pools give back what they have at the second collection
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// sweep aborts the uploads of which even the abort was cut short.
func (s *soak) sweep(b *backend.Bucket) {
	s.t.Helper()
	found, err := b.AbortStale(s.t.Context(), "", -time.Hour, &backend.StaleOptions{AllUploads: true, Abort: true})
	if err != nil {
		s.t.Errorf("AbortStale = %v", err)
	}
	s.t.Logf("%d uploads whose abort was cut short", len(found))
}

// judge looks at what came of it.
func (s *soak) judge(before uint64) {
	s.t.Helper()
	third := max(1, len(s.samples)/3) // the loop has taken one at least
	first, last := slices.Min(s.samples[:third]), slices.Min(s.samples[len(s.samples)-third:])
	after := heapNow()
	s.t.Logf("done %v, failed %v, %d resets; heap %d KiB before, at least %d in the first third, %d in the last, %d after",
		s.done, s.failed, s.resets.Load(), before>>10, first>>10, last>>10, after>>10)
	if n := s.wrong.Load(); n > 0 {
		s.t.Errorf("%d wrong answers, want 0", n)
	}
	if last > first+soakGrowth && s.span >= soakLeast {
		s.t.Errorf("the heap has grown from %d to %d bytes, want at most %d more", first, last, soakGrowth)
	}
	if after > before+soakSlack {
		s.t.Errorf("%d bytes on the heap after all, %d before, want at most %d more", after, before, soakSlack)
	}
	for _, op := range s.unproved() {
		s.t.Errorf("%s: %d succeeded, %d failed: nothing was proved", op, s.done[op], s.failed[op])
	}
	if s.resets.Load() == 0 {
		s.t.Error("no connection was reset")
	}
}

// A soakClient has a key that nobody else writes, and uses the shared ones.
type soakClient struct {
	*soak
	key    string
	random *rand.Rand
	may    map[uint64]int // the generations that may be stored, with their sizes; 0 is no object
}

// step does one operation.
func (c *soakClient) step(ctx context.Context) {
	ops := []struct {
		name string
		do   func(ctx context.Context) error
	}{
		{"put", c.put},
		{"put", c.put},
		{"put shared", c.putShared},
		{"get", c.get},
		{"get", c.get},
		{"get shared", c.getShared},
		{"range", c.getRange},
		{"range", c.getRange},
		{"rewrap", c.rewrap},
		{"list", c.list},
		{"delete", c.delete},
	}
	op := ops[c.random.IntN(len(ops))]
	err := op.do(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.done[op.name]++
		return
	}
	c.failed[op.name]++
	if errors.Is(err, envelope.ErrDecrypt) {
		c.complain("%s %s = %v, and nobody has altered anything", op.name, c.key, err)
	}
}

// complain counts what is wrong.
func (c *soakClient) complain(format string, args ...any) {
	if c.wrong.Add(1) < 10 {
		c.t.Errorf(format, args...)
	}
}

// size is mostly small; one in 100 takes two parts.
func (c *soakClient) size() int {
	if c.random.IntN(100) == 0 {
		return 5*mib + 1 + c.random.IntN(1000)
	}
	return 8 + c.random.IntN(200_000)
}

func (c *soakClient) put(ctx context.Context) error {
	gen, n := c.gens.Add(1), c.size()
	size := int64(n)
	if c.random.IntN(2) == 0 {
		size = -1
	}
	_, err := c.bucket.Put(ctx, c.key, bytes.NewReader(soakText(c.key, gen, n)), size, nil)
	if err == nil {
		clear(c.may)
	}
	c.may[gen] = n
	return err
}

func (c *soakClient) shared() string { return fmt.Sprintf("shared/%d", c.random.IntN(soakShared)) }

func (c *soakClient) putShared(ctx context.Context) error {
	key := c.shared()
	gen, n := c.gens.Add(1), c.size()
	_, err := c.bucket.Put(ctx, key, bytes.NewReader(soakText(key, gen, n)), -1, nil)
	return err
}

// read reads all of an object. That there is none is no error.
func (c *soakClient) read(ctx context.Context, key string) (got []byte, none bool, err error) {
	o, err := c.bucket.Get(ctx, key)
	if errors.Is(err, backend.ErrNotExist) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	got, err = io.ReadAll(o)
	if err = errors.Join(err, o.Close()); err != nil && len(got) > 0 {
		c.complain("%s: %d bytes before %v", key, len(got), err)
	}
	return got, false, err
}

func (c *soakClient) get(ctx context.Context) error {
	got, none, err := c.read(ctx, c.key)
	if err != nil {
		return err
	}
	gen, whole := soakGeneration(c.key, got)
	_, may := c.may[gen]
	_, mayNone := c.may[0]
	if none && !mayNone || !none && (!whole || !may) {
		c.complain("get %s: generation %d of %d bytes (whole: %t, none: %t), want one of %v", c.key, gen, len(got), whole, none, c.may)
	}
	return nil
}

func (c *soakClient) getShared(ctx context.Context) error {
	key := c.shared()
	got, none, err := c.read(ctx, key)
	if err != nil || none {
		return err
	}
	if gen, whole := soakGeneration(key, got); !whole {
		c.complain("get %s: %d bytes that are no generation, not even %d", key, len(got), gen)
	}
	return nil
}

func (c *soakClient) getRange(ctx context.Context) error {
	off, n := c.random.Int64N(100_000), 1+c.random.Int64N(50_000)
	o, err := c.bucket.GetRange(ctx, c.key, off, n)
	if errors.Is(err, backend.ErrNotExist) || errors.Is(err, backend.ErrRange) {
		return nil
	}
	if err != nil {
		return err
	}
	got, err := io.ReadAll(o)
	if err = errors.Join(err, o.Close()); err != nil {
		return err
	}
	for gen, size := range c.may {
		if gen != 0 && off <= int64(size) && bytes.Equal(got, soakText(c.key, gen, size)[off:min(off+n, int64(size))]) {
			return nil
		}
	}
	c.complain("range of %s: %d bytes that are none of %v", c.key, len(got), c.may)
	return nil
}

func (c *soakClient) rewrap(ctx context.Context) error {
	to := c.keys[c.random.IntN(len(c.keys))]
	_, err := c.bucket.Rewrap(ctx, c.key, &backend.RewrapOptions{Wrappers: []wrap.Wrapper{to}})
	if errors.Is(err, backend.ErrNotExist) {
		return nil
	}
	return err
}

func (c *soakClient) list(ctx context.Context) error {
	prefix := c.key[:len("own/00/")]
	for info, err := range c.bucket.List(ctx, &backend.ListOptions{Prefix: prefix}) {
		if err != nil {
			return err
		}
		if info.Key != c.key {
			c.complain("list of %s: %s", prefix, info.Key)
		}
	}
	return nil
}

func (c *soakClient) delete(ctx context.Context) error {
	old := maps.Clone(c.may)
	err := c.bucket.Delete(ctx, c.key)
	if errors.Is(err, backend.ErrNotExist) {
		err = nil
	}
	if c.may = map[uint64]int{0: -1}; err != nil {
		maps.Copy(c.may, old)
	}
	return err
}
