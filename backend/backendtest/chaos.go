// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A FaultClass is a class of what goes wrong between a program and its storage.
type FaultClass int

// The classes, by what happens.
const (
	FaultCut      FaultClass = 1 + iota // a connection ends in the middle of a body
	FaultStatus                         // 503, 500, 429, 408, so many times in a row
	FaultLength                         // a body that is not as long as was announced
	FaultRange                          // another range than the one that was asked for
	FaultChanged                        // the object is replaced between two requests
	FaultSource                         // what is read to be put fails, ends, panics or stalls
	FaultAnswer                         // a change fails with 200, or succeeds without an answer
	FaultKilled                         // nothing gets through any more, as after kill -9
	FaultCanceled                       // the context is cancelled, or a request stalls until it is
	FaultKeys                           // the KMS, or the instruction file, answers nonsense or not
	FaultClock                          // the clock is wrong, credentials have expired
	FaultOrder                          // requests overtake each other
	FaultDisk                           // temporary files cannot be written
	faultClasses
)

// FaultClasses is how many classes there are; they are numbered from 1 on.
const FaultClasses = int(faultClasses) - 1

// The kinds of what a fault can happen to.
const (
	kindPut         = "put"
	kindStart       = "start"
	kindPart        = "part"
	kindComplete    = "complete"
	kindAbort       = "abort"
	kindParts       = "parts"
	kindUploads     = "uploads"
	kindGet         = "get"
	kindInstruction = "instruction" // the get of an instruction file
	kindHead        = "head"
	kindCopy        = "copy" // of an object, or of a part of one
	kindDelete      = "delete"
	kindList        = "list"
	kindSource      = "source"
	kindKMS         = "kms"
	kindDisk        = "disk"
)

// faultKinds says what a class happens to. What comes more than once is likelier.
var faultKinds = map[FaultClass][]string{
	FaultCut:      {kindGet, kindGet, kindPut, kindPart, kindComplete, kindStart, kindHead, kindCopy, kindAbort},
	FaultStatus:   {kindGet, kindPut, kindPart, kindComplete, kindStart, kindHead, kindCopy, kindAbort, kindDelete, kindParts},
	FaultLength:   {kindGet},
	FaultRange:    {kindGet},
	FaultChanged:  {kindGet, kindGet, kindHead, kindPart, kindComplete, kindComplete, kindPut, kindStart, kindCopy, kindCopy},
	FaultSource:   {kindSource},
	FaultAnswer:   {kindComplete, kindComplete, kindPut, kindStart, kindCopy, kindDelete},
	FaultKilled:   {kindGet, kindPut, kindPart, kindPart, kindComplete, kindStart, kindCopy, kindAbort},
	FaultCanceled: {kindGet, kindPut, kindPart, kindComplete, kindStart, kindHead, kindCopy, kindAbort},
	FaultKeys:     {kindKMS, kindKMS, kindInstruction},
	FaultClock:    {kindGet, kindPut, kindPart, kindComplete, kindStart, kindHead, kindCopy},
	FaultOrder:    {kindGet, kindPart, kindPart, kindPut},
	FaultDisk:     {kindDisk},
}

// likely are classes with so many ways and places that they come more often.
var likely = []FaultClass{FaultCut, FaultChanged, FaultChanged, FaultAnswer}

// A fault is one thing that goes wrong.
type fault struct {
	class   FaultClass
	kind    string
	skip    int           // of its kind that pass before
	count   int           // of its kind, one after the other, that it happens to
	at      int64         // where in a body, in thousandths
	variant int           // which of the ways, from 0 on
	pause   time.Duration // of what takes its time
}

func (f *fault) String() string {
	return fmt.Sprintf("F%d/%d %s+%d x%d at %d", f.class, f.variant, f.kind, f.skip, f.count, f.at)
}

// where returns the place of f in a body of n bytes.
func (f *fault) where(n int64) int64 { return n/1000*f.at + n%1000*f.at/1000 }

// A Schedule is what goes wrong in one run, and when: all of it follows from
// Seed, but for what the moment decides where requests meet. Use [NewSchedule].
//
// A Schedule is safe for concurrent use.
type Schedule struct {
	Seed uint64 // that NewSchedule was given

	mu       sync.Mutex
	faults   []*fault
	dead     bool
	now      account
	log      []string
	hits     [faultClasses]int
	intrude  func() // replaces the object
	messages messages
}

// An account is what has happened during one operation.
type account struct {
	cancel func() // of its context
	hits   int
	harsh  bool // something that need not be got over
	sent   bool // a change of the object may have been carried out
	ghost  bool // and may yet be
	adrift bool // an upload may have been left behind
}

// NewSchedule draws what goes wrong from a seed. A few of all schedules are empty.
func NewSchedule(seed uint64) *Schedule {
	s := &Schedule{Seed: seed}
	random := rand.New(rand.NewPCG(seed, 1))
	for range random.IntN(6) {
		s.faults = append(s.faults, drawFault(random))
	}
	return s
}

func drawFault(random *rand.Rand) *fault {
	class := FaultClass(1 + random.IntN(FaultClasses+len(likely)))
	if int(class) > FaultClasses {
		class = likely[int(class)-FaultClasses-1]
	}
	kinds := faultKinds[class]
	f := &fault{
		class:   class,
		kind:    kinds[random.IntN(len(kinds))],
		skip:    max(0, random.IntN(5)-2),
		count:   1 + random.IntN(3),
		at:      random.Int64N(1001),
		variant: random.IntN(12),
		pause:   time.Duration(random.IntN(8)) * time.Millisecond,
	}
	if class == FaultStatus && random.IntN(4) == 0 {
		f.count = 1 + random.IntN(12) // more than anybody tries
	}
	return f
}

// Hits returns how often each class has happened, by its number.
func (s *Schedule) Hits() map[FaultClass]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	hits := make(map[FaultClass]int)
	for class, n := range s.hits {
		if n > 0 {
			hits[FaultClass(class)] = n
		}
	}
	return hits
}

// String returns the faults, and what has happened.
func (s *Schedule) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("seed %d: %v\n\t%s", s.Seed, s.faults, strings.Join(s.log, "\n\t"))
}

func (s *Schedule) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

// begin opens the account of an operation under a context that cancel ends.
func (s *Schedule) begin(cancel func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = account{cancel: cancel}
}

// end closes the account. A process that was killed is followed by another one.
func (s *Schedule) end() account {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = false
	return s.now
}

// hit returns what happens to the next one of a kind, if anything does.
func (s *Schedule) hit(kind string) *fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.kind != kind || f.count == 0 {
			continue
		}
		if f.skip > 0 {
			f.skip--
			continue
		}
		f.count--
		s.hits[f.class]++
		s.now.hits++
		s.now.harsh = s.now.harsh || !f.mild()
		s.log = append(s.log, f.String())
		return f
	}
	return nil
}

// mild says whether who tries again gets over the fault, if there are not too many.
func (f *fault) mild() bool {
	switch f.class {
	case FaultOrder:
		return true
	case FaultStatus, FaultCut:
		return slices.Contains([]string{kindGet, kindPut, kindPart, kindHead, kindParts}, f.kind)
	}
	return false
}

// tell adds to the account.
func (s *Schedule) tell(f func(a *account)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.now)
}

// kill lets nothing pass until the end of the operation.
func (s *Schedule) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = true
	s.now.adrift = true
}

func (s *Schedule) isDead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead
}

// cancel ends the context of the operation.
func (s *Schedule) cancel() { s.canceler()() }

// canceler returns what ends the context of this operation, and of no later one.
func (s *Schedule) canceler() func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.cancel == nil {
		return func() {}
	}
	return s.now.cancel
}

// change has somebody else replace the object.
func (s *Schedule) change() {
	s.mu.Lock()
	intrude := s.intrude
	s.mu.Unlock()
	if intrude != nil {
		intrude()
	}
}

// KeyFault is for keys under test: it returns how the next use of one goes wrong,
// if it does.
func (s *Schedule) KeyFault() (err error, short bool) {
	f := s.hit(kindKMS)
	switch {
	case f == nil:
		return nil, false
	case f.variant%3 == 0:
		return nil, true
	}
	return fmt.Errorf("kms: throttled, or down: %w", syscall.ECONNREFUSED), false
}

// DiskFault is for temporary files under test: it returns why the next one cannot
// be written, or nil.
func (s *Schedule) DiskFault() error {
	if f := s.hit(kindDisk); f != nil {
		return syscall.ENOSPC
	}
	return nil
}
