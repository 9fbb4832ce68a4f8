// SPDX-License-Identifier: Apache-2.0

package backendtest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/mem"
)

// A mutant is a driver with one deliberate fault: a field that is set replaces
// the method of the sound driver below it.
type mutant struct {
	backend.Driver
	put    func(d backend.Driver, ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error)
	get    func(d backend.Driver, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error)
	stat   func(d backend.Driver, ctx context.Context, key string) (*backend.Info, error)
	delete func(d backend.Driver, ctx context.Context, key string) error
}

func (m *mutant) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	if m.put == nil {
		return m.Driver.Put(ctx, key, body, size, opts)
	}
	return m.put(m.Driver, ctx, key, body, size, opts)
}

func (m *mutant) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	if m.get == nil {
		return m.Driver.Get(ctx, key, opts)
	}
	return m.get(m.Driver, ctx, key, opts)
}

func (m *mutant) Stat(ctx context.Context, key string) (*backend.Info, error) {
	if m.stat == nil {
		return m.Driver.Stat(ctx, key)
	}
	return m.stat(m.Driver, ctx, key)
}

func (m *mutant) Delete(ctx context.Context, key string) error {
	if m.delete == nil {
		return m.Driver.Delete(ctx, key)
	}
	return m.delete(m.Driver, ctx, key)
}

// A putCall is a call of Put on the sound driver d.
type putCall struct {
	d    backend.Driver
	ctx  context.Context
	key  string
	body io.Reader
	size int64
	opts *backend.PutOptions
}

func (c putCall) put() (*backend.Info, error) {
	return c.d.Put(c.ctx, c.key, c.body, c.size, c.opts)
}

func putMutant(f func(c putCall) (*backend.Info, error)) mutant {
	return mutant{put: func(d backend.Driver, ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
		return f(putCall{d, ctx, key, body, size, opts})
	}}
}

// bodyMutant returns a mutant that sees another body than it was given.
func bodyMutant(change func(io.Reader) io.Reader) mutant {
	return putMutant(func(c putCall) (*backend.Info, error) {
		c.body = change(c.body)
		return c.put()
	})
}

// optsMutant returns a mutant that reads with other options than it was given.
func optsMutant(change func(*backend.GetOptions)) mutant {
	return mutant{get: func(d backend.Driver, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
		given := *opts
		change(&given)
		return d.Get(ctx, key, &given)
	}}
}

type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

var mutants = map[string]struct {
	caught string // by this promise
	mutant
}{
	"bare ErrUnexpectedEOF is the end": {"SourceError", bodyMutant(func(r io.Reader) io.Reader {
		return readFunc(func(p []byte) (int, error) {
			n, err := r.Read(p)
			if err == io.ErrUnexpectedEOF {
				err = io.EOF
			}
			return n, err
		})
	})},
	"cause is lost": {"SourceError", putMutant(func(c putCall) (*backend.Info, error) {
		info, err := c.put()
		if err != nil {
			return nil, errors.New("connection closed")
		}
		return info, nil
	})},
	"reads no further than declared": {"SizeTooSmall", putMutant(func(c putCall) (*backend.Info, error) {
		if c.size >= 0 {
			c.body = io.LimitReader(c.body, c.size)
		}
		return c.put()
	})},
	"size is not looked at": {"SizeTooLarge", putMutant(func(c putCall) (*backend.Info, error) {
		c.size = -1
		return c.put()
	})},
	"old object is gone after a failure": {"SourceErrorOnReplace", putMutant(func(c putCall) (*backend.Info, error) {
		info, err := c.put()
		if err != nil {
			c.d.Delete(c.ctx, c.key)
		}
		return info, err
	})},
	"body is closed": {"RoundTrip", bodyMutant(func(r io.Reader) io.Reader {
		return readFunc(func(p []byte) (int, error) {
			n, err := r.Read(p)
			if c, ok := r.(io.Closer); ok && err == io.EOF {
				c.Close()
			}
			return n, err
		})
	})},
	"body is rewound": {"RoundTrip", bodyMutant(func(r io.Reader) io.Reader {
		if s, ok := r.(io.Seeker); ok {
			s.Seek(0, io.SeekStart)
		}
		return r
	})},
	"body is read before the key is refused": {"KeysInvalid", putMutant(func(c putCall) (*backend.Info, error) {
		data, err := io.ReadAll(backend.NewBodyReader(c.ctx, c.body, c.size))
		if err != nil {
			return nil, err
		}
		return c.d.Put(c.ctx, c.key, bytes.NewReader(data), c.size, c.opts)
	})},
	"context is ignored": {"CancelledDuringPut", putMutant(func(c putCall) (*backend.Info, error) {
		return c.d.Put(context.WithoutCancel(c.ctx), c.key, c.body, c.size, c.opts)
	})},
	"body outlives its context": {"CancelledDuringGet", mutant{get: func(d backend.Driver, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
		return d.Get(context.WithoutCancel(ctx), key, opts)
	}}},
	"options are modified": {"MetadataOfFormats", putMutant(func(c putCall) (*backend.Info, error) {
		info, err := c.put()
		if c.opts.Metadata != nil {
			c.opts.Metadata["x-amz-checksum-algorithm"] = "CRC32C"
		}
		return info, err
	})},
	"metadata is merged": {"Replace", putMutant(func(c putCall) (*backend.Info, error) {
		merged := *c.opts
		merged.Metadata = maps.Clone(c.opts.Metadata)
		if old, err := c.d.Stat(c.ctx, c.key); err == nil && merged.Metadata != nil {
			maps.Copy(merged.Metadata, old.Metadata)
		}
		return c.d.Put(c.ctx, c.key, c.body, c.size, &merged)
	})},
	"a name is lost": {"MetadataOfFormats", putMutant(func(c putCall) (*backend.Info, error) {
		less := *c.opts
		less.Metadata = maps.Clone(c.opts.Metadata)
		delete(less.Metadata, "x-amz-t")
		return c.d.Put(c.ctx, c.key, c.body, c.size, &less)
	})},
	"headers are lost": {"Headers", putMutant(func(c putCall) (*backend.Info, error) {
		less := *c.opts
		less.Headers = nil
		return c.d.Put(c.ctx, c.key, c.body, c.size, &less)
	})},
	"body before metadata": {"ReadersDuringReplace", putMutant(func(c putCall) (*backend.Info, error) {
		data, err := io.ReadAll(backend.NewBodyReader(c.ctx, c.body, c.size))
		if err != nil {
			return nil, err
		}
		if old, err := c.d.Stat(c.ctx, c.key); err == nil {
			stale := &backend.PutOptions{Metadata: old.Metadata, ContentType: old.ContentType}
			if _, err := c.d.Put(c.ctx, c.key, bytes.NewReader(data), -1, stale); err != nil {
				return nil, err
			}
			time.Sleep(time.Millisecond)
		}
		return c.d.Put(c.ctx, c.key, bytes.NewReader(data), -1, c.opts)
	})},
	"gone while it is replaced": {"ReadersDuringReplace", putMutant(func(c putCall) (*backend.Info, error) {
		c.d.Delete(c.ctx, c.key)
		time.Sleep(time.Millisecond)
		return c.put()
	})},
	"range is ignored": {"RangeAllPairs", optsMutant(func(o *backend.GetOptions) { o.Range = nil })},
	"ETag is ignored":  {"IfMatch", optsMutant(func(o *backend.GetOptions) { o.IfMatch = "" })},
	"ETag with a range": {"IfMatch", optsMutant(func(o *backend.GetOptions) {
		if o.Range != nil {
			o.IfMatch = ""
		}
	})},
	"negative offset is a suffix": {"RangeInvalid", optsMutant(func(o *backend.GetOptions) {
		if o.Range != nil && o.Range.Offset < 0 {
			o.Range = &backend.Range{Offset: 1, Length: -1}
		}
	})},
	"size of the range": {"RangeOpenEnd", mutant{get: func(d backend.Driver, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
		rc, info, err := d.Get(ctx, key, opts)
		if err == nil && opts.Range != nil {
			info.Size -= opts.Range.Offset
		}
		return rc, info, err
	}}},
	"goroutine is left behind": {"Goroutines", putMutant(func(c putCall) (*backend.Info, error) {
		go func() { select {} }()
		return c.put()
	})},
	"key is cleaned": {"KeysOdd", putMutant(func(c putCall) (*backend.Info, error) {
		return c.d.Put(c.ctx, strings.ReplaceAll(c.key, "//", "/"), c.body, c.size, c.opts)
	})},
	"key is unescaped": {"KeysAreDistinct", putMutant(func(c putCall) (*backend.Info, error) {
		return c.d.Put(c.ctx, strings.ReplaceAll(c.key, "%20", " "), c.body, c.size, c.opts)
	})},
	"delete keeps the object": {"Delete", mutant{delete: func(backend.Driver, context.Context, string) error { return nil }}},
	"Stat says another type": {"InfoAgrees", mutant{stat: func(d backend.Driver, ctx context.Context, key string) (*backend.Info, error) {
		info, err := d.Stat(ctx, key)
		if err == nil {
			info.ContentType = "binary/octet-stream"
		}
		return info, err
	}}},
}

// mutantEnv names the fault for the test that runs in a process of its own.
const mutantEnv = "S3SEAL_TEST_MUTANT"

// TestMutant runs the suite on a driver with one fault, and so must fail.
func TestMutant(t *testing.T) {
	name := os.Getenv(mutantEnv)
	if name == "" {
		t.Skip("is run by TestSuiteFindsFaults")
	}
	backendtest.TestDriver(t, func(t *testing.T) backend.Driver {
		if m, ok := partsMutants[name]; ok {
			m.Driver = mem.New()
			return &m.partsMutant
		}
		if m, ok := manyMutants[name]; ok {
			m.Driver = mem.New()
			return &m.manyMutant
		}
		m, ok := mutants[name]
		if !ok {
			m = conditionMutants[name]
		}
		m.Driver = newMapDriver(t)
		return &m.mutant
	})
}

// catches returns for each mutant the promise that finds it.
func catches() map[string]string {
	all := make(map[string]string)
	for name, m := range mutants {
		all[name] = m.caught
	}
	for name, m := range conditionMutants {
		all[name] = m.caught
	}
	for name, m := range partsMutants {
		all[name] = m.caught
	}
	for name, m := range manyMutants {
		all[name] = m.caught
	}
	return all
}

// TestSuiteFindsFaults runs the suite on each mutant: a suite that accepts it
// would accept such a driver, too.
func TestSuiteFindsFaults(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	caught := catches()
	for _, name := range slices.Sorted(maps.Keys(caught)) {
		t.Run(name, func(t *testing.T) {
			want := caught[name]
			run := "^TestMutant$/^" + want + "$"
			large := want == "CancelledDuringGet" // the only promise that small bodies cannot test
			if large && testing.Short() {
				t.Skip("needs a large body")
			}
			cmd := exec.CommandContext(t.Context(), self, "-test.run="+run, "-test.timeout=1m", fmt.Sprintf("-test.short=%v", !large))
			cmd.Env = append(os.Environ(), mutantEnv+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil || !bytes.Contains(out, []byte("--- FAIL: TestMutant/"+want)) {
				t.Errorf("promise %s is said to be kept: %v\n%s", want, err, out)
			}
		})
	}
}
