// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/backend/dir"
	"github.com/s3seal/s3seal/envelope"
)

// TestMigrateMemory migrates an object of each old format that is much larger
// than what that may take.
func TestMigrateMemory(t *testing.T) {
	size := int64(long(24, 128)) << 20
	d := must(dir.New(t.TempDir(), nil))(t)
	defer d.Close()
	var names []string
	for _, suite := range []envelope.Suite{envelope.V1, envelope.V2GCM} {
		key := fmt.Sprint("old/", suite)
		names = append(names, key)
		src := io.LimitReader(rand.NewChaCha8([32]byte{1}), size)
		must(source(t, d, suite, false).Put(t.Context(), key, src, size, nil))(t)
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	runtime.GC()
	var before, peak uint64 = heap(), 0
	w := &watched{Driver: d, every: 1 << 20, look: func() { runtime.GC(); peak = max(peak, heap()) }}
	opts := &bulk.MigrateOptions{Options: bulk.Options{Workers: 1}, Map: toNew}
	src := source(t, w, envelope.V1, false)
	s, err := bulk.Migrate(t.Context(), src, target(t, d), infos(nil, names...), opts)
	if err != nil {
		t.Fatal(err)
	}
	wantSummary(t, s, 2, 0, 0)
	if s.Bytes < 4*size || peak > before+8<<20 {
		t.Errorf("%d bytes; heap grew from %d to %d bytes", s.Bytes, before, peak)
	}
	t.Logf("%d bytes; heap grew by %d bytes", s.Bytes, int64(peak)-int64(before))
	if info := must(target(t, d).Stat(t.Context(), toNew(names[0])))(t); info.PlaintextSizeMax != size {
		t.Errorf("%d bytes, want %d", info.PlaintextSizeMax, size)
	}
}

// A watched driver looks at something while bodies are read.
type watched struct {
	backend.Driver
	every, n int64
	look     func()
}

func (d *watched) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	body, info, err := d.Driver.Get(ctx, key, opts)
	if err != nil {
		return nil, nil, err
	}
	return &watchedBody{body, d}, info, nil
}

type watchedBody struct {
	io.ReadCloser
	driver *watched
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	before := b.driver.n
	b.driver.n += int64(n)
	if b.driver.n/b.driver.every != before/b.driver.every {
		b.driver.look()
	}
	return n, err
}

// TestMigrateShardsKilled runs three shards at once, each of which is killed in
// the middle, twice, and goes on.
func TestMigrateShardsKilled(t *testing.T) {
	const n = 45
	d, folder := newSpy(), t.TempDir()
	fill(t, d, n)
	for round := range 3 {
		done := make(chan error)
		for i := range 3 {
			go func() { done <- shardRun(t, d, fmt.Sprintf("%s/journal-%d", folder, i), i, round < 2) }()
		}
		for range 3 {
			if err := <-done; err != nil && round == 2 {
				t.Error(err)
			}
		}
	}
	wantContent(t, target(t, d), n, toNew)
	d.wantOnce(t, n)
}

// shardRun works on a third, and when killed dies after four objects.
func shardRun(t *testing.T, d *spy, path string, i int, killed bool) error {
	j, err := bulk.OpenJournal(path, testJob)
	if err != nil {
		return err
	}
	defer j.Close()
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	var count atomic.Int64
	opts := &bulk.MigrateOptions{Map: toNew, Options: bulk.Options{
		Journal: j, Workers: 3, Shard: bulk.Shard{Index: i, Count: 3},
		OnResult: func(r bulk.Result) {
			if r.Outcome == bulk.Done && count.Add(1) == 4 && killed {
				kill()
			}
		},
	}}
	src := source(t, d, envelope.V1, false)
	_, err = bulk.Migrate(ctx, src, target(t, d), src.List(ctx, &backend.ListOptions{Prefix: "old/"}), opts)
	return err
}
