// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/mem"
)

// A chaosMutant is a driver with one deliberate bug: a field that is set replaces
// the method of the sound driver below.
type chaosMutant struct {
	backendtest.ChaosTarget
	put      func(d backendtest.ChaosTarget, ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error)
	get      func(d backendtest.ChaosTarget, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error)
	delete   func(d backendtest.ChaosTarget, ctx context.Context, key string) error
	start    func(d backendtest.ChaosTarget, ctx context.Context, key string, opts *backend.PutOptions) (string, error)
	complete func(d backendtest.ChaosTarget, ctx context.Context, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error)
	replace  func(d backendtest.ChaosTarget, ctx context.Context, key string, metadata map[string]string, ifMatch string) (*backend.Info, error)
}

func (m *chaosMutant) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	if m.put == nil {
		return m.ChaosTarget.Put(ctx, key, body, size, opts)
	}
	return m.put(m.ChaosTarget, ctx, key, body, size, opts)
}

func (m *chaosMutant) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	if m.get == nil {
		return m.ChaosTarget.Get(ctx, key, opts)
	}
	return m.get(m.ChaosTarget, ctx, key, opts)
}

func (m *chaosMutant) Delete(ctx context.Context, key string) error {
	if m.delete == nil {
		return m.ChaosTarget.Delete(ctx, key)
	}
	return m.delete(m.ChaosTarget, ctx, key)
}

func (m *chaosMutant) StartUpload(ctx context.Context, key string, opts *backend.PutOptions) (string, error) {
	if m.start == nil {
		return m.ChaosTarget.StartUpload(ctx, key, opts)
	}
	return m.start(m.ChaosTarget, ctx, key, opts)
}

func (m *chaosMutant) CompleteUpload(ctx context.Context, key, id string, parts []backend.Part, opts *backend.PutOptions) (*backend.Info, error) {
	if m.complete == nil {
		return m.ChaosTarget.CompleteUpload(ctx, key, id, parts, opts)
	}
	return m.complete(m.ChaosTarget, ctx, key, id, parts, opts)
}

func (m *chaosMutant) ReplaceMetadata(ctx context.Context, key string, metadata map[string]string, ifMatch string) (*backend.Info, error) {
	if m.replace == nil {
		return m.ChaosTarget.ReplaceMetadata(ctx, key, metadata, ifMatch)
	}
	return m.replace(m.ChaosTarget, ctx, key, metadata, ifMatch)
}

// A chaosBug is a mutant and what is said of it. dir is the folder of the run.
type chaosBug struct {
	name  string
	over  bool // over what goes wrong, instead of below it
	bug   func(dir string) chaosMutant
	wants string
}

// chaosBugs are one or more for each thing that a run checks. What they leak is in
// left.
func chaosBugs(left *leaks) []chaosBug {
	return append(storingBugs(), leakingBugs(left)...)
}

func storingBugs() []chaosBug {
	type target = backendtest.ChaosTarget
	return []chaosBug{
		{"a put is forgotten", true, func(string) chaosMutant {
			return chaosMutant{put: func(d target, ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
				n, err := io.Copy(io.Discard, body)
				return &backend.Info{Key: key, ETag: "e", Size: n}, err
			}}
		}, "nothing was done"},
		{"a put stores what was there before", false, func(string) chaosMutant {
			return chaosMutant{put: putOnce()}
		}, "none of"},
		{"a put is seen before it is whole", false, func(string) chaosMutant {
			return chaosMutant{put: func(d target, ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
				data, err := io.ReadAll(body)
				if err != nil {
					return nil, err
				}
				for i := range 4 {
					if _, err := d.Put(ctx, key, bytes.NewReader(data[:len(data)*i/4]), -1, opts); err != nil {
						return nil, err
					}
				}
				return d.Put(ctx, key, bytes.NewReader(data), size, opts)
			}}
		}, "read during a put"},
		{"a put that fails stores what it has", false, func(string) chaosMutant {
			return chaosMutant{put: func(d target, ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
				data, err := io.ReadAll(body)
				info, perr := d.Put(ctx, key, bytes.NewReader(data), -1, opts)
				if err != nil {
					return nil, err
				}
				return info, perr
			}}
		}, "read after it"},
		{"a replacement looks for no ETag", false, func(string) chaosMutant {
			return chaosMutant{replace: func(d target, ctx context.Context, key string, metadata map[string]string, ifMatch string) (*backend.Info, error) {
				if info, err := d.Stat(ctx, key); err == nil {
					ifMatch = info.ETag
				}
				return d.ReplaceMetadata(ctx, key, metadata, ifMatch)
			}}
		}, "read after it"},
		{"a delete does nothing", false, func(string) chaosMutant {
			return chaosMutant{delete: func(target, context.Context, string) error { return nil }}
		}, "none of"},
		{"what is sent again is another text", true, func(string) chaosMutant {
			return chaosMutant{put: func(d target, ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
				data, err := io.ReadAll(body)
				if err != nil || len(data) == 0 {
					return nil, err
				}
				data[0] ^= 1
				if _, err = d.Put(ctx, key, bytes.NewReader(data), -1, opts); err != nil {
					return nil, err
				}
				data[0] ^= 1
				return d.Put(ctx, key, bytes.NewReader(data), size, opts)
			}}
		}, "other bytes than before"},
	}
}

// putOnce stores the first body for all of those that follow, under their metadata
// and those of the first.
func putOnce() func(d backendtest.ChaosTarget, ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	var first []byte
	var meta *backend.PutOptions
	return func(d backendtest.ChaosTarget, ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
		data, err := io.ReadAll(body)
		if err != nil {
			return nil, err
		}
		if first == nil {
			first, meta = data, opts
		}
		info, err := d.Put(ctx, key, bytes.NewReader(first), -1, meta)
		if err == nil {
			info.Size = int64(len(data))
		}
		return info, err
	}
}

// leakingBugs leak at each Get and not at the first alone: what was at work before a
// run, such as a connection of another test, may end during it, and then there is one
// goroutine less where the bug made one more.
func leakingBugs(left *leaks) []chaosBug {
	type target = backendtest.ChaosTarget
	return []chaosBug{
		{"an upload is left", false, func(string) chaosMutant {
			return chaosMutant{start: func(d target, ctx context.Context, key string, opts *backend.PutOptions) (string, error) {
				if _, err := d.StartUpload(ctx, key, opts); err != nil {
					return "", err
				}
				return d.StartUpload(ctx, key, opts)
			}}
		}, "uploads at the end"},
		{"a goroutine is left", true, func(string) chaosMutant {
			return chaosMutant{get: func(d target, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
				left.goroutine()
				return d.Get(ctx, key, opts)
			}}
		}, "goroutines after"},
		{"a descriptor is left", true, func(string) chaosMutant {
			return chaosMutant{get: func(d target, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
				left.descriptor()
				return d.Get(ctx, key, opts)
			}}
		}, "descriptors after"},
		{"a file is left", true, func(dir string) chaosMutant {
			return chaosMutant{get: func(d target, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
				os.WriteFile(filepath.Join(dir, "left"), nil, 0o600)
				return d.Get(ctx, key, opts)
			}}
		}, "file left behind"},
		{"a body fails for nothing", true, func(string) chaosMutant {
			return chaosMutant{get: func(d target, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
				return nil, nil, os.ErrPermission
			}}
		}, "nothing has happened"},
	}
}

// leaks are what bugs leave behind, each one thing and nothing else, up to free.
type leaks struct {
	end   chan struct{}
	mu    sync.Mutex
	files []*os.File // the garbage collector would close them
}

func (l *leaks) goroutine() { go func() { <-l.end }() }

func (l *leaks) descriptor() {
	f, err := os.Open(os.DevNull)
	if err != nil {
		return // there are too many already
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.files = append(l.files, f)
}

func (l *leaks) free() {
	close(l.end)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.files {
		f.Close()
	}
}

// TestSchedulesBite: every check of a run finds a bug that it is for.
func TestSchedulesBite(t *testing.T) {
	left := leaks{end: make(chan struct{})}
	defer left.free()
	for _, c := range chaosBugs(&left) {
		t.Run(c.name, func(t *testing.T) {
			st := mutated(t, c)
			var said []string
			for seed := range uint64(1500) {
				for _, v := range backendtest.RunSchedule(st, seed).Violations {
					if strings.Contains(v, c.wants) {
						return
					}
					said = append(said, v)
				}
			}
			t.Errorf("not found in 1500 schedules; %d other things were, such as %.300q", len(said), said)
		})
	}
}

// mutated is chaosOverMem with a bug.
func mutated(t *testing.T, c chaosBug) *backendtest.ChaosStorage {
	t.Helper()
	st := chaosOverMem(t)
	st.Grace = 300 * time.Millisecond
	d := mem.New()
	below := func(dir string) backendtest.ChaosTarget {
		if c.over {
			return d
		}
		m := c.bug(dir)
		m.ChaosTarget = d
		return &m
	}
	st.Clean = func() (backend.Driver, func()) { return d, func() {} }
	st.Faulty = func(s *backendtest.Schedule, dir string) (backend.Driver, func()) {
		faulty := backendtest.ChaosDriver(below(dir), s)
		if c.over {
			m := c.bug(dir)
			m.ChaosTarget = faulty
			return &m, func() {}
		}
		return faulty, func() {}
	}
	return st
}
