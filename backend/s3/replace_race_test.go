// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// Sizes of numbered objects, in decimal since their bodies are.
const (
	smallNumber = 8_000
	largeNumber = 11_000_000
)

// before runs f once, before the first request of a kind.
func before(k string, f func()) chaos {
	var once sync.Once
	return func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
		if kind(req) == k {
			once.Do(f)
		}
		return next.RoundTrip(req)
	}
}

// after runs f once, when the first request of a kind has been answered.
func after(k string, f func()) chaos {
	var once sync.Once
	return func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
		resp, err := next.RoundTrip(req)
		if kind(req) == k {
			once.Do(f)
		}
		return resp, err
	}
}

// putNumber stores an object of n bytes whose metadata says which it is.
func putNumber(d *s3.Driver, key string, i, n int) (*backend.Info, error) {
	body := numberBody(i, n)
	return d.Put(context.Background(), key, bytes.NewReader(body), int64(n), &backend.PutOptions{Metadata: map[string]string{"number": strconv.Itoa(i)}})
}

func numberBody(i, n int) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%010d", i), n/10)
}

// Whenever another object comes in between, that is the one that stays, and the
// replacement is ErrChanged.
func TestReplaceMetadataComesTooLate(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		other := newDriver(t, srv.Client(t), bucket, smallParts)
		put := func() {
			if _, err := putNumber(other, "key", 2, smallNumber); err != nil {
				t.Error(err)
			}
		}
		for name, c := range map[string]chaos{
			"before it looks":      before(kindHead, put),
			"before the upload":    before(kindStart, put),
			"before the first":     before(kindPart, put),
			"after the first":      after(kindPart, put),
			"before the end":       before(kindComplete, put),
			"after the end":        after(kindComplete, put),
			"deleted at the start": before(kindStart, func() { mustDelete(t, other, "key") }),
			"deleted at the end":   before(kindComplete, func() { mustDelete(t, other, "key") }),
		} {
			info, err := putNumber(other, "key", 1, largeNumber)
			if err != nil {
				t.Fatal(err)
			}
			d := newDriver(t, chaosClient(t, srv, c), bucket, nil)
			d.SetCopy(-1, 5*mib)
			_, err = d.ReplaceMetadata(t.Context(), "key", newMetadata, info.ETag)
			if !errors.Is(err, backend.ErrChanged) || errors.Is(err, backend.ErrNotExist) {
				t.Errorf("%s: ReplaceMetadata = %v, want ErrChanged", name, err)
			}
			if name[0] == 'd' {
				wantObjects(t, srv, bucket)
				continue
			}
			wantNumber(t, other, "key", 2, smallNumber)
			wantObjects(t, srv, bucket, "key")
		}
	})
}

func mustDelete(t *testing.T, d *s3.Driver, key string) {
	t.Helper()
	if err := d.Delete(context.Background(), key); err != nil {
		t.Errorf("Delete = %v", err)
	}
}

// wantNumber fails the test unless what is there is what putNumber has stored.
func wantNumber(t *testing.T, d *s3.Driver, key string, i, n int) {
	t.Helper()
	wantBody(t, d, key, numberBody(i, n))
	info, err := d.Stat(t.Context(), key)
	if want := map[string]string{"number": strconv.Itoa(i)}; err != nil || !maps.Equal(info.Metadata, want) {
		t.Fatalf("metadata %+v, %v, want %v", info, err, want)
	}
}

// Of what goes wrong with a copy nothing is left, and the object is as it was.
func TestReplaceMetadataFails(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		plain := newDriver(t, srv.Client(t), bucket, smallParts)
		info, err := putNumber(plain, "key", 1, largeNumber)
		if err != nil {
			t.Fatal(err)
		}
		for _, failing := range []string{kindHead, kindGet, kindStart, kindPart, kindComplete} {
			for body, status := range map[string]int{
				"<Error><Code>AccessDenied</Code></Error>":  http.StatusForbidden,
				"<Error><Code>InternalError</Code></Error>": http.StatusOK,
			} {
				if status == http.StatusOK && failing != kindPart && failing != kindComplete {
					continue // which S3 does with these only
				}
				d := newDriver(t, chaosClient(t, srv, func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
					if kind(req) == failing {
						return answer(req, status, body), nil
					}
					return next.RoundTrip(req)
				}), bucket, nil)
				d.SetCopy(-1, 5*mib)
				if got, err := d.ReplaceMetadata(t.Context(), "key", newMetadata, info.ETag); err == nil || errors.Is(err, backend.ErrChanged) {
					t.Errorf("%s answers %d: ReplaceMetadata = %+v, %v", failing, status, got, err)
				}
				wantNumber(t, plain, "key", 1, largeNumber)
				wantObjects(t, srv, bucket, "key")
			}
		}
	})
}

// What is repeated because its answer was lost is done once.
func TestReplaceMetadataAnswersAreLost(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for _, losing := range []string{kindHead, kindPart, kindComplete} {
			bucket := srv.NewBucket(t)
			var lost atomic.Int64
			d := newDriver(t, chaosClient(t, srv, func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
				if kind(req) == losing && lost.Add(1) == 1 {
					return lose(req, next)
				}
				return next.RoundTrip(req)
			}), bucket, nil)
			d.SetCopy(-1, 5*mib)
			info := mustPut(t, d, "key", pattern(6*mib))
			if _, err := d.ReplaceMetadata(t.Context(), "key", newMetadata, info.ETag); err != nil || lost.Load() < 2 {
				t.Errorf("%s: ReplaceMetadata = %v after %d requests", losing, err, lost.Load())
			}
			stat, err := d.Stat(t.Context(), "key")
			if err != nil || !maps.Equal(stat.Metadata, newMetadata) {
				t.Errorf("%s: Stat = %+v, %v", losing, stat, err)
			}
			wantBody(t, d, "key", pattern(6*mib))
			wantObjects(t, srv, bucket, "key")
		}
	})
}

// When its context ends, a copy that has not been stored is not stored later.
func TestReplaceMetadataCancelled(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		for _, at := range []string{kindHead, kindStart, kindPart, kindComplete} {
			bucket := srv.NewBucket(t)
			ctx, cancel := context.WithCancel(t.Context())
			d := newDriver(t, chaosClient(t, srv, before(at, cancel)), bucket, nil)
			d.SetCopy(-1, 5*mib)
			plain := newDriver(t, srv.Client(t), bucket, smallParts)
			info := mustPut(t, plain, "key", pattern(11*mib))
			_, err := d.ReplaceMetadata(ctx, "key", newMetadata, info.ETag)
			if done := err == nil; done != (at == kindComplete) || err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("%s: ReplaceMetadata = %v", at, err)
			}
			stat, serr := plain.Stat(t.Context(), "key")
			if serr != nil || (len(stat.Metadata) == 0) == (err == nil) {
				t.Errorf("%s: ReplaceMetadata = %v, and then Stat = %+v, %v", at, err, stat, serr)
			}
			wantObjects(t, srv, bucket, "key")
			cancel()
		}
	})
}

// stressTime is how long puts and replacements meet on each server.
func stressTime() time.Duration {
	if os.Getenv("S3SEAL_LONG") != "" {
		return 15 * time.Second
	}
	return 1500 * time.Millisecond
}

// A put meets replacements that mean the object before it, and one of long ago, at
// changing distances; a replacement that means its own object follows. In the end
// the body of the put is there, with the metadata that was meant for it.
func TestReplaceMetadataMeetsPuts(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		d := newDriver(t, srv.Client(t), bucket, nil)
		stale, err := putNumber(d, "key", -1, smallNumber)
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		wantReplaced(t, d, "key")
		m := meeting{took: time.Since(begin)}
		for end := time.Now().Add(stressTime()); time.Now().Before(end) && !t.Failed(); m.round++ {
			m.meet(t, d, stale.ETag)
			m.adapt()
		}
		t.Logf("of %d replacements %d came before the put", m.round, m.before)
		if m.round > 50 && (m.before == 0 || m.before == m.round) {
			t.Errorf("%d of %d replacements came before the put: they did not meet", m.before, m.round)
		}
		wantObjects(t, srv, bucket, "key")
	})
}

type meeting struct {
	took          time.Duration // about what a replacement takes
	round, before int
	last          int // before, when it was looked at
}

// distances are the different ones at which a put comes after a replacement.
const distances = 16

// adapt looks whether both have come first at these distances. If not they are
// wrong: one replacement alone had been timed, and the machine is not always as
// busy as it was then.
func (m *meeting) adapt() {
	if (m.round+1)%distances != 0 {
		return
	}
	switch m.before - m.last {
	case 0:
		m.took *= 2
	case distances:
		m.took /= 2
	}
	m.last = m.before
}

func (m *meeting) meet(t *testing.T, d *s3.Driver, stale string) {
	old, err := putNumber(d, "key", 2*m.round, smallNumber)
	if err != nil {
		t.Fatal(err)
	}
	next := 2*m.round + 1
	replace := func(number int, etag string) error {
		_, err := d.ReplaceMetadata(context.Background(), "key", map[string]string{"number": strconv.Itoa(number), "replaced": strconv.Itoa(number)}, etag)
		return err
	}
	var wg sync.WaitGroup
	var putErr, oldErr, newErr, staleErr error
	var stored *backend.Info
	wg.Go(func() {
		time.Sleep(m.took * time.Duration(m.round%distances) / 12)
		if stored, putErr = putNumber(d, "key", next, smallNumber); putErr == nil {
			newErr = replace(next, stored.ETag)
		}
	})
	wg.Go(func() { oldErr = replace(2*m.round, old.ETag) })
	wg.Go(func() { staleErr = replace(-1, stale) })
	wg.Wait()
	if putErr != nil || newErr != nil || !errors.Is(staleErr, backend.ErrChanged) || oldErr != nil && !errors.Is(oldErr, backend.ErrChanged) {
		t.Errorf("round %d: put %v, replacements of the old %v, the new %v, the stale %v", m.round, putErr, oldErr, newErr, staleErr)
		return
	}
	if oldErr == nil {
		m.before++
	}
	wantBody(t, d, "key", numberBody(next, smallNumber))
	stat, err := d.Stat(t.Context(), "key")
	if err != nil || stat.Metadata["number"] != strconv.Itoa(next) || stat.Metadata["replaced"] != strconv.Itoa(next) {
		t.Errorf("round %d: %+v, %v", m.round, stat, err)
	}
}
