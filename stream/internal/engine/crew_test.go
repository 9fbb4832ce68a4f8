// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/s3seal/s3seal/internal/race"
)

var errFault = errors.New("the cable was pulled")

// counting is a job that sends numbers through its pieces and checks that it
// is called as promised.
type counting struct {
	produce, consume func(i int) error // may be nil
	work             func(i int)
	n                int // pieces to make
	made             int
	got              []int
	working          atomic.Int64
}

func (j *counting) Produce(p *Piece) error {
	if p.Buf == nil {
		panic("no buffer")
	}
	if j.made == j.n {
		return io.EOF
	}
	if j.produce != nil {
		if err := j.produce(j.made); err != nil {
			return err
		}
	}
	p.Off = int64(j.made)
	p.Buf[0] = byte(j.made)
	p.In = p.Buf[:1]
	j.made++
	return nil
}

func (j *counting) Work(p *Piece) {
	j.working.Add(1)
	defer j.working.Add(-1)
	if j.work != nil {
		j.work(int(p.Off))
	}
	p.Sum[0] = p.In[0] + 1
}

func (j *counting) Consume(p *Piece) error {
	if p.Sum[0] != byte(p.Off)+1 {
		return fmt.Errorf("piece %d came without Work", p.Off)
	}
	if j.consume != nil {
		if err := j.consume(int(p.Off)); err != nil {
			return err
		}
	}
	p.Sum[0] = 0
	j.got = append(j.got, int(p.Off))
	return nil
}

// check checks that pieces 0 to n-1 were consumed, and nobody works any more.
func (j *counting) check(n int) error {
	want := make([]int, n)
	for i := range want {
		want[i] = i
	}
	if !slices.Equal(j.got, want) {
		return fmt.Errorf("consumed %v, want 0 to %d", j.got, n-1)
	}
	if w := j.working.Load(); w != 0 {
		return fmt.Errorf("%d pieces are still being worked on", w)
	}
	return nil
}

// withCores runs f with several numbers of cores, as far as the scheduler goes.
func withCores(t *testing.T, f func(t *testing.T)) {
	for _, n := range []int{1, 2, 3, 8} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
			f(t)
		})
	}
}

func TestRunKeepsOrder(t *testing.T) {
	withCores(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			slow := rapid.SliceOfN(rapid.IntRange(0, 3), 1, 5).Draw(t, "slow")
			j := &counting{n: rapid.IntRange(0, 40).Draw(t, "n")}
			j.work = func(i int) {
				for range slow[i%len(slow)] {
					runtime.Gosched()
				}
			}
			if err := Run(j); err != nil {
				t.Fatal(err)
			}
			if err := j.check(j.n); err != nil {
				t.Fatal(err)
			}
		})
	})
}

func TestRunErrors(t *testing.T) {
	withCores(t, func(t *testing.T) {
		for at := range 20 {
			fail := func(i int) error {
				if i == at {
					return errFault
				}
				return nil
			}
			for name, j := range map[string]*counting{
				"source": {n: 30, produce: fail},
				"sink":   {n: 30, consume: fail},
			} {
				if err := Run(j); err != errFault {
					t.Errorf("%s fails at %d: %v, want the fault", name, at, err)
				}
				// What came before a fault of the source is passed on.
				if err := j.check(at); err != nil {
					t.Errorf("%s fails at %d: %v", name, at, err)
				}
			}
		}
	})
}

// TestFirstErrorWins: the fault of a piece comes before that of a later one.
func TestFirstErrorWins(t *testing.T) {
	withCores(t, func(t *testing.T) {
		j := &counting{n: 9}
		j.produce = func(i int) error {
			if i == 2 {
				return errors.New("later")
			}
			return nil
		}
		j.consume = func(i int) error {
			if i == 1 {
				return errFault
			}
			return nil
		}
		if err := Run(j); err != errFault {
			t.Errorf("Run = %v, want %v", err, errFault)
		}
	})
}

// TestRunIsLeft leaves a run by panics and Goexit while others work for it.
func TestRunIsLeft(t *testing.T) {
	ways := map[string]func(){"panic": func() { panic(errFault) }, "Goexit": runtime.Goexit}
	withCores(t, func(t *testing.T) {
		for name, leave := range ways {
			at := func(i int) error {
				if i == 5 {
					leave()
				}
				return nil
			}
			for where, j := range map[string]*counting{"Produce": {produce: at}, "Consume": {consume: at}} {
				j.n, j.work = 30, func(int) { time.Sleep(time.Millisecond) }
				left := make(chan any)
				go func() {
					defer close(left)
					defer func() { left <- recover() }()
					Run(j)
				}()
				if got := <-left; (got == any(errFault)) != (name == "panic") {
					t.Errorf("%s in %s: recovered %v", name, where, got)
				}
				<-left
				if n := j.working.Load(); n != 0 {
					t.Errorf("%s in %s: %d pieces are still being worked on", name, where, n)
				}
			}
		}
	})
}

// TestManyRuns has a thousand streams at work at once: they share the cores.
func TestManyRuns(t *testing.T) {
	const streams = 1000
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	var wg sync.WaitGroup
	var most atomic.Int64
	before := runtime.NumGoroutine()
	gate := make(chan struct{})
	for range streams {
		wg.Go(func() {
			<-gate
			j := &counting{n: 12, produce: func(int) error {
				most.Store(max(most.Load(), int64(runtime.NumGoroutine())))
				return nil
			}}
			if err := Run(j); err != nil {
				t.Error(err)
			}
			if err := j.check(12); err != nil {
				t.Error(err)
			}
		})
	}
	close(gate)
	wg.Wait()
	// One that has given its core back may not be gone yet.
	if extra := int(most.Load()) - before - streams; extra > 20 {
		t.Errorf("%d goroutines besides those of the callers, want about 2", extra)
	}
	if n := busy.Load(); n != 0 {
		t.Errorf("%d cores were not given back", n)
	}
}

// TestNobodyToHelp: where all cores are busy elsewhere, nothing is read ahead.
func TestNobodyToHelp(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	busy.Add(1000)
	defer busy.Add(-1000)
	ahead, most := 0, 0
	j := &counting{n: 100, produce: func(int) error {
		ahead++
		most = max(most, ahead)
		return nil
	}, consume: func(int) error {
		ahead--
		return nil
	}}
	if err := Run(j); err != nil {
		t.Fatal(err)
	}
	if most > 2 {
		t.Errorf("%d chunks are on their way, want no more than 2", most)
	}
}

// TestRunAllocatesNothing does not use testing.AllocsPerRun, which leaves but
// one core. What is in a pool is found on the core only where it was left, and a
// goroutine may move to one where nothing was yet: the least of some tries counts.
func TestRunAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector makes sync.Pool drop things at random")
	}
	const rounds, tries = 200, 10
	withCores(t, func(t *testing.T) {
		j := &counting{got: make([]int, 0, 100)}
		runs := func(rounds int) {
			for range rounds {
				j.n, j.made, j.got = 20, 0, j.got[:0]
				if err := Run(j); err != nil {
					t.Fatal(err)
				}
			}
		}
		runs(10)
		least := uint64(rounds)
		for range tries {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			runs(rounds)
			runtime.ReadMemStats(&after)
			least = min(least, after.Mallocs-before.Mallocs)
			if least < rounds/2 {
				return
			}
		}
		t.Errorf("%d allocations in %d runs, want close to none", least, rounds)
	})
}

// TestPiecesAreCleared looks at what a run leaves behind.
func TestPiecesAreCleared(t *testing.T) {
	var seen []*Piece
	j := &counting{n: 20}
	spy := &spying{j, &seen}
	if err := Run(spy); err != nil {
		t.Fatal(err)
	}
	for _, p := range seen {
		if p.Buf != nil || p.In != nil || p.Out != nil || p.Sum != [16]byte{} || p.Block != [16]byte{} {
			t.Errorf("left behind: %+v", p)
		}
	}
}

type spying struct {
	*counting
	seen *[]*Piece
}

func (s *spying) Consume(p *Piece) error {
	*s.seen = append(*s.seen, p)
	err := s.counting.Consume(p)
	p.Sum[3], p.Block[3] = 1, 1
	return err
}
