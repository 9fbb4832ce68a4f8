// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"io"
	"runtime"
	"sync"
	"sync/atomic"
)

// A Job is what is to be done with a run of pieces.
//
// Produce and Consume are called by the goroutine that called Run, in the
// order of the pieces: they may talk to the caller's source and sink, and
// change the state of the stream. Work may be called by any goroutine, for
// several pieces at once: it changes nothing but the piece.
type Job interface {
	// Produce makes the next piece, of which it finds Buf set. io.EOF means
	// that there is none.
	Produce(p *Piece) error

	Work(p *Piece)

	// Consume takes the oldest piece after Work.
	Consume(p *Piece) error
}

// Run passes pieces through j until Produce returns an error, and then those
// that are still on their way. It returns the first error in the order of the
// pieces, and nil for io.EOF of Produce. No goroutine is left when it returns,
// or when Produce or Consume panics.
//
// Up to two pieces a core are on their way at a time. Work is done by this
// goroutine whenever it has to wait, and by as many others as there are free
// cores: all runs of the process share GOMAXPROCS - 1 of them. They are taken
// for as long as there is work and not for the whole run, so that one that
// waits for its source keeps none from the others.
func Run(j Job) error {
	c := crews.Get().(*crew)
	returned := false
	defer func() { c.disband(returned) }()
	c.start(j)
	err := c.run()
	returned = true
	return err
}

func (c *crew) run() error {
	var err error
	for err == nil {
		for c.len() > 0 && (c.len() == c.window || c.oldest().poll()) {
			if early := c.consume(); early != nil {
				return early
			}
		}
		err = c.produce()
	}
	for c.len() > 0 {
		if late := c.consume(); late != nil {
			return late
		}
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// A crew is the pieces of one run and the goroutines that work on them.
type crew struct {
	job     Job
	others  int64       // most goroutines besides those of Run, over all runs
	window  int         // most pieces on their way
	pieces  []*Piece    // a ring: those on their way are between first and next
	first   int         // counts pieces consumed
	next    int         // counts pieces produced
	todo    chan *Piece // produced, and nobody's yet; a window fits in
	running sync.WaitGroup
	hands   atomic.Int64 // goroutines of running
	hired   func()       // c.work, made once, so that starting it allocates nothing
}

var crews = sync.Pool{New: func() any {
	c := new(crew)
	c.hired = c.work
	return c
}}

// Cores returns how many cores there are to run on.
func Cores() int { return runtime.GOMAXPROCS(0) }

// busy counts the goroutines that were hired, over all runs.
var busy atomic.Int64

func (c *crew) start(j Job) {
	cores := Cores()
	c.job, c.others, c.window = j, int64(cores-1), 2*cores
	if cores == 1 {
		c.window = 1 // nobody to work ahead
	}
	for len(c.pieces) < c.window {
		c.pieces = append(c.pieces, &Piece{done: make(chan struct{}, 1)})
	}
	if cap(c.todo) < c.window {
		c.todo = make(chan *Piece, c.window)
	}
}

func (c *crew) len() int       { return c.next - c.first }
func (c *crew) oldest() *Piece { return c.pieces[c.first%c.window] }

// produce makes a piece and leaves it to whoever is free first.
func (c *crew) produce() error {
	p := c.pieces[c.next%c.window]
	if p.Buf == nil {
		p.Buf = NewChunk()
	}
	p.Public = false
	if err := c.job.Produce(p); err != nil {
		return err
	}
	p.isDone = false
	c.next++
	c.todo <- p
	if !c.hire() && c.hands.Load() == 0 {
		c.workOne() // to read ahead is of no use
	}
	return nil
}

// hire starts a goroutine if there is a core for it.
func (c *crew) hire() bool {
	if busy.Add(1) > c.others {
		busy.Add(-1)
		return false
	}
	c.hands.Add(1)
	c.running.Add(1)
	go c.hired()
	return true
}

// work works until nothing is left to do. A piece that comes just after that
// is not lost: Run works, too.
func (c *crew) work() {
	defer c.running.Done()
	defer c.hands.Add(-1)
	defer busy.Add(-1)
	for c.workOne() {
	}
}

// workOne works on one piece, if there is one.
func (c *crew) workOne() bool {
	select {
	case p := <-c.todo:
		c.job.Work(p)
		p.done <- struct{}{}
		return true
	default:
		return false
	}
}

// consume waits for the oldest piece, working meanwhile, and passes it on.
func (c *crew) consume() error {
	p := c.oldest()
	for !p.poll() {
		if !c.workOne() {
			<-p.done
			p.isDone = true
		}
	}
	c.first++
	return c.job.Consume(p)
}

// poll says whether Work is over.
func (p *Piece) poll() bool {
	select {
	case <-p.done:
		p.isDone = true
	default:
	}
	return p.isDone
}

// disband drops what nobody has begun, waits for the rest, and clears all. Where
// Produce or Consume has panicked it leaves the pieces to the garbage collector:
// a source that did not return may still be writing into one.
func (c *crew) disband(returned bool) {
	for drained := false; !drained; {
		select {
		case <-c.todo:
		default:
			drained = true
		}
	}
	c.running.Wait()
	if !returned {
		return
	}
	for _, p := range c.pieces {
		p.poll()
		p.wipe()
	}
	c.job, c.first, c.next = nil, 0, 0
	crews.Put(c)
}
