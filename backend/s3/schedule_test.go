// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// How many schedules a test takes, and from which seed on.
const (
	quickSchedules = 40
	longSchedules  = 300
)

// number returns the value of an environment variable, or def.
func number(t *testing.T, name string, def uint64) uint64 {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return def
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("%s=%q: want a number", name, s)
	}
	return n
}

// firstSchedule is where the seeds begin, so that a failure is one of the change
// and not of the day. Others are for S3SEAL_FIRST_SEED to explore.
const firstSchedule = 100_000

// schedules returns the seeds to try: that of S3SEAL_SEED alone, or as many as
// S3SEAL_SCHEDULES says, from S3SEAL_FIRST_SEED on.
func schedules(t *testing.T) (first, count uint64) {
	t.Helper()
	if os.Getenv("S3SEAL_SEED") != "" {
		return number(t, "S3SEAL_SEED", 0), 1
	}
	count = quickSchedules
	if long() {
		count = longSchedules
	}
	return number(t, "S3SEAL_FIRST_SEED", firstSchedule), number(t, "S3SEAL_SCHEDULES", count)
}

// cuttingTransport connects to a server by connections of which the first few may
// be reset.
func cuttingTransport(t *testing.T, srv *s3test.Server, seed uint64) *http.Transport {
	t.Helper()
	transport, err := srv.Transport()
	if err != nil {
		t.Fatal(err)
	}
	if seed%4 > 0 {
		return transport
	}
	random := rand.New(rand.NewPCG(seed, 3))
	limits := []int64{random.Int64N(200_000), random.Int64N(3_000)}
	var count atomic.Int64
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		i := count.Add(1) - 1
		if err != nil || i >= int64(len(limits)) {
			return conn, err
		}
		c := &cuttingConn{Conn: conn}
		c.left.Store(limits[i])
		return c, nil
	}
	return transport
}

// chaosOver returns what schedules happen to on a server.
func chaosOver(t *testing.T, srv *s3test.Server, bucket string) *backendtest.ChaosStorage {
	t.Helper()
	connect := func(transport *http.Transport, rt http.RoundTripper) (*s3.Driver, func()) {
		return newDriver(t, srv.ClientVia(t, rt), bucket, smallParts), transport.CloseIdleConnections
	}
	return &backendtest.ChaosStorage{
		Clean: func() (backend.Driver, func()) {
			transport, err := srv.Transport()
			if err != nil {
				t.Fatal(err)
			}
			return connect(transport, transport)
		},
		Faulty: func(s *backendtest.Schedule, dir string) (backend.Driver, func()) {
			transport := cuttingTransport(t, srv, s.Seed)
			d, end := connect(transport, backendtest.ChaosTransport(s, transport))
			d.SetSettleTimeout(2 * time.Second)
			if s.Seed%3 == 0 { // parts of small objects, in files
				d.SetSpool(mib, 800)
				failingSpool(d, s, dir)
			}
			return d, end
		},
		Profiles: chaosProfiles(t),
		Large:    5*mib + 1,
		Retries:  true,
		Dir:      t.TempDir(),
	}
}

// failingSpool lets the files of parts in dir fail as s says.
func failingSpool(d *s3.Driver, s *backendtest.Schedule, dir string) {
	var create func(string) (s3.SpoolFile, error)
	create = d.SetCreateSpool(func(string) (s3.SpoolFile, error) {
		f, err := create(dir)
		if err != nil {
			return nil, err
		}
		if err := s.DiskFault(); err != nil {
			return fullFile{f, err}, nil
		}
		return f, nil
	})
}

// A fullFile is on a disk without room.
type fullFile struct {
	s3.SpoolFile
	err error
}

func (f fullFile) Write([]byte) (int, error) { return 0, f.err }

// TestSchedules lets what follows from seeds happen between a bucket and its
// storage, and checks that nothing of it shows: see backendtest.RunSchedule.
//
//	S3SEAL_SEED=n        that one alone
//	S3SEAL_SCHEDULES=n   so many, for each storage
//	S3SEAL_FIRST_SEED=n  from that one on
func TestSchedules(t *testing.T) {
	t.Run("mem", func(t *testing.T) { runSchedules(t, chaosOverMem(t), 3) })
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		runSchedules(t, chaosOver(t, srv, bucket), 1)
		d := newDriver(t, srv.Client(t), bucket, nil)
		b := backend.NewBucket(d, nil, nil, nil)
		if _, err := b.AbortStale(t.Context(), "", -time.Hour, &backend.StaleOptions{AllUploads: true, Abort: true}); err != nil {
			t.Error(err)
		}
		if n := srv.IncompleteUploads(t, bucket); n != 0 {
			t.Errorf("%d uploads after AbortStale, want 0", n)
		}
	})
}

// chaosOverMem returns what schedules happen to without a server.
func chaosOverMem(t *testing.T) *backendtest.ChaosStorage {
	t.Helper()
	d := mem.New()
	return &backendtest.ChaosStorage{
		Clean: func() (backend.Driver, func()) { return d, func() {} },
		Faulty: func(s *backendtest.Schedule, _ string) (backend.Driver, func()) {
			return backendtest.ChaosDriver(d, s), func() {}
		},
		Profiles: chaosProfiles(t),
		Dir:      t.TempDir(),
	}
}

// runSchedules runs times as many schedules as usual.
func runSchedules(t *testing.T, st *backendtest.ChaosStorage, times uint64) {
	t.Helper()
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	first, count := schedules(t)
	if count > 1 {
		count *= times
	}
	begin := time.Now()
	hits := make(map[backendtest.FaultClass]int)
	done, operations, succeeded, resent := uint64(0), 0, 0, 0
	for ; !enough(st, done, count, hits) && t.Context().Err() == nil; done++ {
		seed := first + done
		run := backendtest.RunSchedule(st, seed)
		if len(run.Violations) > 0 {
			t.Errorf("S3SEAL_SEED=%d (%s):\n%s\n%v", seed, run.Profile, strings.Join(run.Violations, "\n"), run.Schedule)
		}
		for class, n := range run.Schedule.Hits() {
			hits[class] += n
		}
		operations, succeeded, resent = operations+run.Operations, succeeded+run.Succeeded, resent+run.Resent
	}
	t.Logf("%d schedules from %d on in %v: %d operations, %d succeeded, %d pieces sent again; faults %v",
		done, first, time.Since(begin).Round(time.Millisecond), operations, succeeded, resent, hits)
	if entries, err := os.ReadDir(temp); err != nil || len(entries) > 0 {
		t.Errorf("temporary files left behind: %v, %v", entries, err)
	}
	if never := neverHit(st, hits); count >= longSchedules && len(never) > 0 {
		t.Errorf("faults of the classes %v have never happened", never)
	}
}

// enough says whether so many schedules will do. In the long form each class must
// have happened, else nothing was proved about it: the rarest do three times in 300
// schedules, and in some 300 not at all, after which there are more.
func enough(st *backendtest.ChaosStorage, done, count uint64, hits map[backendtest.FaultClass]int) bool {
	if done < count || count < longSchedules {
		return done >= count
	}
	return len(neverHit(st, hits)) == 0 || done >= 5*count
}

// neverHit returns the classes that have not happened.
func neverHit(st *backendtest.ChaosStorage, hits map[backendtest.FaultClass]int) (never []backendtest.FaultClass) {
	for class := backendtest.FaultClass(1); int(class) <= backendtest.FaultClasses; class++ {
		if class == backendtest.FaultDisk && !st.Retries {
			continue // memory has no disk
		}
		if hits[class] == 0 {
			never = append(never, class)
		}
	}
	return never
}
