// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/s3seal/s3seal/backend"
)

// A ChaosStorage is what [RunSchedule] lets schedules happen to.
type ChaosStorage struct {
	// Clean returns a driver to which nothing happens. end frees all that it holds.
	Clean func() (d backend.Driver, end func())

	// Faulty returns one over the same storage to which s happens. dir is for its
	// temporary files.
	Faulty func(s *Schedule, dir string) (d backend.Driver, end func())

	// Profiles are the ways to seal of which a run uses one.
	Profiles []ChaosProfile

	// Large, if not 0, is the size in bytes of a plaintext that takes more than one
	// part.
	Large int

	// Retries says that who uses the driver tries again what a connection has lost,
	// or a storage refused for a moment, at least five times in a row.
	Retries bool

	// Dir is a folder for files, of which none may be left.
	Dir string

	// Grace is how long goroutines and descriptors may take to be gone; 0 is 5 s.
	Grace time.Duration
}

// A ChaosProfile is a way to seal.
type ChaosProfile struct {
	Name string // that ChaosRun.Profile has

	// Bucket returns a bucket over d; s, if not nil, also happens to its keys, and
	// dir is for its temporary files.
	Bucket func(d backend.Driver, s *Schedule, dir string) *backend.Bucket

	Rewrap    *backend.RewrapOptions // nil if there is no other key
	Resumable bool                   // PutResumable takes the format
	Verified  bool                   // Get delivers nothing before all is verified
	ReadOnly  bool                   // only reads can be all or nothing
	NoRanges  bool                   // neither GetRange nor ReaderAt
}

// ChaosRun is what has come of a schedule.
type ChaosRun struct {
	Schedule   *Schedule // what has gone wrong
	Profile    string    // how was sealed
	Operations int       // that were tried
	Succeeded  int       // of them
	Resent     int       // pieces of ciphertext that were sent more than once, and compared
	Violations []string  // of what must hold whatever happens; there should be none
}

const (
	noObject = -1
	chaosKey = "chaos/object"

	// patience is how long an operation may take. Drivers give requests that were
	// sent some seconds.
	patience = 25 * time.Second
)

// A chaosRun is a ChaosRun under way: a storage, and what may be in it.
type chaosRun struct {
	*ChaosRun
	st      *ChaosStorage
	profile ChaosProfile
	random  *rand.Rand
	dir     string
	s       *Schedule
	clean   backend.Driver
	calm    *backend.Bucket // over clean
	faulty  *backend.Bucket
	adrift  bool

	mu        sync.Mutex
	texts     [][]byte     // by generation
	now       map[int]bool // the generations that may be stored
	ghosts    map[int]bool // that may yet come to be
	intruders []int        // of this operation, in the order in which they have put
	intruding sync.Mutex   // one at a time: of two at once nobody would know the last
}

// RunSchedule lets what follows from a seed happen to an object, and checks that
// nothing of it shows:
//
//   - what was read is what was stored, or the start of it and an error;
//   - a put that has succeeded can be read, and one that has failed has changed
//     nothing, unless only its answer was lost; readers see the old or the new;
//   - what was to be got over has been;
//   - no upload is left, but where the request that begins or aborts it was hit, and
//     then AbortStale removes it;
//   - whatever is sent again is the same ciphertext;
//   - no goroutine, descriptor or file is left.
//
// Runs must not overlap, since goroutines belong to nobody.
func RunSchedule(st *ChaosStorage, seed uint64) *ChaosRun {
	base := CountResources()
	r := &chaosRun{
		ChaosRun: &ChaosRun{Schedule: NewSchedule(seed)},
		st:       st,
		random:   rand.New(rand.NewPCG(seed, 2)),
		now:      map[int]bool{noObject: true},
		ghosts:   map[int]bool{},
	}
	r.s = r.Schedule
	r.profile = st.Profiles[r.random.IntN(len(st.Profiles))]
	r.Profile = r.profile.Name
	var err error
	if r.dir, err = os.MkdirTemp(st.Dir, "run-"); err != nil {
		r.violate("%v", err)
		return r.ChaosRun
	}
	defer os.RemoveAll(r.dir)
	r.run()
	r.leaks(base)
	return r.ChaosRun
}

func (r *chaosRun) violate(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Violations = append(r.Violations, fmt.Sprintf(format, args...))
}

func (r *chaosRun) run() {
	clean, end := r.st.Clean()
	defer end()
	r.clean, r.calm = clean, r.profile.Bucket(clean, nil, r.dir)
	if r.profile.ReadOnly || r.random.IntN(4) > 0 {
		gen := r.text()
		if _, err := r.calm.Put(context.Background(), chaosKey, bytes.NewReader(r.texts[gen]), -1, nil); err != nil {
			r.violate("prepare: %v", err)
			return
		}
		r.now = map[int]bool{gen: true}
	}
	if !r.profile.ReadOnly {
		r.s.intrude = r.intrude
	}
	faulty, endFaulty := r.st.Faulty(r.s, r.dir)
	r.faulty = r.profile.Bucket(faulty, r.s, r.dir)
	for range 3 + r.random.IntN(4) {
		r.operate()
		r.probe("after it")
	}
	endFaulty()
	r.uploads()
	r.Violations = append(r.Violations, r.s.messages.violations()...)
	r.Resent = r.s.messages.count
	if err := r.calm.Delete(context.Background(), chaosKey); err != nil && !errors.Is(err, backend.ErrNotExist) {
		r.violate("delete at the end: %v", err)
	}
}

// sizes are those around the bounds of blocks and buffers.
var sizes = []int{0, 1, 15, 16, 17, 1000, 65_535, 65_536, 65_537, 131_072 + 17, 300_000}

// text makes the plaintext of a new generation and returns its number.
func (r *chaosRun) text() int {
	n := sizes[r.random.IntN(len(sizes))]
	if r.st.Large > 0 && r.random.IntN(6) == 0 {
		n = r.st.Large + r.random.IntN(1000)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts = append(r.texts, pattern(r.s.Seed+uint64(len(r.texts))<<32, n))
	return len(r.texts) - 1
}

// intrude is a put of somebody else.
func (r *chaosRun) intrude() {
	r.intruding.Lock()
	defer r.intruding.Unlock()
	r.mu.Lock()
	gen := len(r.texts)
	r.texts = append(r.texts, pattern(r.s.Seed+uint64(gen)<<32, 2000+gen))
	data := r.texts[gen]
	r.mu.Unlock()
	if _, err := r.calm.Put(context.Background(), chaosKey, bytes.NewReader(data), -1, nil); err != nil {
		r.violate("put of another client: %v", err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.intruders = append(r.intruders, gen)
}

// allowed returns the generations that may be read now, or noObject, and more.
func (r *chaosRun) allowed(more ...int) map[int]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := maps.Clone(r.now)
	maps.Copy(all, r.ghosts)
	for _, gen := range slices.Concat(more, r.intruders) {
		all[gen] = true
	}
	return all
}

// An outcome is what an operation has done.
type outcome struct {
	what     string
	gen      int  // that it puts; noObject if it deletes
	changes  bool // it puts or deletes
	must     bool // it cannot but fail if false
	err      error
	finished bool // gen is stored or not at all, whatever has happened before
}

// operate does one operation and draws the conclusions.
func (r *chaosRun) operate() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.intruders = nil
	r.s.begin(cancel)
	start := time.Now()
	o := r.draw()(ctx)
	a := r.s.end()
	r.Operations++
	r.s.note("%s = %v", o.what, o.err)
	if took := time.Since(start); took > patience {
		r.violate("%s: took %v", o.what, took)
	}
	if o.err == nil {
		r.Succeeded++
	} else if o.must && (a.hits == 0 || r.st.Retries && !a.harsh && a.hits <= 5) {
		r.violate("%s = %v, and nothing has happened that need not have been got over", o.what, o.err)
	}
	r.adrift = r.adrift || a.adrift
	r.conclude(o, a)
}

// conclude works out what may be stored after an operation.
func (r *chaosRun) conclude(o outcome, a account) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o.changes && a.ghost && !o.finished {
		r.ghosts[o.gen] = true
	}
	switch {
	case o.changes && o.err == nil && (a.sent || o.finished):
		r.now = map[int]bool{o.gen: true}
	case o.changes && o.err == nil:
		r.Violations = append(r.Violations, o.what+" has succeeded, and nothing was done")
	case o.changes && a.sent:
		r.now[o.gen] = true
	case len(r.intruders) > 0:
		r.now = map[int]bool{} // nobody may have undone what they have put
	}
	if n := len(r.intruders); n > 0 {
		r.now[r.intruders[n-1]] = true
	}
	r.intruders = nil
}

// draw returns the next operation.
func (r *chaosRun) draw() func(context.Context) outcome {
	reads := []func(context.Context) outcome{r.get, r.get, r.getFile, r.stat}
	if !r.profile.NoRanges {
		reads = append(reads, r.getRange, r.readerAt)
	}
	all := slices.Concat(reads, []func(context.Context) outcome{r.put, r.put, r.put, r.create, r.delete})
	if r.profile.Rewrap != nil {
		all = append(all, r.rewrap, r.rewrap)
	}
	if r.profile.Resumable {
		all = append(all, r.resumable, r.resumable)
	}
	if r.profile.ReadOnly {
		all = reads
	}
	return all[r.random.IntN(len(all))]
}

// probe reads the object over the clean driver, which cannot fail.
func (r *chaosRun) probe(when string, more ...int) {
	got, err := r.read(context.Background(), r.calm)
	allowed := r.allowed(more...)
	gen := r.find(allowed, func(text []byte) bool { return bytes.Equal(text, got) })
	switch {
	case errors.Is(err, backend.ErrNotExist) && allowed[noObject]:
		gen = noObject
	case err != nil:
		r.violate("read %s = %v, want one of %v", when, err, allowed)
		return
	case gen == noObject:
		r.violate("read %s: %d bytes that are none of %v", when, len(got), allowed)
		return
	}
	if len(r.ghosts) == 0 && len(more) == 0 {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.now = map[int]bool{gen: true}
	}
}

// find returns one of the generations for whose text ok holds, or noObject.
func (r *chaosRun) find(gens map[int]bool, ok func(text []byte) bool) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for gen := range gens {
		if gen != noObject && ok(r.texts[gen]) {
			return gen
		}
	}
	return noObject
}

// uploads wants none to be left, or AbortStale to remove what is.
func (r *chaosRun) uploads() {
	m, ok := r.clean.(backend.Multiparter)
	if !ok {
		return
	}
	ctx := context.Background()
	list, err := m.ListUploads(ctx, chaosKey)
	if err != nil || len(list) > 0 && !r.adrift {
		r.violate("uploads at the end: %v, %v, want none", list, err)
	}
	if _, err := r.calm.AbortStale(ctx, chaosKey, -time.Hour, &backend.StaleOptions{AllUploads: true, Abort: true}); err != nil {
		r.violate("AbortStale = %v", err)
	}
	if list, err := m.ListUploads(ctx, chaosKey); err != nil || len(list) > 0 {
		r.violate("uploads after AbortStale: %v, %v, want none", list, err)
	}
}

// leaks wants the process to hold no more than at the beginning.
func (r *chaosRun) leaks(base Resources) {
	if left := base.Exceeded(cmp.Or(r.st.Grace, 5*time.Second)); left != "" {
		r.violate("left behind: %s", left)
	}
	filepath.WalkDir(r.dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			r.violate("file left behind: %s", path)
		}
		return nil
	})
}
